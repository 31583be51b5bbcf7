import type { ChunkRange } from '../../contracts/chunk';
import { TrueupError } from '../../contracts/errors';
import type { Difference } from '../../contracts/difference';
import { readTableShape } from '../../database/table-shape';
import { changeTimeOf, readMoments } from '../../engine/change-time';
import { compareKeys } from '../../engine/compare-keys';
import { keyChunks, withChangedKeys, withSampledKeys } from '../../engine/plan-keys';
import { EnginePair, namesOf, type Inspected, type PairOptions } from '../support/engine';

let pair: EnginePair;
beforeAll(async () => {
  pair = await EnginePair.create('plan_keys');
});
afterAll(() => pair.drop());

const NONE = (async function* () {})();
const EPOCH = '2000-01-01 00:00:00.000000';

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function inspect(table: string, options: PairOptions & { updatedAt?: string; overlapMs?: number } = {}) {
  const inspected = await pair.inspect(table, options);
  const { updatedAt = 'updated_at', overlapMs } = options;
  const source = await readTableShape(pair.sourceDatabase, 'public', table);
  const target = await readTableShape(pair.targetDatabase, 'public', options.target ?? table);
  if (!source || !target) throw new Error(`no table ${table}`);
  const asked = { ...inspected.comparison.pair, updatedAt, ...(overlapMs === undefined ? {} : { overlapMs }) };
  return { ...inspected, comparison: { ...inspected.comparison, changeTime: changeTimeOf(asked, source, target) } };
}

async function compared({ comparison, sides }: Inspected, chunks: readonly ChunkRange[]) {
  const found: Difference[] = [];
  let [rowsSource, rowsTarget] = [0, 0];
  for (const { keys = [] } of chunks) {
    const result = await compareKeys(comparison, sides, keys, async (some) => void found.push(...some));
    rowsSource += result.rowsSource;
    rowsTarget += result.rowsTarget;
  }
  return { rowsSource, rowsTarget, found: namesOf(found) };
}

/** What comparing the rows that changed since comes to. */
async function changes(inspected: Inspected, since: string, others: AsyncIterable<readonly string[][]> = NONE) {
  const { comparison, sides } = inspected;
  const chunks = await withChangedKeys(comparison, sides, { source: since, target: since }, others, (keys) =>
    all(keyChunks(keys)),
  );
  return compared(inspected, chunks);
}

describe('the rows that changed', () => {
  it('are found on either side, by the mapped column, each once', async () => {
    await pair.source.query(`create table "odd ""Name" (id bigint primary key, v int, "touched" timestamptz);
      insert into "odd ""Name" select g, g, '2001-01-01' from generate_series(1, 5000) g`);
    await pair.target
      .query(`create table "odd ""Name" (id bigint primary key, v int, changed_at timestamptz) partition by range (id);
      create table p1 partition of "odd ""Name" for values from (minvalue) to (3000);
      create table p2 partition of "odd ""Name" for values from (3000) to (maxvalue);
      insert into "odd ""Name" select g, g, '2001-01-01' from generate_series(1, 5000) g`);
    await pair.source.query(`update "odd ""Name" set v = -1, touched = '2026-01-01' where id in (1, 2999, 3000);
      update "odd ""Name" set v = -2 where id = 7;
      insert into "odd ""Name" values (5001, 1, '2026-01-01'), (5002, 1, null)`);
    await pair.target.query(`update "odd ""Name" set v = -1, changed_at = '2026-01-01' where id in (1, 4000);
      insert into "odd ""Name" values (6000, 1, '2026-02-01')`);
    const options = { columns: { touched: 'changed_at' }, exclude: ['touched'], updatedAt: 'touched' };
    const inspected = await inspect('odd "Name', options);
    expect(await changes(inspected, '2025-06-01 00:00:00')).toEqual({
      rowsSource: 6,
      rowsTarget: 5,
      found: [
        'extra_in_target ["6000"]',
        'field_mismatch ["2999"] v',
        'field_mismatch ["3000"] v',
        'field_mismatch ["4000"] v',
        'missing_in_target ["5001"]',
        'missing_in_target ["5002"]',
      ],
    });
    // What changed without a new time is not seen by it, and is among all of them.
    expect((await changes(inspected, EPOCH)).found).toContain('field_mismatch ["7"] v');
    // Nor is it seen twice when it is to be looked at again.
    const again = (async function* () {
      yield [['1'], ['7'], ['8']];
      yield [['9999']];
    })();
    const seen = await changes(inspected, '2025-06-01 00:00:00', again);
    expect(seen).toMatchObject({ rowsSource: 8, rowsTarget: 7 });
    expect(seen.found).toContain('field_mismatch ["7"] v');
  });

  it('are those that have left the filter, too', async () => {
    await pair.both(`create table filtered (id int primary key, state text, updated_at timestamptz default '2001-01-01');
      insert into filtered select g, 'open' from generate_series(1, 10) g`);
    await pair.source.query(`update filtered set state = 'done', updated_at = '2026-01-01' where id = 3`);
    const inspected = await inspect('filtered', { where: "state = 'open' -- a comment" });
    expect((await changes(inspected, '2025-01-01 00:00:00')).found).toEqual(['field_mismatch ["3"] state updated_at']);
  });

  it.each([
    ['composite', '(a text, b uuid, v int, updated_at timestamp, primary key (a, b))'],
    ['keyed by a nullable column', '(a text unique, b uuid, v int, updated_at timestamp)'],
  ])('of a table that is %s are found', async (_, columns) => {
    await pair.both(`drop table if exists other; create table other ${columns}`);
    await pair.source.query(`insert into other values ('ä''"', '00000000-0000-0000-0000-000000000001', 1, '2026-01-01'),
      ('z', '00000000-0000-0000-0000-000000000002', 1, '2000-06-01')`);
    await pair.target.query(`insert into other values ('Z', '00000000-0000-0000-0000-000000000002', 1, 'infinity')`);
    const { found } = await changes(await inspect('other'), '2025-01-01 00:00:00');
    expect(found.map((name) => name.split(' ')[0])).toEqual(['extra_in_target', 'missing_in_target']);
  });

  it('of empty tables are none', async () => {
    await pair.both('create table empty (id int primary key, updated_at timestamptz)');
    expect(await changes(await inspect('empty'), EPOCH)).toEqual({ rowsSource: 0, rowsTarget: 0, found: [] });
  });

  it.each([
    [{}, 'text', /column updated_at of the source is text; allowed are timestamp with time zone, timestamp without/],
    [{}, 'date', /column updated_at of the source is date/],
    [{ updatedAt: 'nope' }, 'timestamp', /updatedAt nope: the source has no column nope; it has id, updated_at$/],
    [{ columns: { updated_at: 'id' } }, 'timestamptz', /column id of the target is integer/],
  ])('cannot be told by %j of the type %s', async (options, type, message) => {
    await pair.both(`drop table if exists untold; create table untold (id int primary key, updated_at ${type})`);
    const refused = inspect('untold', { key: ['id'], ...options });
    if ('columns' in options) return expect(refused).rejects.toThrow(TrueupError);
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toMatchObject({ code: 'UPDATED_AT_UNUSABLE' });
  });

  it('are looked for half a day earlier where their times have no zone, unless the config says how far', async () => {
    await pair.both(`create table zones (id int primary key, updated_at timestamp)`);
    const minutes = (ms: number) => ms / 60_000;
    const { changeTime } = (await inspect('zones')).comparison;
    expect([changeTime.source.zoned, minutes(changeTime.source.overlapMs)]).toEqual([false, 12 * 60 + 5]);
    const told = (await inspect('zones', { overlapMs: 1_000 })).comparison.changeTime;
    expect(told.source.overlapMs).toBe(1_000);
  });
});

it('the clock of a side is not past the beginning of a transaction that still runs', async () => {
  const { sides } = await pair.inspect('empty');
  const [{ began } = { began: '' }] = await pair.source.query(`begin; select to_char(now() at time zone 'UTC',
    'YYYY-MM-DD HH24:MI:SS.US') as began`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const held = await readMoments(sides);
  await pair.source.query('commit');
  expect(held.source).toBe(began);
  expect(held.target > String(began)).toBe(true);
  expect((await readMoments(sides)).source > held.source).toBe(true);
});

describe('a sample', () => {
  const draw = async (inspected: Inspected, rows: number, seed: number) =>
    withSampledKeys(
      inspected.comparison,
      inspected.sides,
      { rows, confidence: 0.95, margin: 0.05, seed },
      async (keys, frame) => ({ keys: await all(keys), frame }),
    );

  it.each([
    ['sparse numbers', 'id bigint', `(g::bigint * g * g * 1000003) % 9000000000000`, `-(g::bigint * g)`],
    ['texts', 'id text', `repeat('x', g % 7) || g`, `'ÄÖ' || g`],
    ['two columns', 'id int, k date', `g % 3, '2000-01-01'::date + g`, `-1 - g % 3, '1990-01-01'::date + g`],
  ])('of %s draws every row of either side as often as any other', async (_, columns, common, own) => {
    const key = columns.split(', ').map((column) => column.split(' ')[0]);
    await pair.both(`drop table if exists drawn; create table drawn (${columns}, v int, primary key (${key.join()}));
      insert into drawn select ${common}, 1 from generate_series(1, 140) g`);
    await pair.source.query(`insert into drawn select ${own}, 1 from generate_series(1, 30) g`);
    await pair.target.query(`insert into drawn select ${own}, 1 from generate_series(31, 60) g`);
    const inspected = await pair.inspect('drawn');
    const drawn = new Map<string, number>();
    const [seeds, rows] = [300, 20];
    for (let seed = 0; seed < seeds; seed += 1) {
      const { keys, frame } = await draw(inspected, rows, seed);
      expect([keys.length, frame.rowsSource, frame.rowsTarget]).toEqual([rows, 170, 170]);
      for (const found of keys) drawn.set(found.join('|'), (drawn.get(found.join('|')) ?? 0) + 1);
    }
    // Chi-square over 200 keys, where each is drawn with the probability 1/10: scaled by 1 - 1/10, as without replacement.
    const expected = (seeds * rows) / 200;
    const counts = [...drawn.values(), ...Array.from({ length: 200 - drawn.size }, () => 0)];
    const chi2 = counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0) / (1 - rows / 200);
    // SciPy: chi2.ppf([0.0001, 0.9999], 199).
    expect(chi2).toBeGreaterThan(133.2);
    expect(chi2).toBeLessThan(281.9);
  });

  it('is the same for the same seed, whatever the tables are besides, and another for another', async () => {
    const inspected = await pair.inspect('drawn');
    const [one, again, other] = [
      await draw(inspected, 50, 7),
      await draw(inspected, 50, 7),
      await draw(inspected, 50, 8),
    ];
    expect(again).toEqual(one);
    expect(other.keys).not.toEqual(one.keys);
    const portable = { ...inspected, comparison: { ...inspected.comparison, hash: 'portable' as const } };
    expect((await draw(portable, 50, 7)).keys).toEqual((await draw(portable, 50, 7)).keys);
  });

  it('of fewer rows than asked is all of them, and shows what only one side has', async () => {
    await pair.both('create table few (id int primary key, v int); insert into few values (1, 1), (2, 2)');
    await pair.source.query('insert into few values (3, 3)');
    await pair.target.query('insert into few values (4, 4); update few set v = 0 where id = 1');
    const inspected = await pair.inspect('few');
    const { keys } = await draw(inspected, 100, 1);
    const { found } = await compared(
      inspected,
      await all(
        keyChunks(
          (async function* () {
            yield* keys;
          })(),
        ),
      ),
    );
    expect(found).toEqual(['extra_in_target ["4"]', 'field_mismatch ["1"] v', 'missing_in_target ["3"]']);
  });
});
