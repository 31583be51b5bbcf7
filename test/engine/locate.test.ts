import { locate, type Located } from '../../engine/locate';
import type { Side } from '../../engine/side';
import { EnginePair } from '../support/engine';

/** The keys for which the sides disagree, where the hash of a key is the SQL given instead of the server's own. */
describe('keys of one hash', () => {
  let pair: EnginePair;
  beforeAll(async () => {
    pair = await EnginePair.create('locate');
  });
  afterAll(() => pair.drop());

  async function located(keyHash: string, what: 'hashes' | 'counts' = 'hashes'): Promise<readonly string[]> {
    const { comparison, sides } = await pair.inspect('t');
    const withHash = (side: Side): Side => ({ ...side, keyHash });
    const found: Located[] = [];
    await sides.source.database.withTransaction('repeatable read, read only', (source) =>
      sides.target.database.withTransaction('repeatable read, read only', async (target) => {
        const both = { source: withHash(sides.source), target: withHash(sides.target) };
        const layout = { kind: 'hash', count: 1, only: [0] } as const;
        for await (const one of locate({ source, target }, both, { from: null, to: null }, layout, what))
          found.push(one);
      }),
    );
    expect(comparison.key).toHaveLength(1);
    const has = (value: string | null) => (value === null ? 'none' : 'a row');
    return found.map(({ key, source, target }) => `${key.join()}: ${has(source)}, ${has(target)}`).sort();
  }

  const rows = async (source: string, target: string) => {
    await pair.both('drop table if exists t; create table t (id int primary key, v text)');
    await pair.source.query(`insert into t values ${source}`);
    await pair.target.query(`insert into t values ${target}`);
  };

  it('of which the target alone has one are told apart: that one is extra', async () => {
    await rows(`(1, 'a')`, `(1, 'a'), (2, 'b')`);
    expect(await located('7::bigint')).toEqual(['2: none, a row']);
  });

  it('of which the source alone has one are told apart: that one is missing', async () => {
    await rows(`(1, 'a'), (2, 'b')`, `(1, 'a')`);
    expect(await located('7::bigint')).toEqual(['2: a row, none']);
  });

  it('of which each side has its own are two, and not one that was changed', async () => {
    await rows(`(1, 'a')`, `(2, 'a')`);
    expect(await located('7::bigint')).toEqual(['1: a row, none', '2: none, a row']);
  });

  it('are found where some differ, some are on one side, and others have other hashes', async () => {
    await rows(
      `(1, 'a'), (2, 'b'), (3, 'c'), (5, 'e'), (7, 'g'), (9, 'i')`,
      `(1, 'a'), (2, 'x'), (4, 'd'), (5, 'e'), (6, 'f'), (8, 'h'), (9, 'i')`,
    );
    const all = [
      '2: a row, a row',
      '3: a row, none',
      '4: none, a row',
      '6: none, a row',
      '7: a row, none',
      '8: none, a row',
    ];
    for (const hash of ['7::bigint', '(id % 2)::bigint', '(id % 3)::bigint', '(-id / 4)::bigint', 'id::bigint']) {
      expect(await located(hash)).toEqual(all);
    }
  });
});
