import type { CheckFinding, TableChecks } from '../../contracts/check';
import { compareAggregates } from '../../engine/detect/aggregates';
import { EnginePair, findDifferences, namesOf, type PairOptions } from '../support/engine';
import { TwoServers } from '../support/two-servers';

type Options = PairOptions & Partial<Pick<TableChecks, 'groupBy' | 'sums'>> & { readonly rows?: boolean };

async function aggregate(pair: EnginePair, table: string, options: Options = {}) {
  const { comparison, sides } = await pair.inspect(table, options);
  const { groupBy = null, sums = null, rows = true } = options;
  const found: CheckFinding[] = [];
  const outcome = await compareAggregates({ comparison, sides, checks: { groupBy, sums }, rows }, async (page) => {
    found.push(...page);
  });
  const text = ({ key }: CheckFinding) =>
    Object.values(key)
      .map((value) => value ?? 'NULL')
      .join('|');
  const groups = found.filter(({ type }) => type === 'aggregate_mismatch');
  return {
    ...outcome,
    found,
    groups: groups
      .map((each) => `${text(each)} ${each.differences.map(({ name }) => name).join()}: ${each.detail}`)
      .sort(),
    rowsFound: found
      .filter(({ type }) => type !== 'aggregate_mismatch')
      .map((each) => `${each.type} ${text(each)}`)
      .sort(),
    ids: new Set(found.map(({ type, about, key }) => JSON.stringify([type, about, key]))).size,
  };
}

describe('aggregates by group', () => {
  let pair: EnginePair;
  beforeAll(async () => {
    pair = await EnginePair.create('detect_aggregates');
  });
  afterAll(() => pair.drop());
  beforeEach(() => pair.both('drop schema public cascade; create schema public'));

  const ORDERS = `create table orders (id int primary key, created_at timestamptz, status text, amount numeric(12,2), items int, weight float8);
    insert into orders select i, timestamptz '2024-03-01 00:00+00' + i * interval '1 hour',
      case when i % 7 > 0 then (array['new', 'paid', 'sent'])[i % 3 + 1] end, i * 1.10, i % 5, i / 7.0
      from generate_series(1, 100) i`;

  test('are taken by the day and the status that a table has, and match where the rows are equal', async () => {
    await pair.both(ORDERS);
    const { detail, found, rows } = await aggregate(pair, 'orders');
    expect(found).toEqual([]);
    expect(rows).toEqual({ source: 100, target: 100 });
    expect(detail).toBe(
      '19 groups by date(created_at), status (chosen by names and types); 19 match, 0 do not; ' +
        'compared by count, sum(amount), sum(items) and checksum; not summed, as their sums are not exact: weight',
    );
  });

  test('tell each group that does not match, what differs in it, and its rows', async () => {
    await pair.both(ORDERS);
    await pair.target.query(`
      update orders set amount = amount + 0.01 where id = 10;
      update orders set weight = weight + 1 where id in (50, 52, 54);
      delete from orders where id in (77, 80);
      insert into orders values (900, '2024-05-01 10:00+00', 'new', 5, 1, 1)`);
    const { groups, rowsFound, found, ids, detail, rows } = await aggregate(pair, 'orders');
    expect(groups).toEqual(
      [
        '2024-03-01|paid sum(amount),checksum: 0 missing, 0 extra, 1 mismatched: id=10',
        '2024-03-03|paid checksum: 0 missing, 0 extra, 1 mismatched: id=52',
        '2024-03-03|new checksum: 0 missing, 0 extra, 1 mismatched: id=54',
        '2024-03-03|sent checksum: 0 missing, 0 extra, 1 mismatched: id=50',
        '2024-03-04|NULL count,sum(amount),sum(items),checksum: 1 missing, 0 extra, 0 mismatched: id=77',
        '2024-03-04|sent count,sum(amount),checksum: 1 missing, 0 extra, 0 mismatched: id=80',
        '2024-05-01|new count,sum(amount),sum(items),checksum: 0 missing, 1 extra, 0 mismatched: id=900',
      ].sort(),
    );
    expect(rowsFound).toEqual([
      'extra_in_target 900',
      'field_mismatch 10',
      'field_mismatch 50',
      'field_mismatch 52',
      'field_mismatch 54',
      'missing_in_target 77',
      'missing_in_target 80',
    ]);
    expect(ids).toBe(found.length);
    expect(detail).toMatch(/^20 groups by .*; 13 match, 7 do not;/);
    expect(rows).toEqual({ source: 100, target: 99 });
    expect(found.find(({ key }) => key['date(created_at)'] === '2024-05-01')).toMatchObject({
      type: 'aggregate_mismatch',
      severity: 'high',
      key: { 'date(created_at)': '2024-05-01', status: 'new' },
      source: null,
      target: { count: '1', 'sum(amount)': '5', 'sum(items)': '1' },
    });
    expect(found.find(({ key }) => key['id'] === '10')).toMatchObject({
      severity: 'medium',
      differences: [{ name: 'amount', source: '11.00', target: '11.01' }],
    });
  });

  test('call a row that is in another group of the other side mismatched, once', async () => {
    await pair.both(ORDERS);
    await pair.target.query(`update orders set status = 'lost' where id = 10`);
    const { groups, rowsFound } = await aggregate(pair, 'orders');
    expect(groups).toEqual([
      '2024-03-01|lost count,sum(amount),sum(items),checksum: 0 missing, 0 extra, 1 mismatched: id=10',
      '2024-03-01|paid count,sum(amount),checksum: 0 missing, 0 extra, 1 mismatched: id=10',
    ]);
    expect(rowsFound).toEqual(['field_mismatch 10']);
  });

  test('find the same rows as comparing rows does, whatever they are grouped by', async () => {
    await pair.both(ORDERS);
    await pair.target.query(`update orders set status = null where id % 9 = 0; delete from orders where id % 10 = 1;
      update orders set id = id + 1000 where id % 8 = 0; update orders set amount = null where id = 33`);
    const compared = namesOf(await findDifferences(await pair.inspect('orders'), 1_000));
    for (const groupBy of [null, ['id'], ['status'], ['id % 3', 'amount > 50'], ['date(created_at)'], ['1']]) {
      const { found, rowsFound } = await aggregate(pair, 'orders', { groupBy });
      const rows = found.filter(({ type }) => type !== 'aggregate_mismatch');
      const names = rows.map(({ type, key, differences }) =>
        [type, JSON.stringify(Object.values(key)), ...differences.map(({ name }) => name).sort()].join(' '),
      );
      expect({ groupBy, names: names.sort() }).toEqual({ groupBy, names: compared });
      expect(new Set(rowsFound).size).toBe(rowsFound.length);
    }
  });

  test('see two rows that swap their values, where counts and sums agree', async () => {
    await pair.both(ORDERS);
    await pair.target.query(`update orders o set amount = n.amount from orders n
      where (o.id, n.id) in ((10, 13), (13, 10))`);
    expect((await aggregate(pair, 'orders', { groupBy: ['status'] })).groups).toEqual([
      'paid checksum: 0 missing, 0 extra, 2 mismatched: id=13; id=10',
    ]);
  });

  test.each([
    ['empty tables', '', '', [], '0 match, 0 do not'],
    ['one row', '(1, 2, null)', '(1, 2.00, null)', [], '1 match, 0 do not'],
    [
      'an empty target',
      '(1, 2, null)',
      '',
      [' count,sum(n),checksum: 1 missing, 0 extra, 0 mismatched: id=1'],
      '0 match, 1 do not',
    ],
    ['NULL in all of it', '(1, null, null), (2, null, null)', '(1, null, null), (2, null, null)', [], '1 match'],
    [
      'NULL against 0',
      '(1, null, null)',
      '(1, 0, null)',
      [' sum(n),checksum: 0 missing, 0 extra, 1 mismatched: id=1'],
      '0 match',
    ],
    ['NaN', `(1, 'NaN', null)`, `(1, 'NaN', null)`, [], '1 match'],
  ])('are taken of %s', async (_, source, target, groups, counted) => {
    await pair.source.query('create table t (id int primary key, n numeric(10, 3), s text)');
    await pair.target.query('create table t (id bigint primary key, n numeric, s text)');
    if (source !== '') await pair.source.query(`insert into t values ${source}`);
    if (target !== '') await pair.target.query(`insert into t values ${target}`);
    const found = await aggregate(pair, 't', { sums: ['n'] });
    expect(found.groups).toEqual(groups);
    expect(found.detail).toContain(`all rows as one group; ${counted}`);
  });

  test('are taken of rows without a key, and with NULL in it, under odd names, of the rows that the pair has', async () => {
    await pair.both(`create table "odd ""Name" ("a ""b" int, "Group" text); create table nullable (code text unique, kind text, n int);
      insert into "odd ""Name" select i % 3, 'g' || i % 2 from generate_series(1, 60) i;
      insert into nullable select case when i % 4 > 0 then 'c' || i end, 'k' || i % 2, i % 5 from generate_series(1, 40) i`);
    await pair.target.query(`insert into "odd ""Name" values (1, 'g0'), (1, 'g0'), (9, 'unseen');
      delete from nullable where code is null and n = 3 and kind = 'k0'; update nullable set n = 9 where code = 'c7'`);
    const keyless = await aggregate(pair, 'odd "Name', { groupBy: ['Group'], where: `"Group" <> 'unseen'` });
    expect(keyless.groups).toEqual(['g0 count,sum(a "b),checksum: 0 missing, 2 extra, 0 mismatched: a "b=1 Group=g0']);
    expect(keyless.found.find(({ type }) => type === 'extra_in_target')).toMatchObject({
      key: { 'a "b': '1', Group: 'g0' },
      detail: '10 equal rows in the source, 12 in the target',
    });
    const nullable = await aggregate(pair, 'nullable', { groupBy: ['kind'] });
    expect(nullable.groups).toEqual([
      'k0 count,sum(n),checksum: 2 missing, 0 extra, 0 mismatched: code=NULL kind=k0 n=3',
      'k1 sum(n),checksum: 0 missing, 0 extra, 1 mismatched: code=c7',
    ]);
    expect(nullable.rowsFound).toEqual(['field_mismatch c7', 'missing_in_target NULL|k0|3']);
  });

  test('match where rows differ only within what counts as equal', async () => {
    await pair.both(ORDERS);
    await pair.target.query('update orders set amount = amount + 0.01 where id = 10');
    const tolerance = { amount: { number: '0.01' } };
    const near = await aggregate(pair, 'orders', { tolerance, groupBy: ['status'] });
    expect(near.found).toEqual([]);
    expect(near.detail).toMatch(/4 match, 0 do not; 1 of those that match only within what counts as equal/);
    await pair.target.query('update orders set amount = amount + 0.01 where id = 10');
    expect((await aggregate(pair, 'orders', { tolerance, groupBy: ['status'] })).rowsFound).toEqual([
      'field_mismatch 10',
    ]);
  });

  test('sum what the config names, floats as the decimals that they are printed as, excluded columns too', async () => {
    await pair.both(ORDERS);
    await pair.target.query('update orders set weight = weight + 0.5, items = items + 1 where id = 10');
    const [before] = await pair.source.query(`select sum(items) from orders where status = 'paid'`);
    const options = { groupBy: ['status'], sums: ['weight', 'items'], exclude: ['items', 'weight'] };
    const { found } = await aggregate(pair, 'orders', options);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      differences: [
        { name: 'sum(weight)', source: expect.any(String) as string, target: expect.any(String) as string },
        { name: 'sum(items)', source: before?.['sum'], target: String(Number(before?.['sum']) + 1) },
      ],
      detail: 'none of its rows differed when they were looked at',
    });
  });

  test('keep to a bound of rows that become findings, and say so', async () => {
    await pair.both(
      `create table t (id int primary key, a int, kind int); insert into t select i, 1, i % 3 from generate_series(1, 11000) i`,
    );
    await pair.target.query('update t set a = 2');
    const { groups, rowsFound, detail } = await aggregate(pair, 't', { groupBy: ['kind'] });
    expect(rowsFound).toHaveLength(10_000);
    expect(groups).toHaveLength(3);
    expect(groups[0]).toMatch(/^0 sum\(a\),checksum: at least 0 missing, 0 extra, \d+ mismatched: id=/);
    expect(detail).toContain('the first 10000 rows that differ are findings, there are more');
  });

  test('report every group that does not match, also those whose rows are not looked at', async () => {
    await pair.both(
      'create table t (id int primary key, a int); insert into t select i, 1 from generate_series(1, 10050) i',
    );
    await pair.target.query('update t set a = 2 where id % 2 = 0; update t set a = null where id % 2 = 1');
    const { groups, ids, found } = await aggregate(pair, 't', { groupBy: ['id'], rows: false });
    expect({ groups: groups.length, ids }).toEqual({ groups: 10_050, ids: found.length });
    expect(
      groups.filter((text) => text.endsWith('its rows were not looked at, as too many groups or rows differ')),
    ).toHaveLength(50);
  });

  test('choose groups among the columns of the key, too', async () => {
    await pair.both(
      `create table t (id int, created_at date, order_status text, primary key (id, created_at, order_status))`,
    );
    expect((await aggregate(pair, 't')).detail).toMatch(/^0 groups by date\(created_at\), order_status/);
  });

  test('leave the rows to a run that compares them all', async () => {
    await pair.both(ORDERS);
    await pair.target.query('delete from orders where id = 10');
    const { rowsFound, groups } = await aggregate(pair, 'orders', { rows: false });
    expect({ rowsFound, groups: groups.length }).toEqual({ rowsFound: [], groups: 1 });
  });

  test.each([
    [
      { sums: ['nothing'] },
      'COLUMN_NOT_FOUND',
      /checks.sums: "nothing" is no column of both sides; numeric columns that are compared are amount, items, weight/,
    ],
    [
      { sums: ['status'] },
      'CONFIG_INVALID',
      /checks.sums: "status" is no number: text in the source, text in the target; numeric/,
    ],
    [{ groupBy: ['nothing'] }, 'COLUMN_NOT_FOUND', /checks.groupBy: "nothing"/],
  ])('refuse %j', async (options, code, message) => {
    await pair.both(ORDERS);
    await expect(aggregate(pair, 'orders', options)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });
});

test('aggregates agree between PostgreSQL 14 and 18, and other types, collations and settings', async () => {
  const servers = await TwoServers.start('detect_aggregates_servers');
  try {
    const columns = (at: string, number: string) =>
      `create table t (code text primary key, created_on ${at}, state varchar(9), n ${number}, j jsonb, d interval);
       insert into t select chr(64 + i % 26) || chr(228 + i % 3) || i, date '2024-01-01' + i % 4, (array['ä', 'Z', 'z'])[i % 3 + 1], i / 8.0,
         jsonb_build_object('a', i), i * interval '1 day' from generate_series(1, 300) i`;
    await servers.pair.source.query(columns('date', 'numeric(9,3)'));
    await servers.pair.target.query(columns('timestamptz', 'numeric'));
    const same = await aggregate(servers.pair, 't');
    expect({ found: same.found, detail: same.detail }).toEqual({
      found: [],
      detail: expect.stringMatching(/^12 groups by date\(created_on\), state \(chosen.*12 match, 0 do not/) as string,
    });
    await servers.pair.target.query(`update t set d = d + interval '1 second' where n = 3`);
    const { rowsFound, groups } = await aggregate(servers.pair, 't');
    expect(rowsFound).toEqual(['field_mismatch Xä24']);
    expect(groups).toEqual(['2024-01-01|ä checksum: 0 missing, 0 extra, 1 mismatched: code=Xä24']);
  } finally {
    await servers.remove();
  }
});
