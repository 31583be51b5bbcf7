import { judgeTrend } from '../../contracts/trend';

/** Days of March that are over, with these findings; null: no data. */
const over = (...findings: readonly (number | null)[]) =>
  findings.map((n, i) => ({ date: `2026-03-${String(i + 1).padStart(2, '0')}`, isOver: true, findings: n }));
const today = (findings: number | null) => ({ date: '2026-03-31', isOver: false, findings });

describe('where the days lead', () => {
  it.each([
    ['more than 1.2 times', [10, 10, 13], 'increasing', 1.3],
    ['exactly 1.2 times', [10, 10, 12], 'stable', 1.2],
    ['exactly 1.2 times a mean that is no whole number', [2, 3, 3], 'stable', 1.2],
    ['a little more than 1.2 times', [1_000_000, 1_200_001], 'increasing', 1.200001],
    ['exactly 0.8 times', [10, 10, 8], 'stable', 0.8],
    ['a little less than 0.8 times', [1_000_000, 799_999], 'decreasing', 0.799999],
    ['less than 0.8 times', [10, 10, 7], 'decreasing', 0.7],
    ['the same', [5, 5], 'stable', 1],
    ['a first day of zero, and something now', [0, 1], 'increasing', null],
    ['zero all the time', [0, 0, 0], 'stable', null],
    ['zero now', [4, 0], 'decreasing', 0],
    ['a first day of zero among others', [0, 10, 5], 'stable', 1],
  ] as const)('%s', (_, findings, verdict, ratio) => {
    const trend = judgeTrend(over(...findings));
    expect(trend.verdict).toBe(verdict);
    if (ratio === null) expect(trend.ratio).toBeNull();
    else expect(trend.ratio).toBeCloseTo(ratio, 9);
  });

  it('is exact where floating point is not', () => {
    for (let mean = 5; mean <= 5_000; mean += 5) {
      expect(judgeTrend(over(mean, (mean / 5) * 6)).verdict).toBe('stable');
      expect(judgeTrend(over(mean, (mean / 5) * 4)).verdict).toBe('stable');
      expect(judgeTrend(over(mean, (mean / 5) * 6 + 1)).verdict).toBe('increasing');
      expect(judgeTrend(over(mean, (mean / 5) * 4 - 1)).verdict).toBe('decreasing');
    }
  });

  it('leaves out days without data, which are not 0', () => {
    expect(judgeTrend(over(null, 10, null, null, 10, null))).toMatchObject({
      verdict: 'stable',
      date: '2026-03-05',
      findings: 10,
      mean: 10,
    });
  });

  it('is not known with less than two days', () => {
    for (const days of [[], over(null, null), over(7), over(null, 7, null), [today(7)], [...over(7), today(null)]]) {
      const { verdict, reason, ratio, mean } = judgeTrend(days);
      expect({ verdict, ratio, mean }).toEqual({ verdict: null, ratio: null, mean: null });
      expect(reason).toMatch(/^it takes two days with data that are over; there is (one|none)$/);
    }
  });

  it('takes today only for what it is already: an increase', () => {
    expect(judgeTrend([...over(10, 10), today(13)])).toMatchObject({ verdict: 'increasing', date: '2026-03-31' });
    expect(judgeTrend([...over(10), today(13)])).toMatchObject({ verdict: 'increasing', mean: 10 });
    expect(judgeTrend([...over(10, 10), today(0)])).toMatchObject({ verdict: 'stable', date: '2026-03-02' });
    expect(judgeTrend([...over(10, 5), today(8)])).toMatchObject({ verdict: 'decreasing', date: '2026-03-02' });
  });
});
