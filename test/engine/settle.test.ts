import { findDiffering, settle } from '../../engine/settle';
import { keyValues } from '../../engine/key';
import { EnginePair, findDifferences } from '../support/engine';

describe('settling', () => {
  let pair: EnginePair;
  beforeAll(async () => {
    pair = await EnginePair.create('settle');
  });
  afterAll(() => pair.drop());
  beforeEach(() =>
    pair.both(`drop table if exists t; create table t (id int primary key, a text, seen int default 0);
      insert into t (id, a) values (1, 'a'), (2, 'b'), (3, 'c')`),
  );

  async function start() {
    await pair.target.query(
      `update t set a = 'x' where id = 1; delete from t where id = 2; insert into t (id, a) values (4, 'd')`,
    );
    const inspected = await pair.inspect('t', { exclude: ['seen'] });
    const found = await findDifferences(inspected, 10);
    expect(found).toHaveLength(3);
    const again = async () => {
      const readings = await settle(inspected.comparison, inspected.sides, found);
      return found
        .map(({ key, keyDigest }) => {
          const reading = readings.find((read) => read.keyDigest === keyDigest);
          const type =
            reading?.state === 'moving' ? reading.difference.type : reading?.state === 'still' ? reading.type : null;
          return [key['id'], type ?? 'healed', reading?.state === 'moving'];
        })
        .sort();
    };
    return { ...inspected, found, again };
  }

  it('reads what holds still as it was', async () => {
    const { again } = await start();
    const still = [
      ['1', 'field_mismatch', false],
      ['2', 'missing_in_target', false],
      ['4', 'extra_in_target', false],
    ];
    expect(await again()).toEqual(still);
    expect(await again()).toEqual(still);
  });

  it('sees what healed, on whichever side', async () => {
    const { again } = await start();
    await pair.target.query(`update t set a = 'a' where id = 1; insert into t (id, a) values (2, 'b')`);
    await pair.source.query(`insert into t (id, a) values (4, 'd')`);
    expect((await again()).map(([, type]) => type)).toEqual(['healed', 'healed', 'healed']);
  });

  it('sees what moves, and what it became', async () => {
    const { again } = await start();
    await pair.target.query(`update t set a = 'y' where id = 1; insert into t (id, a) values (2, 'late')`);
    await pair.source.query(`insert into t (id, a) values (4, 'other')`);
    expect(await again()).toEqual([
      ['1', 'field_mismatch', true],
      ['2', 'field_mismatch', true],
      ['4', 'field_mismatch', true],
    ]);
  });

  it('sees that a row moves also by a column that is not compared, as a correction has to know the whole row', async () => {
    const { again } = await start();
    await pair.target.query('update t set seen = 1 where id in (1, 4)');
    expect(await again()).toEqual([
      ['1', 'field_mismatch', true],
      ['2', 'missing_in_target', false],
      ['4', 'extra_in_target', true],
    ]);
  });

  it('counts the keys that differ now', async () => {
    const { comparison, sides, found } = await start();
    const keys = found.map(({ key }) => keyValues(comparison, key));
    expect((await findDiffering(comparison, sides, keys)).filter((difference) => difference !== null)).toHaveLength(3);
    await pair.target.query(`update t set a = 'a' where id = 1; delete from t where id = 4`);
    expect(
      (await findDiffering(comparison, sides, [...keys, ['3'], ['999']])).filter((difference) => difference !== null),
    ).toHaveLength(1);
  });
});
