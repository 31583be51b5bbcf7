import type { Guard } from '../../contracts/guard';
import { breachesOf, countedUpTo, limitOf } from '../../engine/guard';

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
    const guardOf = (table: string) => (table === 'old' ? null : { rows: 10, percent: 50, wipe: 100 });
    const destruction = [
      { table: 'even', changes: 10, rows: 12 },
      { table: 'over', changes: 11, rows: 12 },
      { table: 'large', changes: 50, rows: 100 },
      { table: 'larger', changes: 51, rows: 100 },
      { table: 'elsewhere', changes: 11, rows: null },
      { table: 'old', changes: 1_000_000, rows: 1 },
    ].map((one) => ({ deletes: 0, held: one.rows, isSourceEmpty: false, ...one }));
    expect(breachesOf(destruction, guardOf)).toEqual([
      { table: 'over', rule: 'rows', changes: 11, rows: 12, limit: 10 },
      { table: 'larger', rule: 'rows', changes: 51, rows: 100, limit: 50 },
      { table: 'elsewhere', rule: 'rows', changes: 11, rows: null, limit: 10 },
    ]);
  });

  it.each<[Partial<Guard>, number, number, readonly string[]]>([
    [{}, 50, 50, ['wipe']],
    [{}, 25, 50, ['wipe']],
    [{}, 24, 50, []],
    [{}, 1, 1, ['wipe']],
    [{}, 1, 3, []],
    [{}, 2, 3, ['wipe']],
    [{ wipe: 100 }, 49, 50, []],
    [{ wipe: 100 }, 50, 50, ['wipe']],
    [{ wipe: 0 }, 1, 1_000_000, ['wipe']],
    [{ wipe: 0.5 }, 5, 1_000, ['wipe']],
    [{ wipe: 0.5 }, 4, 1_000, []],
    [{}, 0, 0, []],
  ])('of %j, %s deletes in %s rows break %j, whatever is allowed to be changed', (given, deletes, held, rules) => {
    const guard = { rows: 100_000, percent: 100, ...given };
    const one = { table: 't', changes: deletes, deletes, rows: held, held, isSourceEmpty: false };
    const breaches = breachesOf([one], () => guard);
    expect(breaches.map(({ rule }) => rule)).toEqual(rules);
    // Counted no further than it takes, the table is judged alike.
    const counted = Math.min(held, countedUpTo(guard, one));
    expect(breachesOf([{ ...one, held: counted }], () => guard)).toEqual(breaches);
  });

  it('lets nothing be deleted under an empty source', () => {
    const one = { table: 't', changes: 3, deletes: 1, rows: 900, held: 900, isSourceEmpty: true };
    const guardOf = () => ({ rows: 10, percent: 50, wipe: 100 });
    expect(breachesOf([one], guardOf)).toEqual([{ table: 't', rule: 'empty source', changes: 1, rows: 900, limit: 0 }]);
    expect(breachesOf([{ ...one, deletes: 0 }], guardOf)).toEqual([]);
  });
});
