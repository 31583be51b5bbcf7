import { chooseHash } from '../../engine/canary';
import { sideOf } from '../../engine/side';
import { EnginePair, findDifferences, namesOf } from '../support/engine';

const ROWS = `create table t (k text primary key, v text);
  insert into t values ('é', 'ü'), ('a', 'ß'), ('ÿ', 'x'), ('Ä', 'ä'), ('b', null), ('', '')`;

describe('databases of other encodings', () => {
  let pair: EnginePair | undefined;
  afterEach(() => pair?.drop());

  async function found(source: string, target: string) {
    const on = (pair = await EnginePair.create('encoding', {
      sourceOptions: `encoding '${source}' locale 'C'`,
      targetOptions: `encoding '${target}' locale 'C'`,
    }));
    await on.both(ROWS);
    await on.source.query(`insert into t values ('ö', 'o')`);
    await on.target.query(`update t set v = 'u' where k = 'é'; update t set v = 'Ü' where k = 'ÿ'`);
    const hash = await chooseHash(on.sourceDatabase, on.targetDatabase);
    const comparison = { ...(await on.inspect('t')).comparison, hash };
    const sides = {
      source: sideOf(comparison, 'source', on.sourceDatabase),
      target: sideOf(comparison, 'target', on.targetDatabase),
    };
    for (const chunkRows of [1, 7, 50_000]) {
      expect(namesOf(await findDifferences({ comparison, sides }, chunkRows))).toEqual([
        'field_mismatch ["é"] v',
        'field_mismatch ["ÿ"] v',
        'missing_in_target ["ö"]',
      ]);
    }
    return { hash, strategy: comparison.strategy };
  }

  it.each([
    ['LATIN1', 'UTF8'],
    ['UTF8', 'LATIN9'],
    ['WIN1252', 'LATIN1'],
  ])('%s and %s hold other bytes for the same text: it is hashed as UTF-8', async (source, target) => {
    expect(await found(source, target)).toEqual({ hash: 'portable', strategy: 'buckets' });
  });

  it('LATIN1 on both sides is hashed and ordered as it is', async () => {
    expect(await found('LATIN1', 'LATIN1')).toEqual({ hash: 'native-18', strategy: 'ranges' });
  });
});
