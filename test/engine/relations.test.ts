import { TwoServers } from '../support/two-servers';

describe('relations of every kind', () => {
  let servers: TwoServers;
  beforeAll(async () => {
    servers = await TwoServers.start('relations');
  });
  afterAll(() => servers.remove());
  afterEach(() => servers.clean());
  const both = (sql: string) => servers.pair.both(sql);
  const target = (sql: string) => servers.pair.target.query(sql);
  const source = (sql: string) => servers.pair.source.query(sql);
  const ROWS = `insert into t (id, a) select i, 'a' from generate_series(1, 60) as i`;

  describe('views', () => {
    it('as source, by the primary key of the target', async () => {
      await source(`create table base (id int, a text, hidden int); create view t as select id, a from base`);
      await target('create table t (id int primary key, a text)');
      await both(ROWS);
      await target(`update t set a = 'b' where id = 7; delete from t where id = 8`);
      const { names, kinds } = await servers.found('t');
      expect(names).toEqual(['field_mismatch ["7"] a', 'missing_in_target ["8"]']);
      expect(kinds).toEqual(['buckets', 'nulls']);
    });

    it('on both sides, by a key of the config', async () => {
      await both(`create table base (id int primary key, a text);
        create view t as select id, upper(a) as a from base where id % 2 = 0 union all select -id, a from base;
        insert into base select i, 'a' from generate_series(1, 30) as i`);
      await target(`update base set a = 'A' where id = 4; update base set a = 'b' where id = 5`);
      const { names } = await servers.found('t', { key: ['id'] });
      expect(names).toEqual(['field_mismatch ["-4"] a', 'field_mismatch ["-5"] a']);
    });

    it('materialized, by their unique index', async () => {
      await both(`create table base (id int, a text); insert into base select i, 'a' from generate_series(1, 30) as i`);
      await target(`update base set a = 'b' where id = 7`);
      await both('create materialized view t as select * from base; create unique index on t (id)');
      const { names, kinds } = await servers.found('t');
      expect(names).toEqual(['field_mismatch ["7"] a']);
      expect(kinds).toEqual(['range', 'nulls']);
    });

    it('without any key', async () => {
      await both(`create table base (id int, a text); create view t as select a from base;
        insert into base select i, 'a' || i % 3 from generate_series(1, 30) as i`);
      await target(`update base set a = 'a1' where id = 2`);
      const { differences } = await servers.found('t');
      expect(differences.map(({ key, counts }) => ({ ...key, ...counts }))).toEqual(
        expect.arrayContaining([
          { a: 'a1', source: 10, target: 11 },
          { a: 'a2', source: 10, target: 9 },
        ]),
      );
      expect(differences).toHaveLength(2);
    });
  });

  describe('partitioned tables', () => {
    const DAMAGE = `update t set a = 'b' where id in (3, 33); delete from t where id in (20, 59)`;
    const EXPECTED = [
      'field_mismatch ["3"] a',
      'field_mismatch ["33"] a',
      'missing_in_target ["20"]',
      'missing_in_target ["59"]',
    ];

    it.each([
      [
        'by range, with a default',
        `create table t (id int primary key, a text) partition by range (id);
         create table t1 partition of t for values from (minvalue) to (20);
         create table t2 partition of t for values from (20) to (40); create table t3 partition of t default`,
      ],
      [
        'by hash',
        `create table t (id int primary key, a text) partition by hash (id);
         create table t0 partition of t for values with (modulus 2, remainder 0);
         create table t1 partition of t for values with (modulus 2, remainder 1)`,
      ],
      [
        'in partitions of other column orders and of dropped columns, themselves partitioned',
        `create table t (id int primary key, a text) partition by range (id);
         create table t1 (gone int, a text, id int not null) partition by list (id);
         alter table t1 drop gone; alter table t attach partition t1 for values from (minvalue) to (30);
         create table t1d partition of t1 default;
         create table t2 (a text, id int not null); alter table t attach partition t2 for values from (30) to (maxvalue)`,
      ],
    ])('%s, and a plain one', async (_, ddl) => {
      await source(ddl);
      await target('create table t (id int primary key, a text)');
      await both(ROWS);
      await target(DAMAGE);
      const { names, kinds } = await servers.found('t');
      expect(names).toEqual(EXPECTED);
      expect(kinds).toEqual(['range']);
    });

    it('by a column that is part of the key, on both sides in other ways', async () => {
      await source(`create table t (region text collate "C", id int, a text, primary key (id, region)) partition by list (region);
        create table te partition of t for values in ('eu'); create table tx partition of t default`);
      await target(`create table t (a text, id int, region text collate "C", primary key (id, region)) partition by range (id);
        create table t1 partition of t for values from (minvalue) to (30); create table t2 partition of t default`);
      await both(
        `insert into t (region, id, a) select r, i, 'a' from generate_series(1, 30) as i, (values ('eu'), ('us')) as v(r)`,
      );
      await target(
        `update t set a = 'b' where id = 7 and region = 'us'; update t set region = 'EU' where id = 9 and region = 'eu'`,
      );
      const { names, kinds } = await servers.found('t');
      expect(names).toEqual([
        'extra_in_target ["9","EU"]',
        'field_mismatch ["7","us"] a',
        'missing_in_target ["9","eu"]',
      ]);
      expect(kinds).toEqual(['range']);
    });
  });

  describe('tables with inheritors', () => {
    const TREE = 'create table t (id int primary key, a text); create table child (more int) inherits (t)';

    it('with the rows of those', async () => {
      await source(TREE);
      await target('create table t (id int primary key, a text)');
      await both(ROWS);
      await source(`insert into child (id, a) values (100, 'c'), (101, 'c'), (-5, 'c')`);
      await target(`insert into t values (100, 'c'), (101, 'd')`);
      const { names } = await servers.found('t');
      expect(names).toEqual(['field_mismatch ["101"] a', 'missing_in_target ["-5"]']);
    });

    it('are not taken to have a key that an inheritor repeats', async () => {
      await source(TREE);
      await target('create table t (id int primary key, a text)');
      await both(ROWS);
      await source(`insert into child (id, a) values (7, 'a')`);
      const { differences, kinds } = await servers.found('t');
      expect(differences.map(({ key, counts }) => ({ ...key, ...counts }))).toEqual([
        { id: '7', a: 'a', source: 2, target: 1 },
      ]);
      expect(kinds).toEqual(['multiset']);
    });
  });

  it('foreign tables', async () => {
    const url = new URL(servers.pair.target.url);
    await both(`create table base (id int primary key, a text)`);
    await target(`create extension postgres_fdw; create schema far; alter table base set schema far;
      create server loop foreign data wrapper postgres_fdw options (host '${url.hostname}', port '${url.port}', dbname '${url.pathname.slice(1)}');
      create user mapping for current_user server loop options (user '${url.username}', password '${decodeURIComponent(url.password)}');
      create foreign table t (id int, a text) server loop options (schema_name 'far', table_name 'base')`);
    await source('alter table base rename to t');
    await both(ROWS);
    await target(`update far.base set a = 'b' where id = 7; delete from far.base where id = 8`);
    expect((await servers.found('t')).names).toEqual(['field_mismatch ["7"] a', 'missing_in_target ["8"]']);
    await target('drop extension postgres_fdw cascade; drop schema far cascade');
  });

  describe('names', () => {
    it.each(['a.b', 'public.t', '$1', '"', "it's", '%', '\\', 'ı', 'ﬁ', 'Ä', 'ORDER', 'trueup:rows', 'x'.repeat(63)])(
      '%s for the table, its key and a value',
      async (name) => {
        const quoted = `"${name.replaceAll('"', '""')}"`;
        await both(`create table ${quoted} (${quoted} text primary key, "${'v'.repeat(60)}" text);
          insert into ${quoted} select 'k' || i, 'v' from generate_series(1, 20) as i`);
        await target(`update ${quoted} set "${'v'.repeat(60)}" = 'w' where ${quoted} = 'k7'`);
        expect((await servers.found(name)).names).toEqual([`field_mismatch ["k7"] ${'v'.repeat(60)}`]);
      },
    );

    it('of one table in several schemas', async () => {
      await both(`create schema one; create schema "Two.one"`);
      for (const schema of ['public', 'one', '"Two.one"']) {
        await both(
          `create table ${schema}.t (id int primary key, a text); insert into ${schema}.t values (1, 'a'), (2, 'a')`,
        );
      }
      await target(`update "Two.one".t set a = 'b' where id = 2; delete from one.t where id = 1`);
      expect((await servers.found('t')).names).toEqual([]);
      expect((await servers.found('t', { schema: 'one' })).names).toEqual(['missing_in_target ["1"]']);
      expect((await servers.found('t', { schema: 'Two.one' })).names).toEqual(['field_mismatch ["2"] a']);
      await both('drop schema one cascade; drop schema "Two.one" cascade');
    });

    it('that two columns swap, one of them of the key', async () => {
      await source('create table t (a int primary key, b int, c text)');
      await target('create table t (b int primary key, a int, c text)');
      await both(`insert into t select i, i * 10, 'c' from generate_series(1, 20) as i`);
      await target('update t set a = 0 where b = 7');
      const { names, differences } = await servers.found('t', { columns: { a: 'b', b: 'a' } });
      expect(names).toEqual(['field_mismatch ["7"] b']);
      expect(differences[0]?.differences).toEqual([{ name: 'b', targetName: 'a', source: '70', target: '0' }]);
    });

    it('that one column takes over from another, which has no partner then', async () => {
      await source('create table t (id int primary key, a text, b text)');
      await target('create table t (id int primary key, b text)');
      await source(`insert into t values (1, 'x', 'old'), (2, 'x', 'old')`);
      await target(`insert into t values (1, 'x'), (2, 'y')`);
      expect((await servers.found('t', { columns: { a: 'b' } })).names).toEqual(['field_mismatch ["2"] a']);
      expect((await servers.pair.inspect('t', { columns: { a: 'b' } })).comparison.notes).toEqual([
        'only in the source, not compared: b',
      ]);
    });
  });
});
