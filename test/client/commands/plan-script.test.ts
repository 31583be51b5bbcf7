import { planScript } from '../../../client/commands/plan-script';
import { loadConfig } from '../../../config/load';
import { leaveOutItems } from '../../../ledger/approval';
import { readNewestReport } from '../../../ledger/report';
import { CorrectionRun } from '../../support/correction-run';
import { Client } from 'pg';
import { PgBouncer } from '../../support/pgbouncer';
import { servers } from '../../support/servers';
import { runByStatements, runScript } from '../../support/psql';

const holding = (text: string) => expect.stringContaining(text) as string;
const matching = (pattern: RegExp) => expect.stringMatching(pattern) as string;
const without = (pattern: RegExp) => expect.not.stringMatching(pattern) as string;

const AUTO = 'corrections: { missing: auto, mismatched: auto, extra: auto }';

let run: CorrectionRun;
let number = 0;
beforeAll(async () => {
  run = await CorrectionRun.create('plan_script');
});
afterAll(() => run.drop());

async function pieces(runId: string): Promise<readonly string[]> {
  const ledger = await run.resources.ledger();
  const report = await readNewestReport(ledger, runId);
  if (!report) throw new Error(`no run ${runId}`);
  const config = loadConfig({ path: run.configPath, env: {}, cwd: '/' });
  const all: string[] = [];
  for await (const piece of planScript({ config, ledger }, report, undefined)) all.push(piece);
  return all;
}

/** Compares the two databases and freezes the plan. */
async function planned(): Promise<{ readonly runId: string; readonly script: string; readonly digest: string }> {
  const runId = await run.compare(`script-${(number += 1)}`);
  const { digest } = await run.freeze(runId);
  return { runId, digest, script: (await pieces(runId)).join('') };
}

/** Runs a script; what it deletes may be all of a table that no guard of a test is about. */
const sql = (script: string, ...flags: readonly string[]) =>
  runScript(run.target.url, script, 'trueup_override', ...flags);

interface Case {
  readonly tables: string;
  readonly names: readonly string[];
  readonly both: string;
  readonly source: string;
  readonly target: string;
}

const HOSTILE = `E'it''s \\\\ "x" $$ $trueup$ :trueup_run \\n\\\\! ls\\r\\t{"a"} -- ü 日本 \\U0001F600 %s'`;

const TYPES: Case = {
  tables: `[{ name: values, source: public.values, ${AUTO} }]`,
  names: ['values'],
  both: `create type mood as enum ('ok', 'so so'); create domain short as varchar(9);
    create table values (id numeric primary key, t text, n numeric(20, 4), f float8, b bytea, j json, jb jsonb, a text[], aa int[][],
      ts timestamptz, d date, i interval, u uuid, m mood, s short, c char(5), r int4range, bo boolean, net inet,
      twice numeric generated always as (n * 2) stored, no int generated always as identity, mo money, x xml, ti time)`,
  source: `insert into values (id, t, n, f, b, j, jb, a, aa, ts, d, i, u, m, s, c, r, bo, net, mo, x, ti)
    select g, case when g % 3 = 0 then ${HOSTILE} else 'plain ' || g end, case g % 4 when 0 then 'NaN' else g / 3.0 end,
           case g % 5 when 0 then '-infinity' when 1 then 'NaN' else g / 7.0 end::float8, '\\x00ff5c27'::bytea || decode(lpad(to_hex(g), 4, '0'), 'hex'),
           '{"b" : 1, "a":"\\u00fc\\\\" , "b":2}', '{"a": [1, null, "''$$"]}', array['x,"y"', null, ${HOSTILE}, 'null'], '{{1,2},{3,4}}',
           case g % 6 when 0 then 'infinity' when 1 then '4000-01-01 BC' else '2024-05-05 12:00:00.123456+02' end::timestamptz,
           case g % 4 when 0 then '-infinity'::date else '2024-02-29' end, '1 mon -3 days 04:05:06.789', md5(g::text)::uuid, 'so so', 'a''b',
           'ab', '[1,5)', g % 2 = 0, '10.0.0.1/8', 12.34, '<a>''$$</a>', '24:00'
      from generate_series(1, 60) g`,
  target: `update values set t = 'changed', f = 0, b = '', ts = null, a = '{}' where id % 3 = 0; update values set n = null, j = null where id % 7 = 0;
    delete from values where id > 50; insert into values (id, t) values (1000, ${HOSTILE}), (1001, null), (0.5, '')`,
};

const NAMES: Case = {
  tables: `[{ name: "odd: \\\\! 'name' $$ ; drop", source: '"pub lic"."Ta''ble $trueup$ ""x"" \\q"', where: "\\"a:b\\" <> 5 -- a comment", ${AUTO} }]`,
  names: [`"pub lic"."Ta'ble $trueup$ ""x"" \\q"`],
  both: `drop schema if exists "pub lic" cascade; create schema "pub lic";
    create table "pub lic"."Ta'ble $trueup$ ""x"" \\q" ("a:b" int, "se""q" text, "state" text, "trueup" text, "key" text, "ctid_" text, "${'x'.repeat(60)}" text, primary key ("a:b", "key"))`,
  source: `insert into "pub lic"."Ta'ble $trueup$ ""x"" \\q" select g, 's' || g, 'open', ':id', 'k''' || g, null, 'y' from generate_series(1, 9) g`,
  target: `update "pub lic"."Ta'ble $trueup$ ""x"" \\q" set "se""q" = 'q', "state" = null where "a:b" in (2, 5);
    delete from "pub lic"."Ta'ble $trueup$ ""x"" \\q" where "a:b" in (3, 5); insert into "pub lic"."Ta'ble $trueup$ ""x"" \\q" values (77, 'x', 'x', 'x', 'x')`,
};

const CASCADES: Case = {
  tables: `[{ name: customers, source: public.customers, ${AUTO} }, { name: notes, source: public.notes, ${AUTO} }]`,
  names: ['customers', 'notes', 'orders', 'lines', 'tags', 'parts'],
  both: `create table customers (id int primary key, name text unique, boss int references customers deferrable initially deferred);
    create table notes (id bigint primary key, customer int not null references customers, note text);
    create table orders (id int primary key, customer_id int references customers on delete cascade);
    create table lines (no text primary key, order_id int references orders on delete cascade);
    create table tags (id int primary key, line text references lines on delete set null, label text default 'l', up int references tags on delete cascade);
    create table parts (region text, id int, customer_id int default 1 references customers on delete set default, primary key (region, id)) partition by list (region);
    create table parts_eu partition of parts for values in ('eu'); create table parts_us partition of parts for values in ('us')`,
  source: `insert into customers select g, 'c' || g, case when g <= 690 and g % 10 > 1 then g - 1 end from generate_series(1, 700) g; insert into notes select g, g, 'n' from generate_series(1, 30) g`,
  target: `delete from notes where id in (3, 4); update notes set note = 'other' where id = 5; delete from notes where id > 20; delete from customers where id between 21 and 690;
    insert into customers select g, 'extra ' || g from generate_series(1000, 1600) g; insert into notes values (900, 1000, 'x');
    insert into orders values (1, 1), (100, 1000), (101, 1000), (102, 1550); insert into lines values ('keep', 1), ('a', 100), ('b', 100), ('c', 101);
    insert into tags values (1, 'a', 'l', null), (2, 'keep', 'l', null), (3, null, 'l', 2); insert into parts values ('eu', 1, 1000), ('us', 1, 1599), ('us', 2, 2)`,
};

const SELF: Case = {
  tables: `[{ name: staff, source: public.staff, ${AUTO} }]`,
  names: ['staff'],
  both: `create table staff (id int primary key, boss int references staff, name varchar(5) unique)`,
  // Some refer to rows of a later batch, and the name of one is taken by a row that goes last.
  source: `insert into staff select g, case when g <= 5 then g + 600 end, 'n' || g from generate_series(1, 700) g`,
  target: `delete from staff where id < 650; insert into staff values (2000, null, 'n5')`,
};

/** Two departments and their heads, who refer to each other, and names that are swapped. */
const RING: Case = {
  tables: `[{ name: departments, source: public.departments, ${AUTO} }, { name: people, source: public.people, ${AUTO} }]`,
  names: ['departments', 'people'],
  both: `drop table if exists departments, people cascade;
    create table departments (id int primary key, head int not null, name text unique deferrable);
    create table people (id int primary key, department int not null references departments deferrable);
    alter table departments add foreign key (head) references people deferrable`,
  source: `begin; set constraints all deferred; insert into departments select g, 1 + g % 9, 'd' || g from generate_series(1, 9) g;
    insert into people select g, 1 + g % 9 from generate_series(1, 9) g; commit`,
  target: `begin; set constraints all deferred; update departments set name = 'd' || (case id when 1 then 2 when 2 then 3 else 1 end) where id < 4;
    delete from departments where id > 6; delete from people where id > 6; update people set department = 1 where department > 6;
    update departments set head = 1 where head > 6; insert into departments values (20, 20, 'x'); insert into people values (20, 20); commit`,
};

/** Types that differ, so that what the source holds has to be converted. */
const CONVERTED: Case = {
  tables: `[{ name: converted, source: public.converted, ${AUTO} }]`,
  names: ['converted'],
  both: `drop table if exists converted; create table converted (id int primary key, n int, m numeric(10,2), b smallint, ip varchar, d date, u text, bits int default 7, a int[]);
    do $$ begin if current_database() like '%source%' then
      drop table converted; create table converted (id numeric(9,2) primary key, n numeric(10,2), m money, b boolean, ip inet, d timestamp, u uuid, bits bit(8), a numeric(9,2)[]);
    end if; end $$`,
  source: `do $$ begin if current_database() like '%source%' then insert into converted
      select g, g * 3, g * 1.5, g % 2 = 0, '10.0.0.1', '2024-02-29', md5(g::text)::uuid, '00000110', array[g, 2.00] from generate_series(1, 40) g;
    else insert into converted select g, g * 3, g * 1.5, (g % 2 = 0)::int, '10.0.0.1', '2024-02-29', md5(g::text)::uuid, 5, array[g, 2] from generate_series(1, 40) g; end if; end $$`,
  target: `delete from converted where id > 30; update converted set n = 0, m = 0, b = 9, ip = '::1', d = null, u = '', a = null where id % 3 = 0; insert into converted values (99, 1)`,
};

async function setUp({ tables, both, source, target }: Case): Promise<void> {
  await run.reset(tables);
  await run.target.query('drop schema if exists trueup_script cascade');
  await run.both(both);
  await run.both(source);
  await run.target.query(target);
}

describe('the plan of a run as a script for psql', () => {
  const cases: readonly (readonly [string, Case])[] = [
    ['values of all kinds', TYPES],
    ['values of other types', CONVERTED],
    ['hostile names', NAMES],
    ['cascades', CASCADES],
    ['rows that refer to rows of a later batch', SELF],
    ['rows that need each other', RING],
  ];

  it.each(cases)('makes of the target what applying the plan makes of it: %s', async (_name, given) => {
    await setUp(given);
    const damaged = await run.contents(...given.names);
    const { entries } = await run.correct(`apply-${(number += 1)}`);
    expect(new Set(entries.map(({ status }) => status))).toEqual(new Set(['SUCCESS']));
    const applied = await run.contents(...given.names);
    expect(applied).not.toBe(damaged);
    await setUp(given);
    expect(await run.contents(...given.names)).toBe(damaged);

    const { runId, script } = await planned();
    const first = await sql(script);
    expect(first).toMatchObject({ code: 0, messages: without(/SKIPPED|LEFT|WARNING|ERROR/) });
    expect(await run.contents(...given.names)).toBe(applied);
    const [kept] = await run.target.query('select count(*) as n from trueup_script.change where run_id = $1', [runId]);
    expect(kept?.['n']).toBe(String(entries.length));

    const second = await sql(script);
    expect(second).toMatchObject({ code: 0, messages: without(/: \d+ done$/m) });
    expect(second.messages).toMatch(/: \d+ done before$/m);
    expect(await run.contents(...given.names)).toBe(applied);

    for (const says of [/: \d+ done$/m, /: \d+ done before$/m]) {
      expect(await sql(script, 'trueup_give_back')).toMatchObject({ code: 0, messages: matching(says) });
      expect(await run.contents(...given.names)).toBe(damaged);
    }
  });

  it('does without psql what psql does', async () => {
    await setUp(CASCADES);
    const { script } = await planned();
    expect(await runByStatements(run.target.url, script, [])).toMatchObject({ code: 0 });
    const there = await run.contents(...CASCADES.names);
    await setUp(CASCADES);
    expect(await sql((await planned()).script)).toMatchObject({ code: 0 });
    expect(await run.contents(...CASCADES.names)).toBe(there);
  });
});

describe('a script whose target is not as planned', () => {
  const SHOP: Case = {
    tables: `[{ name: customers, source: public.customers, ${AUTO} }]`,
    names: ['customers', 'orders'],
    both: `create table customers (id int primary key, name text, note text);
      create table orders (id int primary key, customer_id int references customers on delete cascade)`,
    source: `insert into customers select g, 'c' || g from generate_series(1, 10) g`,
    target: `update customers set name = 'x' where id in (1, 2, 3); delete from customers where id in (4, 5);
      insert into customers values (20, 'extra'), (21, 'extra'), (22, 'extra'), (23, 'extra'); insert into orders values (1, 20), (2, 21), (3, 22)`,
  };
  const names = async () =>
    Object.fromEntries((await run.rows('customers')).map(({ id, name }) => [id, name])) as Record<string, string>;

  it('skips and reports the rows that were changed, and no others', async () => {
    await setUp(SHOP);
    const { script } = await planned();
    await run.target.query(`update customers set note = 'n' where id = 2; delete from customers where id = 3;
      insert into customers values (4, 'mine'); update customers set note = 'n' where id = 23;
      update orders set customer_id = 1 where id = 2`);
    const { code, messages } = await sql(script);
    expect(code).toBe(0);
    const skipped = messages.split('\n').filter((line) => line.includes('SKIPPED_STALE'));
    expect(skipped.map((line) => line.replace(/^.*SKIPPED_STALE \d+: /, ''))).toEqual([
      'insert customers ["4"]: the target has the row by now',
      'update customers ["2"]: the target row was changed since the plan was made',
      'update customers ["3"]: the target row is gone since the plan was made',
      'delete public.orders ["2"]: the target row was changed since the plan was made',
      expect.stringMatching(/^delete customers \["21"\]: correction \d+, which goes with it, is not as planned$/),
      'delete customers ["23"]: the target row was changed since the plan was made',
    ]);
    expect(await names()).toMatchObject({ 1: 'c1', 2: 'x', 4: 'mine', 5: 'c5', 21: 'extra', 23: 'extra' });
    expect(Object.keys(await names())).not.toContain('20');
    expect((await run.rows('orders')).map(({ id }) => id)).toEqual(['2']);
  });

  it('does not make a delete that would take a row with it that is not in the plan, and tells so at the end', async () => {
    await setUp(SHOP);
    const { script } = await planned();
    await run.target.query('insert into orders values (9, 22)');
    const { code, messages } = await sql(script);
    expect(code).toBe(3);
    expect(messages).toMatch(
      /LEFT \d+: delete customers \["22"\]: deleting it would delete 1 row\(s\) of public.orders /,
    );
    expect(messages).toMatch(/ERROR: .*2 correction\(s\) are left/);
    expect((await run.rows('orders')).map(({ id }) => id)).toEqual(['3', '9']);
    expect(await names()).toMatchObject({ 1: 'c1', 4: 'c4', 22: 'extra' });
    await run.target.query('delete from orders where id = 9');
    expect(await sql(script)).toMatchObject({ code: 0 });
    expect(await run.rows('orders')).toEqual([]);
    expect(Object.keys(await names())).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9', '10']);
  });

  it.each([
    ['cascade', 'change'],
    ['set null', 'set to NULL'],
  ])(
    'does not make an update that ON UPDATE %s would hand on to rows that are not in the plan',
    async (action, what) => {
      await setUp({
        ...SHOP,
        both: `create table customers (id int primary key, name text unique, note text);
        create table orders (id int primary key, customer text references customers (name) on update ${action})`,
        target: `update customers set name = 'x' || id, note = 'y' where id in (1, 2); update customers set note = 'z' where id = 3;
        insert into orders values (1, 'x1'), (2, 'c3')`,
      });
      const { script } = await planned();
      const { code, messages } = await sql(script);
      expect(code).toBe(3);
      expect(messages).toMatch(
        new RegExp(`LEFT \\d+: update customers \\["1"\\]: updating it would ${what} 1 row\\(s\\) of public.orders `),
      );
      expect(messages).toMatch(/ERROR: .*1 correction\(s\) are left/);
      expect(await run.rows('orders')).toEqual([
        { id: '1', customer: 'x1' },
        { id: '2', customer: 'c3' },
      ]);
      expect((await run.rows('customers')).slice(0, 3)).toEqual([
        { id: '1', name: 'x1', note: 'y' },
        { id: '2', name: 'c2', note: null },
        { id: '3', name: 'c3', note: null },
      ]);
    },
  );

  it('leaves the rows that the database refuses, makes all others, and makes those too when it is run again', async () => {
    await setUp(SHOP);
    const { script } = await planned();
    await run.target.query(`alter table customers add constraint no_five check (id <> 5);
      create function refuse() returns trigger language plpgsql as 'begin raise exception ''not %'', new.id using errcode = ''22023''; end';
      create trigger t before update on customers for each row when (new.id = 2) execute function refuse()`);
    const { code, messages } = await sql(script);
    expect(code).toBe(3);
    const left = messages.split('\n').filter((line) => line.includes('LEFT'));
    expect(left.map((line) => line.replace(/^.*LEFT \d+: /, ''))).toEqual([
      'insert customers ["5"]: new row for relation "customers" violates check constraint "no_five"',
      'update customers ["2"]: not 2',
    ]);
    expect(messages).toMatch(/NOTICE: .*customers delete: 4 done/);
    expect(messages).toMatch(/ERROR: .*2 correction\(s\) are left/);
    expect(await names()).toMatchObject({ 1: 'c1', 2: 'x', 3: 'c3', 4: 'c4' });
    expect(Object.keys(await names())).toEqual(['1', '2', '3', '4', '6', '7', '8', '9', '10']);
    await run.target.query('alter table customers drop constraint no_five; drop trigger t on customers');
    expect(await sql(script)).toMatchObject({ code: 0 });
    expect(await names()).toMatchObject({ 2: 'c2', 5: 'c5' });
  });

  it('leaves what a trigger swallows', async () => {
    await setUp(SHOP);
    const { script } = await planned();
    await run.target.query(`create function swallow() returns trigger language plpgsql as 'begin return null; end';
      create trigger t before update on customers for each row execute function swallow()`);
    const { code, messages } = await sql(script);
    expect(code).toBe(3);
    expect(messages.match(/LEFT \d+: update .*1 row\(s\) were to change, 0 did/g)).toHaveLength(3);
    expect(messages).toMatch(/ERROR: .*3 correction\(s\) are left/);
    expect(await names()).toMatchObject({ 1: 'x', 4: 'c4' });
  });

  describe('reads back what came out', () => {
    const left = (messages: string) =>
      messages
        .split('\n')
        .filter((line) => line.includes('LEFT'))
        .map((line) =>
          line
            .replace(/^.*LEFT \d+: /, '')
            .replace(/: what came out of it is not what was planned, so it was taken back: /, ' | '),
        );
    const upper = `create function up() returns trigger language plpgsql as 'begin new.v := upper(new.v); return new; end';
      create trigger t_upper before insert or update on t for each row execute function up();`;

    it('and leaves the rows alone that a trigger changes, when made and when given back', async () => {
      await setUp({
        tables: `[{ name: t, source: public.t, exclude: [seen], ${AUTO} }]`,
        names: ['t'],
        both: 'create table t (k int primary key, v text, n numeric, seen int)',
        source: `insert into t select g, case g when 5 then 'HIGH' when 7 then 'UP' else 'low' end, g from generate_series(1, 9) g`,
        target: `delete from t where k > 3; update t set v = 'x', n = 7.00 where k < 3; update t set v = 'HIGH' where k = 3`,
      });
      await run.source.query(`update t set v = 'HIGH' where k = 2`);
      await run.target.query(
        `create function see() returns trigger language plpgsql as 'begin new.seen := 100; return new; end';
         create trigger see before insert or update on t for each row execute function see();`,
      );
      const before = await run.rows('t');
      const { script } = await planned();
      await run.target.query(upper);
      const { code, messages } = await sql(script);
      expect(code).toBe(3);
      expect(left(messages).map((line) => line.replace(/row security or a type /, ''))).toEqual([
        ...['4', '6', '8', '9'].map((key) => holding(`insert t ["${key}"] | column v: `)),
        ...['1', '3'].map((key) => holding(`update t ["${key}"] | column v: `)),
      ]);
      expect(left(messages)[0]).toContain('look at trigger "see", trigger "t_upper"');
      const now = await run.rows('t');
      expect(now.map(({ k, v }) => [k, v])).toEqual([
        ['1', 'x'],
        ['2', 'HIGH'],
        ['3', 'HIGH'],
        ['5', 'HIGH'],
        ['7', 'UP'],
      ]);
      expect(now.find(({ k }) => k === '1')).toEqual(before.find(({ k }) => k === '1'));
      expect(now.find(({ k }) => k === '2')).toMatchObject({ n: '2', seen: '100' });
      // Row 2 held small letters, which the trigger does not let back in.
      const back = await sql(script, 'trueup_give_back');
      expect(back.code).toBe(3);
      expect(left(back.messages)).toEqual([holding('update t ["2"] | column v: ')]);
      await run.target.query('drop trigger t_upper on t');
      expect(await sql(script, 'trueup_give_back')).toMatchObject({ code: 0 });
      expect((await run.rows('t')).map((row) => ({ ...row, seen: null }))).toEqual(
        before.map((row) => ({ ...row, seen: null })),
      );
    });

    it.each<readonly [string, string, string, readonly string[], number]>([
      [
        'a key that its type rounds',
        'create table t (k numeric primary key); insert into t values (1), (1.006), (2)',
        'create table t (k numeric(6,2) primary key); insert into t values (1)',
        ['insert t ["1.006"] | no row is there under its key after the insert'],
        2,
      ],
      [
        'a scale that is too small',
        'create table t (k int primary key, v numeric); insert into t values (1, 1.005), (2, 1.50), (3, 2.001), (4, 7)',
        'create table t (k int primary key, v numeric(10,2)); insert into t values (3, 2.00), (4, 4)',
        ['insert t ["1"] | column v: ', 'update t ["3"] | column v: '],
        3,
      ],
      [
        'a document in another form',
        `create table t (k int primary key, v text); insert into t values (1, '{"b":1, "a":1}'), (2, '{"a": 1}')`,
        'create table t (k int primary key, v jsonb)',
        ['insert t ["1"] | column v: '],
        1,
      ],
      [
        'a column that the target generates',
        'create table t (k int primary key, a int, g int); insert into t values (1, 1, 2), (2, 2, 9), (3, 3, 7), (4, 5, 10)',
        `create table t (k int primary key, a int, g int generated always as (a * 2) stored);
         insert into t values (3, 1), (4, 1)`,
        ['insert t ["2"] | column g: ', 'update t ["3"] | column g: '],
        3,
      ],
      [
        'a row that a trigger keeps',
        'create table t (k int primary key)',
        `create table t (k int primary key); insert into t values (1), (2);
         create function keep() returns trigger language plpgsql as 'begin if old.k = 1 then return null; end if; return old; end';
         create trigger keep before delete on t for each row execute function keep()`,
        ['delete t ["1"] | the row is still there'],
        1,
      ],
    ])('%s', async (_, source, target, expected, rows) => {
      await setUp({
        tables: `[{ name: t, source: public.t, ${AUTO} }]`,
        names: ['t'],
        both: 'select 1',
        source: 'select 1',
        target: 'select 1',
      });
      await run.source.query(source);
      await run.target.query(target);
      const { script } = await planned();
      const { code, messages } = await sql(script);
      expect(code).toBe(3);
      expect(left(messages)).toEqual(expected.map(holding));
      const now = await run.target.query('select * from t');
      expect(now).toHaveLength(rows);
      expect((await run.target.query('select count(*) as n from trueup_script.change'))[0]).toEqual({
        n: String(
          messages
            .match(/NOTICE: .* (\d+) done/g)
            ?.reduce((sum, line) => sum + Number(/(\d+) done/.exec(line)?.[1]), 0) ?? 0,
        ),
      });
    });
  });

  it('leaves rows that swap a unique value where the constraint cannot wait, and names them', async () => {
    await setUp({
      ...SHOP,
      both: SHOP.both.replace('name text', 'name text unique'),
      target: `update customers set name = null where id in (1, 2); update customers set name = 'c2' where id = 1;
        update customers set name = 'c1' where id = 2; update customers set note = 'x' where id = 3`,
    });
    const { script } = await planned();
    const { code, messages } = await sql(script);
    expect(code).toBe(3);
    expect(messages.match(/LEFT \d+: update customers \["[12]"\]: duplicate key .*customers_name_key/g)).toHaveLength(
      2,
    );
    expect(await run.rows('customers')).toMatchObject([
      { name: 'c2' },
      { name: 'c1' },
      { note: null },
      {},
      {},
      {},
      {},
      {},
      {},
      {},
    ]);
  });

  it('moves sequences past what it inserted, and never back', async () => {
    await setUp({
      tables: `[{ name: s, source: public.s, ${AUTO} }]`,
      names: ['s'],
      both: `create table s (id serial primary key, down int generated by default as identity (increment -1), n smallserial)`,
      source: `insert into s values (1, -1, 1), (50, -70, 5), (40, -80, 30000)`,
      target: `delete from s where id > 1; select setval('s_n_seq', 31000)`,
    });
    const { script } = await planned();
    const { code, messages } = await sql(script);
    expect({ code, moved: messages.match(/sequence \S+ was moved to \S+/g) }).toEqual({
      code: 0,
      moved: ['sequence public.s_down_seq was moved to -80', 'sequence public.s_id_seq was moved to 50'],
    });
    await run.target.query('insert into s default values');
    expect(await run.rows('s')).toContainEqual({ id: '51', down: '-81', n: '31001' });
    expect((await sql(script)).messages).not.toMatch(/was moved/);
  });

  it('waits for no lock for long', async () => {
    await setUp(SHOP);
    const { script } = await planned();
    await run.target.query('begin; select 1 from customers where id = 2 for update');
    try {
      const quick = script.replace("lock_timeout = '5s'", "lock_timeout = '100ms'");
      expect(await sql(quick)).toMatchObject({ code: 3, messages: holding('lock timeout') });
    } finally {
      await run.target.query('rollback');
    }
    expect(await sql(script)).toMatchObject({ code: 0 });
  });

  it.each([
    [
      'a column of another type',
      'alter table customers alter note type varchar',
      /note is character varying, was text/,
    ],
    ['a column that is gone', 'alter table customers drop note', /note is missing, was text/],
    ['no table', 'drop table customers cascade', /"public"."customers" is no table here/],
  ])('changes nothing where there is %s', async (_name, change, says) => {
    await setUp(SHOP);
    const { script } = await planned();
    await run.target.query(change);
    expect(await sql(script)).toMatchObject({ code: 3, messages: matching(says) });
    expect((await run.rows('orders')).map(({ id }) => id)).toEqual(['1', '2', '3']);
  });

  it('changes nothing on another database, or once Trueup has applied the plan', async () => {
    await setUp(SHOP);
    const { runId, digest, script } = await planned();
    expect(await runScript(run.source.url, script)).toMatchObject({
      code: 3,
      messages: holding(`for the database ${run.target.name}, and this is ${run.source.name}`),
    });
    await run.apply(runId, digest);
    const applied = await run.contents(...SHOP.names);
    expect(await sql(script)).toMatchObject({ code: 3, messages: matching(/Trueup itself has made \d+/) });
    expect(await run.contents(...SHOP.names)).toBe(applied);
  });

  it('gives back nothing that was changed since, and takes nothing with it that came since', async () => {
    await setUp({ ...SHOP, target: `${SHOP.target}; delete from customers where id = 6` });
    const { script } = await planned();
    expect(await sql(script)).toMatchObject({ code: 0 });
    await run.target.query(`update customers set note = 'mine' where id in (1, 4); insert into orders values (50, 6)`);
    const { code, messages } = await sql(script, 'trueup_give_back');
    expect(code).toBe(3);
    expect(messages.match(/SKIPPED_STALE/g)).toHaveLength(2);
    expect(messages).toMatch(
      /LEFT -\d+: delete customers \["6"\]: deleting it would delete 1 row\(s\) of public.orders /,
    );
    expect((await run.rows('orders')).map(({ id }) => id)).toEqual(['1', '2', '3', '50']);
    expect(await names()).toMatchObject({ 1: 'c1', 2: 'x', 4: 'c4', 20: 'extra' });
    expect(Object.keys(await names())).not.toContain('5');
  });

  it('of a plan over its guard is run only when told to', async () => {
    await setUp({ ...SHOP, tables: SHOP.tables.replace(' }]', ', guard: { rows: 2, percent: 0 } }]') });
    const { script } = await planned();
    const before = await run.contents(...SHOP.names);
    expect(script).toMatch(/^-- BLOCKED: /m);
    for (const flags of [[], ['trueup_other']]) {
      expect(await runScript(run.target.url, script, ...flags)).toMatchObject({
        code: 3,
        messages: holding('add -v trueup_override=1'),
      });
      expect(await run.contents(...SHOP.names)).toBe(before);
    }
    expect(await sql(script, 'trueup_override')).toMatchObject({ code: 0 });
    expect(await names()).toMatchObject({ 1: 'c1', 5: 'c5' });
  });

  it('holds nothing of what an approval left out', async () => {
    await setUp(SHOP);
    const { runId } = await planned();
    await run.target.query(`update trueup.plan_item set needs_approval = true where run_id = '${runId}'`);
    await leaveOutItems(await run.resources.ledger(), runId, { tables: null, operations: ['insert'] });
    const script = (await pieces(runId)).join('');
    expect(await sql(script)).toMatchObject({
      code: 3,
      messages: matching(/NOT IN THE PLAN: \d+ differences?: customers extra_in_target OPEN/),
    });
    expect(await names()).toMatchObject({ 1: 'x', 4: 'c4', 20: 'extra' });
    expect(await run.rows('orders')).toHaveLength(3);
  });

  it.each([
    ['ignore', 'OPEN'],
    ['review', 'IN_REVIEW'],
  ])('says at its end what it leaves by the policy %s, and ends in 3', async (policy, resolution) => {
    const corrections = `corrections: { missing: ${policy}, mismatched: auto, extra: auto }`;
    await run.reset(`[{ name: t, source: public.t, ${corrections} }]`);
    await run.both('create table t (id int primary key, v text)');
    await run.source.query(`insert into t values (1, 'a'), (2, 'b')`);
    await run.target.query(`insert into t values (1, 'x')`);
    const { script } = await planned();
    expect(await sql(script)).toMatchObject({
      code: 3,
      messages: holding(`NOT IN THE PLAN: 1 difference: t missing_in_target ${resolution}`),
    });
    expect(await run.rows('t')).toEqual([{ id: '1', v: 'a' }]);
  });

  it('is made a piece at a time, each of bounded size, in whole batches', async () => {
    await setUp({
      ...SHOP,
      target: `insert into customers select g, 'extra', repeat('x', case when g < 1040 then 60000 else 5 end) from generate_series(1000, 2600) g;
        insert into orders select g, 1000 + g % 1000 from generate_series(1, 1500) g; create index on orders (customer_id); analyze`,
    });
    const runId = await run.compare('script-large');
    await run.freeze(runId);
    const made = await pieces(runId);
    expect(Math.max(...made.map(({ length }) => length))).toBeLessThan(5_000_000);
    const batches = made
      .join('')
      .split(/^begin;$/m)
      .slice(1);
    expect(batches.length).toBe(4);
    for (const batch of batches) {
      const rows = [...batch.matchAll(/^ {2}\((\d+), (\d+), /gm)].map(([, seq, root]) => [seq, root]);
      const roots = new Set(rows.filter(([seq, root]) => seq === root).map(([seq]) => seq));
      expect(roots.size).toBeLessThanOrEqual(500);
      expect(rows.every(([, root]) => roots.has(root))).toBe(true);
    }
    expect(await sql(made.join(''), 'trueup_override')).toMatchObject({
      code: 0,
      messages: holding('delete: 1601 done'),
    });
  });
});

describe('a script behind a pooler', () => {
  it('stops before it sets or makes anything where its transactions have no session of their own', async () => {
    await run.reset(`[{ name: t, source: public.t, ${AUTO} }]`);
    await run.both('create table t (id int primary key)');
    await run.source.query('insert into t values (1)');
    const { script } = await planned();
    const bouncer = await PgBouncer.start(servers.postgresUrl, 'transaction', { server_round_robin: 1 });
    const others = [0, 1, 2].map(() => new Client({ connectionString: bouncer.url(run.target.url) }));
    try {
      await Promise.all(others.map((client) => client.connect()));
      await Promise.all(others.map((client) => client.query('select pg_sleep(0.3)')));
      const stopped = { code: 3, messages: holding('needs a session of its own') };
      expect(await runScript(bouncer.url(run.target.url), script)).toMatchObject(stopped);
      expect(await runByStatements(bouncer.url(run.target.url), script, [])).toMatchObject(stopped);
      for (const client of others) {
        const { rows } = await client.query<{ s: string }>(
          `select current_setting('search_path') || ' ' || coalesce(to_regclass('pg_temp.trueup_item')::text, '') as s`,
        );
        expect(rows[0]?.s).toBe('"$user", public ');
      }
      expect(await run.rows('t')).toEqual([]);
    } finally {
      await Promise.all(others.map((client) => client.end()));
      await bouncer.stop();
    }
    expect(await sql(script)).toMatchObject({ code: 0 });
    expect(await run.rows('t')).toEqual([{ id: '1' }]);
  });
});
