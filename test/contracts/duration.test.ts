import fc from 'fast-check';
import { parseDuration } from '../../contracts/duration';

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['2s', 2_000],
    ['1.5h', 5_400_000],
    ['30m', 1_800_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    [' 2 s ', 2_000],
    ['0s', 0],
    ['366d', 31_622_400_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '2', 's', '-2s', '1e3s', '2S', '2 hours', '1h30m', '367d', '2s; drop', '٢s', 'NaNs', '1.s'])(
    '%j is none',
    (text) => {
      expect(parseDuration(text)).toBeNull();
    },
  );

  it('is a whole number of milliseconds or none, for any text', () => {
    const text = fc.oneof(
      fc.string(),
      fc.tuple(fc.float(), fc.constantFrom('ms', 's', 'd')).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (any) => {
        const ms = parseDuration(any);
        expect(ms === null || (Number.isSafeInteger(ms) && ms >= 0)).toBe(true);
      }),
    );
  });
});
