import type { BusinessRule, CheckFinding } from '../../contracts/check';
import { Database } from '../../database/connection';
import { chooseHash } from '../../engine/canary';
import { checkRule } from '../../engine/detect/rules';
import { EnginePair } from '../support/engine';
import { TwoServers } from '../support/two-servers';

const RULE = { name: 'daily totals', tolerance: '0.01', source: 'legacy', target: 'modern', timeoutMs: 60_000 };

async function check(
  pair: EnginePair,
  queries: string | readonly [string, string],
  options: Partial<BusinessRule> = {},
) {
  const [sourceQuery, targetQuery] = typeof queries === 'string' ? [queries, queries] : queries;
  const [source, target] = [pair.sourceDatabase, pair.targetDatabase];
  const found: CheckFinding[] = [];
  const { detail } = await checkRule(
    { rule: { ...RULE, sourceQuery, targetQuery, ...options }, source, target, hash: await chooseHash(source, target) },
    async (page) => void found.push(...page),
  );
  const lines = found
    .map(({ key, detail: what, differences: [value] }) => {
      return `${Object.values(key)
        .map((part) => part ?? 'NULL')
        .join('|')} ${value?.source ?? 'NULL'}:${value?.target ?? 'NULL'} ${what}`;
    })
    .sort();
  return { detail, found, lines };
}

/** Rows of a query: `values (…), (…)`. */
const rows = (text: string) => `select * from (values ${text}) as t(k, v)`;

describe('a business rule', () => {
  let pair: EnginePair;
  beforeAll(async () => {
    pair = await EnginePair.create('detect_rules');
  });
  afterAll(() => pair.drop());
  beforeEach(() => pair.both('drop schema public cascade; create schema public'));

  test('holds the values of both queries against each other, key by key', async () => {
    await pair.both(`create table public.payment (id int primary key, day date, shop text, amount numeric);
      insert into public.payment select i, date '2024-01-01' + i % 5, 'shop ' || i % 2, i + 0.10 from generate_series(1, 40) i`);
    await pair.target.query(`delete from payment where day = '2024-01-02' and shop = 'shop 1';
      update payment set amount = amount + 0.02 where id = 5; update payment set amount = amount - 0.01 where id = 6;
      insert into payment values (50, '2024-02-01', 'shop 0', 7)`);
    const query = 'select day, shop, sum(amount) as total from payment group by day, shop;';
    const { found, detail, lines } = await check(pair, query);
    expect(detail).toBe('of 11 keys 1 missing in the target, 1 extra, 1 not equal within 0.01');
    expect(lines).toEqual([
      '2024-01-01|shop 1 80.4:80.42 VALUE_MISMATCH by 0.02, tolerance 0.01',
      '2024-01-02|shop 1 64.4:NULL MISSING_IN_TARGET',
      '2024-02-01|shop 0 NULL:7 EXTRA_IN_TARGET',
    ]);
    expect(found).toContainEqual({
      table: 'daily totals',
      type: 'rule_violation',
      severity: 'high',
      about: 'VALUE_MISMATCH',
      key: { day: '2024-01-01', shop: 'shop 1' },
      differences: [{ name: 'total', targetName: 'total', source: '80.4', target: '80.42' }],
      source: { day: '2024-01-01', shop: 'shop 1', total: '80.4' },
      target: { day: '2024-01-01', shop: 'shop 1', total: '80.42' },
      detail: 'VALUE_MISMATCH by 0.02, tolerance 0.01',
    });
  });

  test.each([
    ['0.01', '100.00', '100.01', true],
    ['0.01', '100.00', '100.010000000000000000000000001', false],
    ['0.01', '0.1::float8 + 0.2::float8', '0.3', true],
    ['0', '0.1::float8 + 0.2::float8', '0.3', false],
    ['0', '0.1::real', '0.1::float8', true],
    ['0', '1::int', '1.000', true],
    ['0', '12345678901234567890123456789.01', '12345678901234567890123456789.02', false],
    ['1e-7', '1', '1.0000001', true],
    ['1e-7', '1', '1.0000002', false],
    ['0.01', `'NaN'::numeric`, `'NaN'::float8`, true],
    ['0.01', `'NaN'::numeric`, '1', false],
    ['0.01', `'Infinity'::float8`, `'Infinity'::numeric`, true],
    ['0.01', `'Infinity'::numeric`, `'-Infinity'::numeric`, false],
    ['0.01', `'Infinity'::numeric`, '1', false],
    ['0.01', 'null::numeric', 'null::int', true],
    ['0.01', 'null::numeric', '0', false],
    ['0.01', '12.34::money', '12.35::money', true],
    ['0.01', `'a'::text`, `'a'::varchar(3)`, true],
    ['0.01', `'a'::text`, `'A'::text`, false],
    ['0.01', `date '2024-01-01'`, `timestamp '2024-01-01'`, true],
    ['0.01', 'true', 'false', false],
    ['0.01', `'{"a": 1, "b": 2}'::jsonb`, `'{"b": 2, "a": 1}'::jsonb`, true],
    ['0.01', 'null::text', 'null::int', true],
  ])('within %s: %s and %s: %s', async (tolerance, source, target, isEqual) => {
    const { lines, detail } = await check(pair, [`select 1 as k, ${source} as v`, `select 1 as k, ${target} as v`], {
      tolerance,
    });
    expect({ lines: lines.length, isEqual: detail.includes('all equal') }).toEqual(
      isEqual ? { lines: 0, isEqual } : { lines: 1, isEqual },
    );
  });

  test.each([
    ['nothing on either side', '(1, 1) limit 0', '(1, 1) limit 0', []],
    ['nothing in the target', '(1, 1)', '(1, 1) limit 0', ['1 1:NULL MISSING_IN_TARGET']],
    ['nothing in the source', '(1, 1) limit 0', '(1, 1)', ['1 NULL:1 EXTRA_IN_TARGET']],
    [
      'NULL as a key',
      '(null::int, 1), (2, null)',
      '(null::int, 2), (2, null)',
      ['NULL 1:2 VALUE_MISMATCH by 1, tolerance 0.01'],
    ],
    [
      'keys of other types',
      '(1, 1), (2, 2)',
      '(1.00, 1), (2.5, 2)',
      ['2 2:NULL MISSING_IN_TARGET', '2.5 NULL:2 EXTRA_IN_TARGET'],
    ],
  ])('with %s', async (_, source, target, expected) => {
    const query = (text: string) => rows(text.replace(/ limit 0/, '')) + (text.includes('limit 0') ? ' limit 0' : '');
    expect((await check(pair, [query(source), query(target)])).lines).toEqual(expected);
  });

  test.each([
    ['select 1, 2;'],
    ['select 1, 2 -- a comment'],
    ['select 1, 2; -- a comment; and another'],
    ['/* first */ select 1, 2 /* ; */ ;;'],
    ['with a as (select 1 as k), b as (select k, 2 as v from a) select * from b order by k limit 5;'],
    ['values (1, 2)'],
    ['(select 1, 2) union all (select 3, null)'],
    [`select ';' as "a;", $$;$$ as ";" ;`],
    ['select count(*), count(*), count(*) from pg_catalog.pg_class where false'],
  ])('takes %s', async (query) => {
    expect((await check(pair, query)).detail).toMatch(/^[12] keys, all equal/);
  });

  test('finds every difference of many, in bounded pages', async () => {
    await pair.both(`create table t (k int, v int); insert into t select i, i from generate_series(1, 5000) i`);
    await pair.target.query(
      'update t set v = v + 1 where k % 2 = 0; delete from t where k = 1; insert into t values (6000, 1)',
    );
    const { found, detail } = await check(pair, 'select k, v from t');
    expect(new Set(found.map(({ key }) => key['k'])).size).toBe(2502);
    expect(detail).toBe('of 5001 keys 1 missing in the target, 1 extra, 2500 not equal within 0.01');
  });

  const refused: readonly (readonly [string, string, string, RegExp])[] = [
    ['a second statement', 'select 1, 2; drop table t', 'RULE_INVALID', /is not one statement: there is a second/],
    [
      'one that closes its parenthesis',
      'select 1, 2) as x; drop table t; --',
      'RULE_INVALID',
      /parenthesis is closed that was not/,
    ],
    [
      'one that closes it without a semicolon',
      'select 1, 2) as x, (select 1',
      'RULE_INVALID',
      /parenthesis is closed that was not/,
    ],
    ['no statement', '-- nothing', 'RULE_INVALID', /there is no statement/],
    ['one column', 'select 1', 'RULE_INVALID', /gives one column; allowed: key columns, then one value/],
    ['no column', 'select from t', 'RULE_INVALID', /gives no column/],
    ['a syntax error', 'select 1, from t', 'RULE_INVALID', /syntax error at or near "from" \(SQLSTATE 42601\)/],
    [
      'an unknown column',
      'select nothing, 1 from t',
      'RULE_INVALID',
      /column "nothing" does not exist \(SQLSTATE 42703\)/,
    ],
    ['an unknown table', 'select 1, 2 from nothing', 'RULE_INVALID', /relation "nothing" does not exist/],
    ['division by zero', 'select a, 1 / (a - 1) from t', 'RULE_INVALID', /failed \(SQLSTATE 22012\)/],
    ['a parameter', 'select 1, $2::int', 'RULE_INVALID', /08P01/],
    [
      'something else than a query',
      'explain select 1, 2',
      'RULE_INVALID',
      /begins with explain; allowed: select, with/,
    ],
    ['an insert', 'insert into t values (5) returning a, a', 'RULE_WRITES', /begins with insert/],
    [
      'an insert in a with',
      'with w as (insert into t values (5) returning a) select a, a from w',
      'RULE_WRITES',
      /writes/,
    ],
    ['a function that writes', 'select a, write(a) from t', 'RULE_WRITES', /writes \(SQLSTATE 25006\)/],
    ['a sequence', `select 1, nextval('s')`, 'RULE_WRITES', /25006/],
    ['locks', 'select a, a from t for update', 'RULE_WRITES', /25006/],
    ['an end of read-only', `select 1, set_config('transaction_read_only', 'off', false)`, 'RULE_WRITES', /25001/],
    [
      'keys that repeat',
      'select 1, a from (values (1), (2)) as x(a)',
      'RULE_KEY_REPEATS',
      /gives a key more than once/,
    ],
    [
      'NULL keys that repeat',
      'select null::int, a from (values (1), (2)) as x(a)',
      'RULE_KEY_REPEATS',
      /more than once/,
    ],
  ];
  describe.each(['source', 'target'] as const)('refuses in the %s', (role) => {
    test.each(refused)('%s', async (_, query, code, message) => {
      await pair.both(`create table t (a int); insert into t values (1); create sequence s;
        create function write(a int) returns int language sql as 'insert into public.t values (a) returning a'`);
      const good = 'select 1 as k, 2 as v';
      const error = await check(pair, role === 'source' ? [query, good] : [good, query]).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({ code, retryable: false, message: expect.stringMatching(message) as string });
      expect((error as Error).message).toMatch(new RegExp(`^rule daily totals: the query of the ${role}[: ]`));
      for (const side of [pair.source, pair.target]) {
        expect(await side.query('select (select count(*) from t) as t, (select last_value from s) as s')).toEqual([
          { t: '1', s: '1' },
        ]);
      }
    });
  });

  test('refuses queries of other numbers of columns, and keys that cannot be equal', async () => {
    await expect(check(pair, ['select 1, 2', 'select 1, 2, 3'])).rejects.toMatchObject({
      code: 'RULE_INVALID',
      message:
        'rule daily totals: its queries give 2 columns in the source, 3 in the target; allowed: as many on both sides',
    });
    await expect(check(pair, ['select 1 as k, 2', `select point '(1,1)', 2`])).rejects.toMatchObject({
      code: 'RULE_INVALID',
      message: 'rule daily totals: key column k is integer in the source, point in the target: no type takes both',
    });
  });

  test('ends a query that takes too long, once', async () => {
    const slow = 'select 1, (select 2 from pg_sleep(30))';
    await expect(check(pair, ['select 1, 2', slow], { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'RULE_TIMEOUT',
      retryable: false,
      message: 'rule daily totals: the query of the target took longer than 100 ms, or was cancelled (SQLSTATE 57014)',
    });
  });

  test('leaves nothing in the session that it ran in', async () => {
    const settings = (name: string) => new Database({ name, url: pair.target.url, maxConnections: 1 });
    const [source, target] = [settings('legacy'), settings('modern')];
    try {
      const shown = () =>
        target.query(`select current_setting('timezone') as zone, current_setting('search_path') as path,
        current_setting('statement_timeout') as timeout`);
      const before = (await shown()).rows;
      const query = `select 1 as k, set_config('timezone', 'Asia/Kathmandu', false) as v`;
      await checkRule(
        { rule: { ...RULE, sourceQuery: query, targetQuery: query }, source, target, hash: 'native-14' },
        async () => undefined,
      );
      expect((await shown()).rows).toEqual(before);
    } finally {
      await Promise.all([source.close(), target.close()]);
    }
  });

  test('ends when it is cancelled', async () => {
    const controller = new AbortController();
    const slow = 'select 1 as k, (select 2 from pg_sleep(60)) as v';
    const { sourceDatabase: source, targetDatabase: target } = pair;
    const rule = { ...RULE, sourceQuery: slow, targetQuery: slow };
    const running = checkRule(
      { rule, source, target, hash: 'native-14', signal: controller.signal },
      async () => undefined,
    );
    setTimeout(() => controller.abort(new Error('cancelled')), 200);
    await expect(running).rejects.toThrow('cancelled');
  });
});

test('a rule holds between PostgreSQL 14 and 18, other collations and settings', async () => {
  const servers = await TwoServers.start('detect_rules_servers');
  try {
    await servers.pair.both(`create table t (k text, at timestamptz, f float8, d interval);
      insert into t select chr(64 + i) || chr(228 + i % 3), timestamptz '2024-01-01 00:30+00' + i * interval '1 hour', i / 7.0::float8,
             i * interval '1 day 1 second' from generate_series(1, 60) i`);
    expect((await check(servers.pair, 'select k, at, date(at), d, f from t')).detail).toBe(
      '60 keys, all equal within 0.01',
    );
    await servers.pair.target.query(`update t set f = f + 0.011 where k = 'Aå'`);
    expect((await check(servers.pair, 'select k, sum(f) from t group by k')).lines).toEqual([
      expect.stringMatching(/^Aå .* VALUE_MISMATCH by 0.011/),
    ]);
  } finally {
    await servers.remove();
  }
});
