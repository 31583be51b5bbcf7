import { PostgresServer } from '../../client/embedded/postgres-server';
import { Database } from '../../database/connection';
import { canaryHashes, chooseHash } from '../../engine/canary';
import { createTestDatabase, type TestDatabase } from '../support/database';

describe('how rows are hashed', () => {
  let old: PostgresServer;
  let current: TestDatabase;
  const open: Database[] = [];
  const connect = (url: string) => {
    const database = new Database({ name: 'canary', url });
    open.push(database);
    return database;
  };
  beforeAll(async () => {
    old = await PostgresServer.start({ version: 'pg14' });
    current = await createTestDatabase('canary');
  });
  afterAll(async () => {
    await Promise.all(open.map((database) => database.close()));
    await current.drop();
    await old.remove();
  });

  it('takes the newest functions that both servers have', async () => {
    expect(await chooseHash(connect(current.url), connect(current.url))).toBe('native-18');
  });

  it('takes those of PostgreSQL 14 where one server is older, and both hash alike by them', async () => {
    const [a, b] = [connect(old.url()), connect(current.url)];
    expect(await chooseHash(a, b)).toBe('native-14');
    expect(await chooseHash(b, a)).toBe('native-14');
    expect(await canaryHashes(a, 'portable')).toBe(await canaryHashes(b, 'portable'));
  });

  it.each(['hashtextextended(text, bigint)', 'hash_numeric_extended(numeric, bigint)'])(
    'takes the portable hash where a server has another %s',
    async (signature) => {
      const schema = `fake_${signature.replace(/\(.*/, '')}`;
      await current.query(`create schema ${schema};
        create function ${schema}.${signature} returns bigint immutable strict language sql as 'select $2 + 1'`);
      // Names are looked up here before they are in pg_catalog, as on a server that was built otherwise.
      const other = connect(current.url);
      const lying = {
        query: async <Row extends object>(text: string, values: readonly unknown[] = []) =>
          other.withTransaction('read write', async (session) => {
            await session.query(`set local search_path = ${schema}, pg_catalog`);
            return session.query<Row>(text, values);
          }),
      };
      expect(await chooseHash(connect(current.url), lying)).toBe('portable');
    },
  );
});
