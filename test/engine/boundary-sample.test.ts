import { isSampled } from '../../engine/boundary-sample';
import { withSnapshots } from '../../engine/compare-chunk';
import { planChunks } from '../../engine/plan-chunks';
import { Parameters, rangeCondition } from '../../engine/range';
import type { Side } from '../../engine/side';
import { EnginePair, findDifferences, namesOf, type Inspected } from '../support/engine';

describe('chunks of a table that is large enough to be cut by a sample', () => {
  let pair: EnginePair;
  const CHUNK = 5_000;
  beforeAll(async () => {
    pair = await EnginePair.create('sample');
    // Gaps that grow, and keys below zero: nothing that arithmetic would get right.
    await pair.both(`create table sparse (id bigint primary key, v text);
      insert into sparse select (i - 100000) * abs(i - 100000) * 1000, 'v' || i from generate_series(1::bigint, 250000) as i;
      create table coded (code text collate "C" primary key, v int);
      insert into coded select md5(i::text), i from generate_series(1, 220000) as i;
      analyze`);
    await pair.target.query(`update sparse set v = 'other' where id = (select max(id) from sparse);
      delete from sparse where id = (select min(id) from sparse);
      insert into coded values ('', 0), ('zzz', 1);
      insert into sparse select i, 'crowd' from generate_series(1, 100000) as i on conflict do nothing;
      analyze`);
  });
  afterAll(() => pair.drop());

  async function sizes({ comparison, sides }: Inspected, role: 'source' | 'target'): Promise<readonly number[]> {
    const chunks = await planChunks(comparison, sides, CHUNK);
    const side: Side = sides[role];
    return withSnapshots(sides, async (sessions) => {
      const counts: number[] = [];
      for (const chunk of chunks) {
        const parameters = new Parameters();
        const condition = rangeCondition(side, chunk, parameters);
        const { rows } = await sessions[role].query<{ n: string }>(
          `select count(*) as n from ${side.relation} where ${condition}`,
          parameters.values,
        );
        counts.push(Number(rows[0]?.n));
      }
      return counts;
    });
  }
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

  it.each(['source', 'target'] as const)(
    'hold every row of the %s once, and are about as large as asked',
    async (role) => {
      for (const table of ['sparse', 'coded']) {
        const counts = await sizes(await pair.inspect(table), role);
        const [all] = await pair[role].query(`select count(*) as n from ${table}`);
        expect(sum(counts)).toBe(Number(all?.n));
        expect(Math.max(...counts)).toBeLessThan(4 * CHUNK);
        expect(counts.length).toBeGreaterThan(30);
      }
    },
  );

  it('are the same for the same rows', async () => {
    const { comparison, sides } = await pair.inspect('sparse');
    expect(await planChunks(comparison, sides, CHUNK)).toEqual(await planChunks(comparison, sides, CHUNK));
  });

  it('find what the walk along the key finds', async () => {
    const inspected = await pair.inspect('coded');
    expect(namesOf(await findDifferences(inspected, CHUNK, 2))).toEqual(
      namesOf(await findDifferences(inspected, 200_000, 2)),
    );
    const sparse = namesOf(await findDifferences(await pair.inspect('sparse'), CHUNK, 2));
    expect(sparse.filter((name) => !name.startsWith('extra'))).toEqual([
      'field_mismatch ["22500000000000"] v',
      'missing_in_target ["-9999800001000"]',
    ]);
    expect(sparse).toHaveLength(100_000 - 10 + 2);
  });

  it('are walked where there is nothing to sample', async () => {
    await pair.both('create view shown as select * from sparse');
    const inspected = await pair.inspect('shown', { key: ['id'] });
    expect(namesOf(await findDifferences(inspected, 100_000, 2))).toHaveLength(100_000 - 10 + 2);
  });

  it('are not cut by a sample where a part of the table lies on a foreign server, which takes none', async () => {
    await pair.source.query(`create extension file_fdw; create server files foreign data wrapper file_fdw;
      create table parted (id int not null, v text) partition by range (id);
      create table parted_near partition of parted for values from (0) to (10);
      create table plain (id int); create view seen as select * from plain`);
    const isSampledNow = async (table: string) => {
      const { sides } = await pair.inspect('sparse');
      const side = { ...sides.source, relation: `public.${table}` };
      return sides.source.database.withSession((session) => isSampled(session, side));
    };
    expect(await isSampledNow('parted')).toBe(true);
    expect(await isSampledNow('seen')).toBe(false);
    await pair.source.query(`create foreign table parted_far partition of parted for values from (10) to (20)
      server files options (filename '/nowhere', format 'csv')`);
    expect(await isSampledNow('parted')).toBe(false);
  });
});
