import { compareChunk } from '../../engine/compare-chunk';
import { planChunks } from '../../engine/plan-chunks';
import { settle } from '../../engine/settle';
import type { Difference } from '../../contracts/difference';
import { namesOf } from '../support/engine';
import { TwoServers } from '../support/two-servers';

/** Byte by byte they sort otherwise than in any language. */
const WORDS = [
  'a',
  'A',
  'ä',
  'Ä',
  'z',
  'Z',
  'ß',
  'ss',
  'é',
  'e\u0301',
  'co-op',
  'coop',
  'co op',
  '_',
  '-',
  '10',
  '9',
  ' b',
  'ö',
  'o',
  '😀',
  '\uffee',
];

const INSENSITIVE = `create collation folded (provider = icu, locale = 'de-u-ks-level2', deterministic = false)`;
const OTHER = `create collation phonebook (provider = icu, locale = 'de-u-co-phonebk')`;

describe('text keys', () => {
  let servers: TwoServers;
  beforeAll(async () => {
    servers = await TwoServers.start('collation');
  });
  afterAll(() => servers.remove());
  afterEach(() => servers.clean());

  async function create(source: string, target: string, index = '') {
    for (const [role, type] of [
      ['source', source],
      ['target', target],
    ] as const) {
      await servers.pair[role].query(`create table t (k ${type} primary key, v text)`);
      await servers.pair[role].query('insert into t select w, w from unnest($1::text[]) as u(w)', [WORDS]);
    }
    if (index !== '') await servers.pair.target.query(index);
    await servers.pair.source.query(`insert into t values ('m', 'm'), ('ü', 'ü')`);
    await servers.pair.target.query(`insert into t values ('Ü', 'Ü'); update t set v = 'x' where k in ('ä', 'Z')`);
  }
  const DIFFERENCES = [
    'extra_in_target ["Ü"]',
    'field_mismatch ["Z"] v',
    'field_mismatch ["ä"] v',
    'missing_in_target ["m"]',
    'missing_in_target ["ü"]',
  ];
  const collateOf = async () => (await servers.pair.inspect('t')).comparison.key[0]?.collate;

  it.each([
    ['by the defaults of two databases that differ', 'text', 'text', 'buckets'],
    ['in one collation of one library and version', 'text collate "de-x-icu"', 'text collate "de-x-icu"', 'range'],
    ['in one language under two names', 'text collate "de-x-icu"', 'varchar(9)', 'range'],
    ['in two languages', 'text collate "de-x-icu"', 'text collate "en-US-x-icu"', 'buckets'],
    ['byte by byte under other names', 'text', 'text collate ucs_basic', 'range'],
    ['byte by byte, one of them built in', 'text collate "POSIX"', 'text collate pg_c_utf8', 'range'],
    ['of names', 'name', 'name', 'buckets'],
  ])('%s', async (_, source, target, kind) => {
    await create(source, target);
    const { names, kinds } = await servers.found('t');
    expect(names).toEqual(DIFFERENCES);
    expect(kinds).toEqual([kind]);
    expect(await collateOf()).toEqual({ source: false, target: false });
  });

  it('where the target has an index that sorts byte by byte, as the source does', async () => {
    await create('text', 'text', 'create index on t (k collate "C")');
    const { names, kinds } = await servers.found('t');
    expect(names).toEqual(DIFFERENCES);
    expect(kinds).toEqual(['range']);
    expect(await collateOf()).toEqual({ source: false, target: true });
  });

  it.each([
    ['other rules', 'text collate "de-x-icu"', 'text collate phonebook', OTHER],
    ['a collation that takes two texts for one', 'text collate "de-x-icu"', 'text collate folded', INSENSITIVE],
  ])('with %s on one side', async (_, source, target, collation) => {
    await servers.pair.target.query(collation);
    await servers.pair.source.query(`create table t (k ${source} primary key, v text)`);
    await servers.pair.target.query(`create table t (k ${target} primary key, v text)`);
    await servers.pair.both(`insert into t select 'x' || i, 'v' from generate_series(1, 20) as i`);
    await servers.pair.source.query(`insert into t values ('Straße', 'v'), ('a', 'v'), ('A', 'v')`);
    await servers.pair.target.query(`insert into t values ('strasse', 'v'), ('A', 'w')`);
    const { names, kinds } = await servers.found('t');
    expect(names).toEqual(
      [
        'missing_in_target ["Straße"]',
        'missing_in_target ["a"]',
        'field_mismatch ["A"] v',
        'extra_in_target ["strasse"]',
      ].sort(),
    );
    expect(kinds).toEqual(['buckets']);
  });

  it('with one collation on both sides that takes two texts for one: they are one key, spelt in two ways', async () => {
    await servers.pair.both(INSENSITIVE);
    await servers.pair.both('create table t (k text collate folded primary key, v text)');
    await servers.pair.both(`insert into t select 'x' || i, 'v' from generate_series(1, 20) as i`);
    await servers.pair.source.query(`insert into t values ('ABC', 'v')`);
    await servers.pair.target.query(`insert into t values ('abc', 'v')`);
    const { names, kinds } = await servers.found('t');
    expect(names).toEqual(['field_mismatch ["ABC"] k']);
    expect(kinds).toEqual(['range']);
  });

  it('say why they are compared by hash', async () => {
    await create('text', 'text');
    expect((await servers.pair.inspect('t')).comparison.notes).toEqual([
      'compared by hash of the key (k): nothing proves that k sorts alike in both databases',
    ]);
  });

  it('whose columns are proven to sort alike are walked by their index, without a sort', async () => {
    await create('text collate "de-x-icu"', 'text collate "de-x-icu"');
    await servers.pair.both(`insert into t select 'x' || i, 'v' from generate_series(1, 5000) as i; analyze t`);
    const { sides } = await servers.pair.inspect('t');
    for (const side of [sides.source, sides.target]) {
      const plan = await side.database.query<Record<'QUERY PLAN', string>>(
        `explain select ${side.key[0]?.text ?? ''} from ${side.relation}
          where ${side.key[0]?.ordered ?? ''} >= 'x200'::text order by ${side.key[0]?.ordered ?? ''} offset 100 limit 1`,
      );
      const text = plan.rows.map((row) => row['QUERY PLAN']).join('\n');
      expect(text).toMatch(/Index Only Scan|Index Scan/);
      expect(text).not.toMatch(/Sort/);
    }
  });

  it('hide nothing even if they were proven wrongly: every difference is a candidate, and what is none heals', async () => {
    await create('text', 'text');
    const inspected = await servers.pair.inspect('t');
    const comparison = { ...inspected.comparison, strategy: 'ranges' as const };
    const sides = inspected.sides;
    for (const chunkRows of [1, 3, 7]) {
      const candidates = new Map<string, Difference>();
      const chunks = await planChunks(comparison, sides, chunkRows);
      expect(chunks.length).toBeGreaterThan(2);
      for (const chunk of chunks) {
        await compareChunk(comparison, sides, chunk, async (found) => {
          for (const difference of found) candidates.set(difference.keyDigest, difference);
        });
      }
      const readings = await settle(comparison, sides, [...candidates.values()]);
      const differing = readings.flatMap((reading) => {
        if (reading.state === 'healed') return [];
        return reading.state === 'moving' ? reading.difference : (candidates.get(reading.keyDigest) ?? []);
      });
      expect(namesOf(differing)).toEqual(DIFFERENCES);
    }
  });
});
