import { breachesOf, limitOf } from '../../engine/guard';

describe('the guard of a table', () => {
  it.each([
    [{ rows: 1_000, percent: 5 }, 0, 1_000],
    [{ rows: 1_000, percent: 5 }, 20_000, 1_000],
    [{ rows: 1_000, percent: 5 }, 20_039, 1_001],
    [{ rows: 1_000, percent: 5 }, 5_000_000, 250_000],
    [{ rows: 0, percent: 0 }, 5_000_000, 0],
    [{ rows: 0, percent: 100 }, 7, 7],
    [{ rows: 3, percent: 0.1 }, 10_000, 10],
    [{ rows: 40, percent: 100 }, null, 40],
  ])('%j of %s rows allows %s', (guard, rows, limit) => {
    expect(limitOf(guard, rows)).toBe(limit);
  });

  it('is breached by more than its limit, and not where there is none', () => {
    const guardOf = (table: string) => (table === 'old' ? null : { rows: 10, percent: 50 });
    const destruction = [
      { table: 'even', changes: 10, rows: 12 },
      { table: 'over', changes: 11, rows: 12 },
      { table: 'large', changes: 50, rows: 100 },
      { table: 'larger', changes: 51, rows: 100 },
      { table: 'elsewhere', changes: 11, rows: null },
      { table: 'old', changes: 1_000_000, rows: 1 },
    ];
    expect(breachesOf(destruction, guardOf)).toEqual([
      { table: 'over', changes: 11, rows: 12, limit: 10 },
      { table: 'larger', changes: 51, rows: 100, limit: 50 },
      { table: 'elsewhere', changes: 11, rows: null, limit: 10 },
    ]);
  });
});
