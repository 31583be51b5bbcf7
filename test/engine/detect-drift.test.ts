import type { TablePair } from '../../contracts/table-pair';
import { findDrift } from '../../engine/detect/drift';
import type { Drift } from '../../engine/detect/drift-context';
import { EnginePair } from '../support/engine';

let pair: EnginePair;

beforeAll(async () => {
  pair = await EnginePair.create('drift');
}, 60_000);
afterAll(() => pair.drop());
afterEach(() => pair.both('drop schema public cascade; create schema public; drop schema if exists sales cascade'));

type Options = Partial<Pick<TablePair, 'columns' | 'exclude' | 'target' | 'source'>>;

function pairOf(name: string, options: Options): TablePair {
  return {
    name,
    source: { connection: 'legacy', schema: 'public', table: name },
    target: { connection: 'modern', schema: 'public', table: name },
    key: null,
    columns: {},
    exclude: [],
    where: null,
    critical: false,
    corrections: { missing: 'auto', mismatched: 'approve', extra: 'approve' },
    chunkRows: 1_000,
    settle: { delayMs: 0, attempts: 1 },
    ...options,
  };
}

async function drifts(name = 't', options: Options = {}, pairs: readonly TablePair[] = []): Promise<readonly Drift[]> {
  const databases = { source: pair.sourceDatabase, target: pair.targetDatabase };
  return (await findDrift(pairOf(name, options), pairs, databases)).drifts;
}

const line = ({ object, name, what, source, target, severity }: Drift) =>
  `${severity} ${object} ${name} ${what}: ${source ?? '-'} / ${target ?? '-'}`;

/** Carries out what is suggested, statement by statement, until nothing is. */
async function mend(found: readonly Drift[], name = 't', options: Options = {}): Promise<readonly string[]> {
  for (const { ddl } of found) for (const statement of ddl) await pair.target.query(statement);
  return (await drifts(name, options)).map(line);
}

async function each(source: string, target: string, expected: readonly string[], left: readonly string[] = []) {
  await pair.source.query(source);
  await pair.target.query(target);
  const found = await drifts();
  expect(found.map(line).sort()).toEqual([...expected].sort());
  expect(await mend(found)).toEqual(left);
}

test.each<[name: string, source: string, target: string, expected: readonly string[], left?: readonly string[]]>([
  ['nothing', 'create table t (id int primary key, a text)', 'create table t (id int primary key, a text)', []],
  [
    'a missing column',
    `create table t (id int primary key, a text not null default 'x', b bigint)`,
    'create table t (id int primary key); insert into t values (1)',
    ['high column a column: text / -', 'high column b column: bigint / -'],
  ],
  [
    'a missing column that no row has a value for',
    `create table t (id int primary key, a text not null)`,
    'create table t (id int primary key); insert into t values (1)',
    ['high column a column: text / -'],
    ['medium column a nullability: NOT NULL / NULL'],
  ],
  [
    'columns of the target alone',
    'create table t (id int primary key)',
    `create table t (id int primary key, a text, b int not null default 1, c int not null, d int generated always as (id + 1) stored)`,
    [
      'low column a column: - / text',
      'low column b column: - / integer',
      'high column c column: - / integer',
      'low column d column: - / integer',
    ],
  ],
  [
    'types',
    `create table t (id int primary key, a text, b varchar(10), c int, d bigint, e numeric(12,2), f timestamp(3), g date,
                     h json, i point, j text[], k char(3), l timestamptz, m uuid, n numeric)`,
    `create table t (id bigint primary key, a varchar(40), b text, c bigint, d int, e numeric(10,2), f timestamp, g timestamptz,
                     h jsonb, i int, j varchar(3)[], k varchar(3), l timestamp, m varchar(36), n double precision)`,
    [
      'low column id type: integer / bigint',
      'high column a type: text / character varying(40)',
      'low column b type: character varying(10) / text',
      'low column c type: integer / bigint',
      'high column d type: bigint / integer',
      'high column e type: numeric(12,2) / numeric(10,2)',
      'low column f type: timestamp(3) without time zone / timestamp without time zone',
      'low column g type: date / timestamp with time zone',
      'low column h type: json / jsonb',
      'high column i type: point / integer',
      'high column j type: text[] / character varying(3)[]',
      'low column k type: character(3) / character varying(3)',
      'low column l type: timestamp with time zone / timestamp without time zone',
      'low column m type: uuid / character varying(36)',
      'high column n type: numeric / double precision',
    ],
  ],
  [
    'types of columns with defaults and checks',
    `create table t (id int primary key, a int default 3 check (a > 0), b text default 'x' check (b in ('x', 'y')), c boolean default true)`,
    `create table t (id int primary key, a text default '3', b varchar(9) default 'x' check (b in ('x', 'y')), c text default 'true')`,
    [
      'low column a type: integer / text',
      'high column b type: text / character varying(9)',
      'low column c type: boolean / text',
      'medium check t_a_check definition: CHECK ((a > 0)) / -',
    ],
  ],
  [
    'nullability',
    'create table t (id int primary key, a int not null, b int)',
    'create table t (id int primary key, a int, b int not null)',
    ['medium column a nullability: NOT NULL / NULL', 'high column b nullability: NULL / NOT NULL'],
  ],
  [
    'defaults',
    `create table t (id int primary key, a int default 1, b text default 'x', c int, d timestamptz default now(), e bigint default 0)`,
    `create table t (id int primary key, a int default 2, b text, c int default 3, d timestamptz default now(), e numeric default 0)`,
    [
      'low column a default: 1 / 2',
      `low column b default: 'x'::text / -`,
      'low column c default: - / 3',
      'low column e type: bigint / numeric',
    ],
  ],
  [
    'identities and sequences',
    `create table t (id int generated by default as identity primary key, a serial, b int generated always as identity, c int, d serial, e int default 5)`,
    `create table t (id serial primary key, a int generated by default as identity, b int generated by default as identity,
                     c int generated always as identity, d serial, e serial);
     alter table t alter c drop identity, alter c drop not null; alter table t alter c set default nextval('t_d_seq')`,
    [
      'low column id identity: generated by default as identity / the next number of a sequence',
      'low column a identity: the next number of a sequence / generated by default as identity',
      'low column b identity: generated always as identity / generated by default as identity',
      'low column c identity: - / the next number of a sequence',
      'low column e identity: 5 / the next number of a sequence',
      'high column e nullability: NULL / NOT NULL',
    ],
  ],
  [
    'generated columns',
    `create table t (id int primary key, a int, b int generated always as (a + 1) stored, c int generated always as (a * 2) stored, d int, e int generated always as (a - 1) stored)`,
    `create table t (id int primary key, a int, b int generated always as (a + 1) stored, c int generated always as (a * 3) stored, d int generated always as (a) stored, e int)`,
    [
      'medium column c generated: generated always as ((a * 2)) stored / generated always as ((a * 3)) stored',
      'medium column d generated: - / generated always as (a) stored',
      'medium column e generated: generated always as ((a - 1)) stored / -',
    ],
  ],
  [
    'enums',
    `create type mood as enum ('bad', 'so so', 'good'); create type size as enum ('s', 'm'); create type only_here as enum ('x', 'y''z');
     create table t (id int primary key, a mood, b size, c only_here default 'x', d mood[], e only_here)`,
    `create type mood as enum ('bad', 'good'); create type size as enum ('m', 's', 'l');
     create table t (id int primary key, a mood, b size, d mood[])`,
    [
      'high column a labels: bad, so so, good / bad, good',
      'low column b labels: s, m / m, s, l',
      'high column c column: public.only_here / -',
      'high column d labels: bad, so so, good / bad, good',
      'high column e column: public.only_here / -',
    ],
    ['low column b labels: s, m / m, s, l'],
  ],
  [
    'domains',
    `create domain price as numeric(10,2) check (value > 0); create domain code as text; create domain rule as int check (value > 1);
     create table t (id int primary key, a price, b code, c rule, d price)`,
    `create domain price as numeric(8,2) check (value > 0); create domain rule as int; create table t (id int primary key, a price, b text, c rule, d numeric(10,2))`,
    [
      'high column a type: public.price (numeric(10,2)) CHECK ((VALUE > (0)::numeric)) / public.price (numeric(8,2)) CHECK ((VALUE > (0)::numeric))',
      'low column b type: public.code (text) / text',
      'medium column c type: public.rule (integer) CHECK ((VALUE > 1)) / public.rule (integer)',
      'medium column d type: public.price (numeric(10,2)) CHECK ((VALUE > (0)::numeric)) / numeric(10,2)',
    ],
    [
      'high column a type: public.price (numeric(10,2)) CHECK ((VALUE > (0)::numeric)) / public.price (numeric(8,2)) CHECK ((VALUE > (0)::numeric))',
      'high column d type: public.price (numeric(10,2)) CHECK ((VALUE > (0)::numeric)) / public.price (numeric(8,2)) CHECK ((VALUE > (0)::numeric))',
    ],
  ],
  [
    'collations',
    `create table t (id int primary key, a text collate "C", b text, c text collate "de-x-icu")`,
    `create table t (id int primary key, a text, b text collate "C", c text collate "de-x-icu")`,
    ['low column a collation: pg_catalog."C" / default', 'low column b collation: default / pg_catalog."C"'],
  ],
  [
    'a missing primary key',
    'create table t (a int, b int, primary key (b, a))',
    'create table t (a int, b int)',
    ['medium primary key t_pkey definition: b, a / -'],
  ],
  [
    'a primary key of the target alone',
    'create table t (a int, b int not null)',
    'create table t (a int, b int, primary key (a, b))',
    ['high primary key t_pkey definition: - / a, b'],
  ],
  [
    'another primary key',
    'create table t (a int, b int, primary key (a, b))',
    'create table t (a int primary key, b int)',
    ['medium primary key t_pkey definition: a, b / a', 'medium column b nullability: NOT NULL / NULL'],
  ],
  [
    'unique keys',
    `create table t (id int primary key, a int unique, b int, c int, d int unique deferrable, e int, unique (b, c), unique nulls not distinct (e));
     create unique index on t (lower(a::text)) where b > 0`,
    `create table t (id int primary key, a int, b int, c int, d int unique, e int unique, unique (c, b))`,
    [
      'medium unique key t_a_key definition: a / -',
      'low unique key t_d_key deferrable: d deferrable / d',
      'medium unique key t_e_key definition: e / -',
      'medium unique key t_e_key definition: - / e',
      'medium unique key t_lower_idx definition: using btree (lower((a)::text)) where (b > 0) / -',
    ],
  ],
  [
    'checks',
    `create table t (id int primary key, a int check (a > 0), b text constraint same check (b <> ''), c int, d int check (d > 0));`,
    `create table t (id int primary key, a int check (a > 0), b text constraint same check (b <> 'x'), c int check (c > 0), d int);
     alter table t add check (d > 0) not valid`,
    [
      `medium check same definition: CHECK ((b <> ''::text)) / CHECK ((b <> 'x'::text))`,
      'medium check t_c_check definition: - / CHECK ((c > 0))',
      'low check t_d_check validated: valid / not valid',
    ],
  ],
  [
    'references',
    `create table p (id int primary key, k int, unique (id, k)); create table only_here (id int primary key);
     create table t (id int primary key, a int references p on delete cascade, b int references p, c int references only_here, d int, e int references t, foreign key (d, e) references p (id, k))`,
    `create table p (id int primary key, k int, unique (id, k));
     create table t (id int primary key, a int references p, b int, c int, d int references p, e int references t, foreign key (e, d) references p (k, id))`,
    [
      'medium foreign key t_a_fkey definition: (a) references public.p (id) on delete cascade / (a) references public.p (id)',
      'medium foreign key t_b_fkey definition: (b) references public.p (id) / -',
      'medium foreign key t_c_fkey definition: (c) references public.only_here (id) / -',
      'medium foreign key t_d_fkey definition: - / (d) references public.p (id)',
    ],
    ['medium foreign key t_c_fkey definition: (c) references public.only_here (id) / -'],
  ],
  [
    'indexes',
    `create table t (id int primary key, a int, b text); create index one on t (a desc, b collate "C" text_pattern_ops) where a > 0;
     create index two on t (b); create index three on t using hash (b); create index four on t ((a + id)) include (b); create index again on t (b)`,
    `create table t (id int primary key, a int, b text); create index zwei on t (b); create index five on t (a, b)`,
    [
      'low index one definition: using btree ("a" desc, "b" collate pg_catalog."C" pg_catalog.text_pattern_ops) where (a > 0) / -',
      'low index three definition: using hash ("b") / -',
      'low index four definition: using btree (((a + id))) include ("b") / -',
      'low index five definition: - / a, b',
    ],
  ],
  [
    'exclusions',
    'create table t (id int primary key, r int4range, exclude using gist (r with &&))',
    'create table t (id int primary key, r int4range)',
    ['medium exclusion t_r_excl definition: EXCLUDE USING gist (r WITH &&) / -'],
  ],
  [
    'partitioning',
    'create table t (id int primary key, a int)',
    'create table t (id int primary key, a int) partition by range (id); create table t1 partition of t default',
    ['low table t kind: table / partitioned table by RANGE (id)'],
    ['low table t kind: table / partitioned table by RANGE (id)'],
  ],
])('%s', (_, source, target, expected, left = []) => each(source, target, expected, left), 30_000);

test('other names and schemas of the target are no drift, and what is suggested has the names of the target', async () => {
  await pair.source.query(`
    create type mood as enum ('bad', 'good');
    create table parent (id int primary key, "odd ""key" int unique);
    create table t (id int primary key, a int check (a > 0), lower text check (lower(lower) <> ''), m mood default 'bad', p int references parent,
                    q int references parent ("odd ""key"), g int generated always as (a + 1) stored, n mood default 'good');
    create index on t (lower(lower)) where a > 1; create index on t (a)`);
  await pair.target.query(`
    create schema sales; create type sales.mood as enum ('bad', 'good');
    create table sales.people (id int primary key, "other key" int unique);
    create table sales."odd ""t" (id int primary key, "B" int, low text check (lower(low) <> ''), m sales.mood default 'bad',
                    p int references sales.people, q int, g int generated always as ("B" + 1) stored);
    create index on sales."odd ""t" (lower(low)) where "B" > 1`);
  const options: Options = {
    columns: { a: 'B', lower: 'low' },
    target: { connection: 'modern', schema: 'sales', table: 'odd "t' },
  };
  const parent = pairOf('parent', {
    columns: { 'odd "key': 'other key' },
    target: { connection: 'modern', schema: 'sales', table: 'people' },
  });
  const found = await drifts('t', options, [parent]);
  expect(found.map(line)).toEqual([
    'high column n column: public.mood / -',
    'medium check t_a_check definition: CHECK (("B" > 0)) / -',
    'medium foreign key t_q_fkey definition: (q) references sales.people (other key) / -',
    'low index t_a_idx definition: B / -',
  ]);
  for (const { ddl } of found) for (const statement of ddl) await pair.target.query(statement);
  expect(await drifts('t', options, [parent])).toEqual([]);
});

test('what is not compared is low, and said to be so', async () => {
  await pair.source.query('create table t (id int primary key, a text, b text)');
  await pair.target.query('create table t (id int primary key, b varchar(3), c int not null)');
  const found = await drifts('t', { exclude: ['a', 'b', 'c'] });
  expect(found.map(line)).toEqual([
    'low column a column: text / -',
    'low column b type: text / character varying(3)',
    'low column c column: - / integer',
  ]);
  expect(found.map(({ comparison }) => comparison)).toEqual(
    Array.from({ length: 3 }, () => 'the column is excluded from the comparison'),
  );
});

test('of a view, columns and types alone are compared', async () => {
  await pair.source.query('create table t (id int primary key, a int not null default 3, b text)');
  await pair.target.query(`create table u (id int, a text); create view t as select id, a from u`);
  expect((await drifts()).map(line)).toEqual([
    'low table t kind: table / view',
    'high column b column: text / -',
    'low column a type: integer / text',
  ]);
});

test('a side that has lost its table, or a column that the config maps, is a typed error', async () => {
  await pair.source.query('create table t (id int primary key)');
  await expect(drifts()).rejects.toMatchObject({
    code: 'TABLE_NOT_FOUND',
    message: expect.stringContaining('connection modern has no table public.t') as string,
  });
  await pair.target.query('create table t (id int primary key)');
  await expect(drifts('t', { columns: { id: 'nr' } })).rejects.toMatchObject({ code: 'COLUMN_NOT_FOUND' });
});
