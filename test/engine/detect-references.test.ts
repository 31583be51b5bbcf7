import type { NamedReference } from '../../contracts/check';
import type { TablePair } from '../../contracts/table-pair';
import { findReferences } from '../../engine/detect/find-references';
import { orphans, type Orphan } from '../../engine/detect/orphans';
import { EnginePair, type PairOptions } from '../support/engine';

let pair: EnginePair;
beforeEach(async () => void (pair = await EnginePair.create('references')));
afterEach(() => pair.drop());

interface Looked {
  readonly unchecked: readonly string[];
  readonly labels: readonly string[];
  readonly onBothSides: number;
  readonly found: readonly (Orphan & { readonly label: string })[];
}

interface Options extends PairOptions {
  readonly named?: readonly NamedReference[];
  readonly others?: readonly { readonly table: string; readonly options?: PairOptions }[];
}

async function look(table: string, { named = [], others = [], ...options }: Options = {}): Promise<Looked> {
  const { comparison, sides } = await pair.inspect(table, options);
  const pairs: TablePair[] = [comparison.pair];
  for (const other of others) {
    const { pair: inspected } = (await pair.inspect(other.table, other.options)).comparison;
    // As the ledger gives it back: fields in another order.
    const { connection, schema, table: name } = inspected.target;
    pairs.push({ ...inspected, target: { table: name, schema, connection } });
  }
  const { references, unchecked } = await findReferences(comparison, named, {
    database: (connection) => (connection === 'legacy' ? pair.sourceDatabase : pair.targetDatabase),
    pairs,
  });
  const found: (Orphan & { readonly label: string })[] = [];
  let onBothSides = 0;
  for (const reference of references) {
    const pages = orphans(comparison, sides, reference, {});
    for (;;) {
      const page = await pages.next();
      if (page.done) {
        onBothSides += page.value;
        break;
      }
      found.push(...page.value.map((orphan) => ({ ...orphan, label: reference.label })));
    }
  }
  return { unchecked, labels: references.map(({ label }) => label), onBothSides, found };
}

/** `key: missing (fix)`, sorted. */
function namesOf({ found }: Looked): readonly string[] {
  return found
    .map(({ key, target, parentInSource, isPartial, rows }) =>
      [
        `${JSON.stringify(Object.values(key))} ${JSON.stringify(Object.values(target))}`,
        isPartial ? 'partial' : parentInSource === true ? 'insert' : parentInSource === false ? 'review' : 'unknown',
        ...(rows > 1 ? [`×${rows}`] : []),
      ].join(' '),
    )
    .sort();
}

/** What a load that checks no reference does. */
const unchecked = (sql: string) =>
  `set session_replication_role = replica; ${sql}; set session_replication_role = default;`;

describe('references', () => {
  const SHOP = `create table parent (id int primary key);
    create table child (id bigint primary key, parent_id int references parent);
    insert into parent select generate_series(1, 10);
    insert into child select g, case when g % 3 > 0 then 1 + g % 10 end from generate_series(1, 30) g;`;

  test('a validated foreign key that rows break all the same; NULL is no reference', async () => {
    await pair.both(SHOP);
    await pair.target.query(
      unchecked(`delete from parent where id = 5; update child set parent_id = 99 where id = 7;
        insert into child values (900, 77), (901, null)`),
    );
    const looked = await look('child', { others: [{ table: 'parent' }] });
    expect(looked.labels).toEqual(['parent_id → parent (id)']);
    expect(namesOf(looked)).toEqual([
      '["14"] ["5"] insert',
      '["4"] ["5"] insert',
      '["7"] ["99"] review',
      '["900"] ["77"] review',
    ]);
    expect(looked.found.find(({ key }) => key['id'] === '7')).toMatchObject({
      differences: [{ name: 'parent_id', targetName: 'parent_id', source: '8', target: '99' }],
      isExtra: false,
    });
    expect(looked.found.find(({ key }) => key['id'] === '900')?.isExtra).toBe(true);
    expect(looked.onBothSides).toBe(0);
  });

  test('orphans of the source are none of the target; one whose reference is another in the source is one', async () => {
    await pair.both(SHOP);
    await pair.source.query(unchecked(`update child set parent_id = 88 where id in (1, 2)`));
    await pair.target.query(
      unchecked(`update child set parent_id = 88 where id = 1; update child set parent_id = 89 where id = 2`),
    );
    const looked = await look('child', { others: [{ table: 'parent' }] });
    expect(namesOf(looked)).toEqual(['["2"] ["89"] review']);
    expect(looked.onBothSides).toBe(1);
  });

  test('the parent may lie outside of the config: the foreign keys of both sides say where', async () => {
    await pair.both(SHOP);
    await pair.target.query(unchecked('delete from parent where id = 5'));
    expect(namesOf(await look('child'))).toEqual(['["14"] ["5"] insert', '["4"] ["5"] insert']);
    // Without a key in the source only the name says where its parents are; what it lacks there is not held for certain.
    await pair.source.query(
      unchecked('alter table child drop constraint child_parent_id_fkey; delete from parent where id = 5'),
    );
    expect(namesOf(await look('child'))).toEqual(['["14"] ["5"] unknown', '["4"] ["5"] unknown']);
  });

  test('a foreign key of the source alone is mapped through the pairs, or said not to be checked', async () => {
    await pair.source.query(SHOP);
    await pair.target.query(`create table "odd ""Parent""" (number bigint primary key);
      create table "Child" (id bigint primary key, owner bigint);
      insert into "odd ""Parent""" select generate_series(1, 9);
      insert into "Child" select g, case when g % 3 > 0 then 1 + g % 10 end from generate_series(1, 30) g`);
    const child = { name: 'child', target: 'Child', columns: { parent_id: 'owner' } };
    const parent = { table: 'parent', options: { target: 'odd "Parent"', columns: { id: 'number' } } };
    const looked = await look('child', { ...child, others: [parent] });
    expect(looked.labels).toEqual(['owner → parent (number)']);
    expect(namesOf(looked)).toEqual(['["19"] ["10"] insert', '["29"] ["10"] insert']);
    expect(looked.found[0]?.differences).toEqual([
      { name: 'parent_id', targetName: 'owner', source: '10', target: '10' },
    ]);
    const alone = await look('child', child);
    expect(alone.found).toEqual([]);
    expect(alone.unchecked).toEqual(['parent_id → public.parent of the source (no table pair has it as its source)']);
  });

  test('what the source, the target and the config say is one reference; the config alone is enough', async () => {
    await pair.both(SHOP);
    const named = [{ columns: ['parent_id'], parent: 'parent', parentColumns: null }];
    const others = [{ table: 'parent' }];
    expect((await look('child', { named, others })).labels).toEqual(['parent_id → parent (id)']);
    await pair.both('alter table child drop constraint child_parent_id_fkey');
    await pair.target.query('delete from parent where id = 5');
    expect(namesOf(await look('child', { named, others }))).toEqual(['["14"] ["5"] insert', '["4"] ["5"] insert']);
    expect((await look('child', { others })).labels).toEqual([]);
  });

  test('composite keys, simple and full, and one that refers to its own table', async () => {
    await pair.both(`create table place (country text, no int, primary key (country, no));
      create table visit (id int, part text, country text, no int, boss int, boss_part text, primary key (part, id),
        foreign key (country, no) references place match full,
        foreign key (boss_part, boss) references visit (part, id));
      insert into place values ('de', 1), ('de', 2), ('fr', 1);
      insert into visit select g, 'a', 'de', 1 + g % 2, nullif(g - 1, 0), 'a' from generate_series(1, 6) g;`);
    await pair.target.query(
      unchecked(`delete from place where country = 'de' and no = 2;
        update visit set country = null where id = 2; update visit set country = null, no = null where id = 3;
        delete from visit where id = 4; update visit set boss_part = 'b' where id = 3;
        update visit set boss = null, boss_part = 'c' where id = 6`),
    );
    const looked = await look('visit', { others: [{ table: 'place' }] });
    expect(looked.labels).toEqual(['boss, boss_part → visit (id, part)', 'country, no → place (country, no)']);
    const ofPlace = { ...looked, found: looked.found.filter(({ label }) => label.startsWith('country')) };
    expect(namesOf(ofPlace)).toEqual([
      '["a","1"] ["de","2"] insert',
      '["a","2"] [null,"1"] partial',
      '["a","5"] ["de","2"] insert',
    ]);
    const ofVisit = { ...looked, found: looked.found.filter(({ label }) => label.startsWith('boss')) };
    expect(namesOf(ofVisit)).toEqual(['["a","3"] ["2","b"] review', '["a","5"] ["4","a"] insert']);
  });

  test('no key, keys that are NULL, the filter of the pair, and parents in partitions', async () => {
    await pair.both(`create table parent (id int, name text, primary key (id)) partition by range (id);
      create table parent_1 partition of parent for values from (0) to (100);
      create table bag (kind text, parent_id int, note text);
      insert into parent select g, 'p' from generate_series(1, 10) g;
      insert into bag select 'x', 1 + g % 10, 'n' from generate_series(1, 20) g;
      insert into bag values ('x', 70, 'lost'), ('y', 71, 'lost'), (null, 3, null)`);
    await pair.target.query(
      `insert into bag values ('x', 70, 'lost'), ('x', 71, 'here'), (null, 72, null), ('y', 73, 'there')`,
    );
    const named = [{ columns: ['parent_id'], parent: 'parent', parentColumns: null }];
    const bag = { named, others: [{ table: 'parent' }], where: "bag.kind is distinct from 'y' -- all others" };
    const looked = await look('bag', bag);
    expect(namesOf(looked)).toEqual([
      '["x","70","lost"] ["70"] review ×2',
      '["x","71","here"] ["71"] review',
      '[null,"72",null] ["72"] review',
    ]);
    await pair.both(`create unique index on bag (parent_id, note) where false; delete from bag where kind = 'x';
      create table nullable (id int unique, parent_id int);
      insert into nullable values (1, 1), (null, 2), (null, 50)`);
    await pair.target.query('insert into nullable values (2, 51), (null, 52), (null, 2)');
    const nulls = await look('nullable', { ...bag, where: null, key: ['id'] });
    expect(namesOf(nulls)).toEqual(['["2"] ["51"] review', '[null,"52"] ["52"] review']);
    expect(nulls.onBothSides).toBe(1);
  });

  test('keys of a partition are those of the table that it is a part of; keys of a part alone are named', async () => {
    await pair.both(`create table parent (id int primary key); insert into parent values (1);
      create table whole (id int primary key, a int references parent, b int) partition by range (id);
      create table part partition of whole for values from (0) to (100);
      alter table part add foreign key (b) references parent; insert into whole values (1, 1, 1)`);
    await pair.target.query(unchecked('update whole set a = 7'));
    const others = [{ table: 'parent' }];
    const whole = await look('whole', { others });
    expect(namesOf(whole)).toEqual(['["1"] ["7"] review']);
    expect(whole.unchecked).toEqual([
      'b → public.parent of the target (only public.part, a part of the table, has it)',
      'b → public.parent of the source (only public.part, a part of the table, has it)',
    ]);
    expect(await look('part', { others })).toMatchObject({
      labels: ['b → parent (id)', 'a → parent (id)'],
      unchecked: [],
      found: [{ target: { a: '7' } }],
    });
  });

  test('parents on another connection, some thousands of references, and types that differ', async () => {
    await pair.both(`create table parent (id int primary key);
      create table child (id int primary key, parent_id text);
      insert into parent select generate_series(1, 2000);
      insert into child select g, g::text from generate_series(1, 2000) g;`);
    await pair.target.query(`update child set parent_id = id + 5000 where id % 2 = 0; drop table parent`);
    await pair.source.query('create table moved (id bigint primary key); insert into moved select id from parent');
    const { comparison, sides } = await pair.inspect('child');
    const parent: TablePair = {
      ...comparison.pair,
      name: 'parent',
      source: { connection: 'legacy', schema: 'public', table: 'parent' },
      target: { connection: 'archive', schema: 'public', table: 'moved' },
    };
    const { references } = await findReferences(
      comparison,
      [{ columns: ['parent_id'], parent: 'parent', parentColumns: null }],
      {
        database: (connection) => (connection === 'modern' ? pair.targetDatabase : pair.sourceDatabase),
        pairs: [comparison.pair, parent],
      },
    );
    const keys = new Set<string>();
    const [reference] = references;
    if (!reference) throw new Error('no reference');
    for await (const page of orphans(comparison, sides, reference, {})) {
      expect(page.length).toBeLessThanOrEqual(500);
      for (const { key } of page) keys.add(key['id'] ?? '');
    }
    expect(keys.size).toBe(1000);
  });

  test('bad references of the config name what was found and what is allowed', async () => {
    await pair.both(SHOP);
    const others = [{ table: 'parent' }];
    const bad = (reference: NamedReference) => look('child', { named: [reference], others });
    await expect(bad({ columns: ['nowhere'], parent: 'parent', parentColumns: null })).rejects.toMatchObject({
      code: 'COLUMN_NOT_FOUND',
      message: 'table child: the reference to parent names the column nowhere; on both sides are id, parent_id',
    });
    await expect(bad({ columns: ['id', 'parent_id'], parent: 'parent', parentColumns: null })).rejects.toMatchObject({
      code: 'CHECK_INVALID',
      message: 'table child: the reference to parent names id, parent_id, and what they name there is id',
    });
    await expect(bad({ columns: ['id'], parent: 'parent', parentColumns: ['x'] })).rejects.toMatchObject({
      code: 'COLUMN_NOT_FOUND',
    });
    await expect(bad({ columns: ['id'], parent: 'elsewhere', parentColumns: null })).rejects.toMatchObject({
      code: 'CHECK_INVALID',
      message: 'table child: the reference to elsewhere leads to no table pair; there are child, parent',
    });
  });
});
