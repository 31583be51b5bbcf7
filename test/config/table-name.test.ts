import fc from 'fast-check';
import { nearest } from '../../config/near-miss';
import { formatTableName, parseTableName } from '../../config/table-name';

describe('a table name', () => {
  it.each([
    ['orders', 'public', 'orders'],
    ['sales.Orders', 'sales', 'Orders'],
    ['public."Order Items"', 'public', 'Order Items'],
    ['"a.b"."c""d"', 'a.b', 'c"d'],
    ['größe.表', 'größe', '表'],
  ])('%s', (text, schema, table) => {
    expect(parseTableName(text)).toEqual({ schema, table });
  });

  it.each([
    '',
    '.',
    'a.',
    '.a',
    'a.b.c',
    'a b',
    'postgres://me@h/db',
    '"a',
    '""',
    'a"b"',
    `x${'y'.repeat(63)}`,
    'a\0b',
    '"a\0"',
  ])('is not %j', (text) => {
    expect(parseTableName(text)).toBeNull();
  });

  it('reads back as it was written', () => {
    const identifier = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 15 })
      .filter((name) => !name.includes('\0') && Buffer.byteLength(name) <= 63);
    fc.assert(
      fc.property(identifier, identifier, (schema, table) => {
        expect(parseTableName(formatTableName({ schema, table }))).toEqual({ schema, table });
      }),
    );
  });
});

describe('nearest', () => {
  it.each([
    ['chunk_rows', 'chunkRows'],
    ['CHUNK-ROWS', 'chunkRows'],
    ['setlte', 'settle'],
    ['tabels', 'tables'],
    ['zebra', null],
    ['', null],
  ])('%s is near %s', (text, near) => {
    expect(nearest(text, ['chunkRows', 'settle', 'tables'])).toBe(near);
  });
});
