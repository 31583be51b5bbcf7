import fc from 'fast-check';
import { duration, instant, keyText, plural, printable, value } from '../../../client/render/text';

test('numbers and durations read well', () => {
  expect(plural(1, 'row')).toBe('1 row');
  expect(plural(1_234_567, 'row')).toBe('1,234,567 rows');
  expect([0, 80, 999.6, 2_449, 59_949, 59_951, 185_000, 3_725_000].map(duration)).toEqual([
    '0 ms',
    '80 ms',
    '1000 ms',
    '2.4 s',
    '59.9 s',
    '1 m 00 s',
    '3 m 05 s',
    '1 h 02 m',
  ]);
  expect(instant('2026-03-01T12:00:05.123Z')).toBe('2026-03-01 12:00:05 UTC');
});

test('no value can move the cursor, clear the screen or turn the line around', () => {
  expect(printable('a\u001b[2Jb\r\n\u202ec')).toBe('a\\u001b[2Jb\\r\\n\\u202ec');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(value(text)).not.toMatch(/\p{Cc}/u);
    }),
  );
});

test('NULL, the text NULL and the empty text look different', () => {
  expect([value(null), value('NULL'), value(''), value("O'Neil")]).toEqual(['NULL', "'NULL'", "''", "'O''Neil'"]);
});

test('a long value is cut by characters, not inside one, and says how long it is', () => {
  expect(value('😀'.repeat(5), 3)).toBe("'😀😀😀'… (5 characters)");
});

test('a key shows its columns, quoted where a bare value would mislead', () => {
  expect(keyText({ id: '42' })).toBe('id=42');
  expect(keyText({ region: 'a b', id: null })).toBe("region='a b' id=NULL");
});
