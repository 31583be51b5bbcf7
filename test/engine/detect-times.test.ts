import { DEFAULT_CHECKS, type TableChecks } from '../../contracts/check';
import { readTableShape } from '../../database/table-shape';
import { columnsOf } from '../../engine/detect/column';
import { timeReading } from '../../engine/detect/time-reading';
import { timeRules } from '../../engine/detect/time-rule';
import { wrongTimes, type WrongTime } from '../../engine/detect/times';
import { EnginePair, type PairOptions } from '../support/engine';

let pair: EnginePair;
beforeEach(async () => void (pair = await EnginePair.create('times')));
afterEach(() => pair.drop());

type Found = WrongTime & { readonly rule: string };

async function look(table: string, checks: Partial<TableChecks>, options: PairOptions = {}): Promise<readonly Found[]> {
  const { comparison, sides } = await pair.inspect(table, options);
  const source = await readTableShape(pair.sourceDatabase, 'public', comparison.pair.source.table);
  const target = await readTableShape(pair.targetDatabase, 'public', comparison.pair.target.table);
  if (!source || !target) throw new Error('no such table');
  const columns = columnsOf(comparison.pair, source, target);
  const reading = await timeReading(pair.targetDatabase);
  const found: Found[] = [];
  for (const rule of await timeRules(comparison, { ...DEFAULT_CHECKS, ...checks }, columns, reading)) {
    for await (const page of wrongTimes(comparison, sides, rule, {})) {
      found.push(...page.map((wrong) => ({ ...wrong, rule: rule.name })));
    }
  }
  return found;
}

/** `key rule`, with `in the source` where it is so there, sorted. */
function namesOf(found: readonly Found[]): readonly string[] {
  return found
    .map(({ key, rule, isInSource, rows }) =>
      [
        `${JSON.stringify(Object.values(key))} ${rule}`,
        ...(rows > 1 ? [`×${rows}`] : []),
        ...(isInSource ? ['in the source'] : []),
      ].join(' '),
    )
    .sort();
}

const order = (left: string, operator: string, right: string) => ({ left, operator, right });

describe('times', () => {
  const ORDERS = `create table orders (id int primary key, created_at timestamptz, shipped_at timestamp, due date);
    insert into orders select g, '2024-01-10 12:00Z', '2024-01-11 12:00', '2024-01-12' from generate_series(1, 12) g;`;

  test('order by each operator; NULL passes; what the source has in the same way is told', async () => {
    await pair.both(ORDERS);
    await pair.both(`update orders set shipped_at = '2024-01-01 00:00' where id in (1, 2)`);
    await pair.target.query(`update orders set shipped_at = '2023-12-31 23:59:59.999999' where id in (2, 3);
      update orders set shipped_at = null where id = 4; update orders set created_at = null where id = 5;
      update orders set shipped_at = '2024-01-10 12:00' where id = 6; update orders set created_at = 'infinity' where id = 7;
      update orders set shipped_at = '-infinity' where id = 8; insert into orders values (90, now(), '2020-01-01', null)`);
    const both = [order('created_at', '<=', 'shipped_at'), order('created_at', '<=', 'shipped_at')];
    const found = await look('orders', { order: both });
    expect(namesOf(found)).toEqual([
      '["1"] created_at <= shipped_at in the source',
      ...['2', '3', '7', '8', '90'].map((id) => `["${id}"] created_at <= shipped_at`),
    ]);
    expect(found.find(({ key }) => key['id'] === '3')?.differences).toEqual([
      {
        name: 'created_at',
        targetName: 'created_at',
        source: '2024-01-10 12:00:00+00',
        target: '2024-01-10 12:00:00+00',
      },
      {
        name: 'shipped_at',
        targetName: 'shipped_at',
        source: '2024-01-11 12:00:00',
        target: '2023-12-31 23:59:59.999999',
      },
    ]);
    expect(namesOf(await look('orders', { order: [order('created_at', '<', 'shipped_at')] }))).toContain(
      '["6"] created_at < shipped_at',
    );
  });

  test('a date is compared with a time by its day, in the time zone of the database', async () => {
    await pair.both(ORDERS);
    await pair.target.query(`alter database ${pair.target.name} set timezone = 'Asia/Tokyo'`);
    // Sessions from now on know the zone; those of the pool were opened by none yet.
    await pair.target.query(`update orders set due = '2024-01-11' where id in (1, 2);
      update orders set due = '2024-01-10' where id = 3; update orders set created_at = '2024-01-11 15:30Z' where id = 2`);
    expect(namesOf(await look('orders', { order: [order('shipped_at', '<=', 'due')] }))).toEqual([
      '["3"] shipped_at <= due',
    ]);
    // 15:30 in London is past midnight in Tokyo.
    expect(namesOf(await look('orders', { order: [order('created_at', '<=', 'due')] }))).toEqual([
      '["2"] created_at <= due',
    ]);
  });

  test('not in the future, by the clock of the database; not before a time; of each type', async () => {
    await pair.both(`create table t (id int primary key, a timestamptz, b timestamp, c date, d time);
      insert into t select g, now() - interval '1 day', now() - interval '1 day', current_date, '12:00' from generate_series(1, 6) g`);
    await pair.target.query(`update t set a = now() + interval '1 hour' where id = 1;
      update t set b = 'infinity' where id = 2; update t set c = current_date + 2 where id = 3;
      update t set a = '1999-12-31 23:59:59.999999Z', c = '-infinity', d = '07:59' where id = 4;
      update t set a = null, b = null, c = null, d = null where id = 5; update t set a = '2000-01-01' where id = 6`);
    const notBefore = { a: '2000-01-01', c: '2000-01-01', d: '08:00' };
    expect(namesOf(await look('t', { notFuture: ['a', 'b', 'c'], notBefore }))).toEqual([
      '["1"] a not in the future',
      '["2"] b not in the future',
      '["3"] c not in the future',
      '["4"] a not before 2000-01-01',
      '["4"] c not before 2000-01-01',
      '["4"] d not before 08:00',
    ]);
  });

  test('never earlier than the row before along a key of two columns, of which the source has one too', async () => {
    await pair.both(`create table log (part text collate "C", no int, at timestamptz, "odd ""At""" date, primary key (part, no));
      insert into log select 'p' || g % 2, g, timestamptz '2024-01-01' + g * interval '1 hour', '2024-01-01'
        from generate_series(1, 600) g;
      update log set at = timestamptz '2025-01-01' + no * interval '1 hour' where part = 'p1';
      update log set at = '2020-01-01' where no = 20`);
    await pair.target
      .query(`update log set at = '2021-01-01' where no in (40, 60); update log set at = null where no = 58;
      update log set at = null where no = 80; update log set "odd ""At""" = '2023-12-31' where no = 100`);
    expect(namesOf(await look('log', { monotonic: ['at', 'odd "At"'] }))).toEqual([
      '["p0","100"] odd "At" along the key',
      '["p0","20"] at along the key in the source',
      '["p0","40"] at along the key',
      '["p0","60"] at along the key',
    ]);
    expect(namesOf(await look('log', { monotonic: ['at'] }, { where: 'log.no > 40 -- later' }))).toEqual([
      '["p0","60"] at along the key',
    ]);
  });

  test('tables without rows, without a key, with NULL in the key, with other names and a filter', async () => {
    await pair.source.query('create table t (id int, a timestamp, b timestamp)');
    await pair.target.query('create table "odd ""T""" (id int, "B" timestamptz, a timestamp)');
    const options = { target: 'odd "T"', columns: { b: 'B' }, where: "id is distinct from 9 -- 'nine'" };
    const checks = { order: [order('a', '<=', 'b')] };
    expect(await look('t', checks, options)).toEqual([]);
    await pair.source.query(`insert into t values (1, '2024-01-02', '2024-01-01'), (null, '2024-01-02', '2024-01-01')`);
    await pair.target.query(`insert into "odd ""T""" (id, a, "B") values (1, '2024-01-02', '2024-01-01Z'),
      (null, '2024-01-02', '2024-01-01Z'), (null, '2024-01-02', '2024-01-01Z'), (9, '2024-01-02', '2024-01-01Z'),
      (2, null, null)`);
    expect(namesOf(await look('t', checks, options))).toEqual([
      '["1","2024-01-02 00:00:00","2024-01-01 00:00:00+00"] a <= b in the source',
      '[null,"2024-01-02 00:00:00","2024-01-01 00:00:00+00"] a <= b ×2',
    ]);
    await pair.source.query('alter table t add unique (id)');
    await pair.target.query('alter table "odd ""T""" add unique (id)');
    expect(namesOf(await look('t', checks, { ...options, key: ['id'] }))).toEqual([
      '["1"] a <= b in the source',
      '[null,"2024-01-02 00:00:00","2024-01-01 00:00:00+00"] a <= b ×2',
    ]);
  });

  test('bad rules name what was found and what is allowed', async () => {
    await pair.both('create table t (id int primary key, a timestamptz, n int, t time); create table bag (a date)');
    const bad = (checks: Partial<TableChecks>, table = 't') => look(table, checks);
    await expect(bad({ order: [order('a', '<=', 'gone')] })).rejects.toMatchObject({
      code: 'COLUMN_NOT_FOUND',
      message: 'table t: a <= gone names the column gone; on both sides are id, a, n, t',
    });
    await expect(bad({ order: [order('a', '<=', 'n')] })).rejects.toMatchObject({
      code: 'CHECK_INVALID',
      message: expect.stringMatching(
        /^table t: a <= n: the target's n is integer; allowed are date, timestamp/,
      ) as string,
    });
    await expect(bad({ order: [order('a', '<=', 't')] })).rejects.toMatchObject({
      code: 'CHECK_INVALID',
      message: expect.stringContaining('timestamp with time zone and time without time zone') as string,
    });
    await expect(bad({ notFuture: ['t'] })).rejects.toMatchObject({ code: 'CHECK_INVALID' });
    await expect(bad({ notBefore: { a: 'the flood' } })).rejects.toMatchObject({
      code: 'CHECK_INVALID',
      message:
        'table t: notBefore of a: found "the flood"; allowed is what PostgreSQL reads as timestamp with time zone',
    });
    await expect(bad({ monotonic: ['a'] }, 'bag')).rejects.toMatchObject({
      code: 'CHECK_INVALID',
      message: 'table bag: monotonic of a: there is no key; needed is a key whose order an index of both sides gives',
    });
  });
});
