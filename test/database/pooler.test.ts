import { Client } from 'pg';
import { Database } from '../../database/connection';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { PgBouncer } from '../support/pgbouncer';
import { servers } from '../support/servers';

/** What an application sees of its sessions: every setting that somebody made for one. */
const SESSION_SETTINGS = `select name || '=' || setting as s from pg_settings
  where source = 'session' and name not in ('application_name') order by 1`;

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase('pooler');
  await test.query('create table t (id int generated always as identity, at timestamptz default now())');
});
afterAll(() => test.drop());

describe('a transaction pooler', () => {
  let bouncer: PgBouncer;
  beforeAll(async () => {
    bouncer = await PgBouncer.start(servers.postgresUrl, 'transaction');
  });
  afterAll(() => bouncer.stop());

  it('lends its sessions to other applications as they were', async () => {
    const url = bouncer.url(test.url);
    const others = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const client = new Client({ connectionString: url });
        await client.connect();
        return client;
      }),
    );
    const seen = () =>
      Promise.all(
        others.map(async (client) => (await client.query<{ s: string }>(SESSION_SETTINGS)).rows.map(({ s }) => s)),
      );
    const before = await seen();
    const databases = [
      new Database({ name: 'source', url, readOnly: true, maxConnections: 10, statementTimeoutMs: 60_000 }),
      new Database({ name: 'target', url, maxConnections: 10 }),
      new Database({ name: 'ledger', url, searchPath: 'trueup', maxConnections: 10 }),
    ];
    await Promise.all(
      databases.flatMap((database) =>
        Array.from({ length: 40 }, async (_, n) => {
          if (n % 4 === 0) return database.query('select pg_sleep(0.002), $1::int', [n]);
          if (n % 4 === 1) return database.query('select 1 / 0').catch(() => undefined);
          if (n % 4 === 2)
            return database.withSession(async (session) => {
              await session.query('select 1');
              await session.query('select pg_sleep(0.002)');
            });
          return database.withTransaction('read write', async (session) => {
            await session.query('set local lock_timeout to 100');
            await session.query('select $1::text', ['x']);
          });
        }),
      ),
    );
    expect(await seen()).toEqual(before);
    for (const client of others) await client.query('insert into t default values');
    expect((await test.query('select count(*) as n from t'))[0]?.['n']).toBe('20');
    await Promise.all(databases.map((database) => database.close()));
    await Promise.all(others.map((client) => client.end()));
  });

  it('cancels a statement behind it', async () => {
    const database = new Database({ name: 'source', url: bouncer.url(test.url), maxConnections: 5 });
    const abort = new AbortController();
    const sleeping = () =>
      test.query(`select 1 from pg_stat_activity where state = 'active' and query like 'select pg_sleep(44%'`);
    const work = database.withSession((session) => session.query('select pg_sleep(44)'), abort.signal);
    const outcome = expect(work).rejects.toThrow('enough');
    while ((await sleeping()).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    abort.abort(new Error('enough'));
    await outcome;
    expect(await sleeping()).toEqual([]);
    await database.close();
  }, 20_000);
});

describe('a statement pooler', () => {
  it('is refused by name', async () => {
    const bouncer = await PgBouncer.start(servers.postgresUrl, 'statement');
    const database = new Database({ name: 'legacy', url: bouncer.url(test.url) });
    try {
      const alone = await database.query('select 1').catch((error: unknown) => error);
      const inTransaction = await database
        .withTransaction('read write', (session) => session.query('select 1'))
        .catch((error: unknown) => error);
      for (const error of [alone, inTransaction]) {
        expect(error).toMatchObject({ code: 'POOLER_UNSUPPORTED', retryable: false });
        expect(String(error)).toContain('connection legacy');
      }
    } finally {
      await database.close();
      await bouncer.stop();
    }
  });
});

it('a pooler that takes no startup parameter refuses the options of a URL by name', async () => {
  const bouncer = await PgBouncer.start(servers.postgresUrl, 'transaction');
  const url = `${bouncer.url(test.url)}?options=-c%20geqo%3Doff`;
  const database = new Database({ name: 'legacy', url });
  await expect(database.query('select 1')).rejects.toMatchObject({ code: 'POOLER_UNSUPPORTED' });
  await database.close();
  await bouncer.stop();
});
