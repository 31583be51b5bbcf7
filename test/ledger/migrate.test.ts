import { migrate } from '../../ledger/migrate';
import { openLedger } from '../../ledger/open';
import { TestLedger } from '../support/ledger';

describe('migrating', () => {
  let on: TestLedger;
  beforeAll(async () => {
    on = await TestLedger.create('ledger_migrate');
  });
  afterAll(() => on.drop());

  it('once, for many callers at the same time, and again without a change', async () => {
    const pools = Array.from({ length: 4 }, () =>
      openLedger({ url: on.test.url, schema: 'Many "callers"', name: 'ledger' }),
    );
    await Promise.all(
      pools.flatMap((pool) => [migrate(pool, 'Many "callers"', 'ledger'), migrate(pool, 'Many "callers"', 'target')]),
    );
    const applied = () =>
      on.test.query(`select set, number, applied_at from "Many ""callers""".migration order by 1, 2`);
    const first = await applied();
    expect(new Set(first.map((row) => row['set']))).toEqual(new Set(['ledger', 'target']));
    expect(new Set(first.map((row) => `${row['set'] ?? ''} ${row['number'] ?? ''}`)).size).toBe(first.length);
    await Promise.all(pools.map((pool) => migrate(pool, 'Many "callers"', 'ledger')));
    expect(await applied()).toEqual(first);
    await Promise.all(pools.map((pool) => pool.close()));
  });

  it('not what a newer Trueup wrote', async () => {
    await on.test.query('create schema newer');
    await migrate(on.ledger, 'newer', 'ledger');
    await on.test.query(`insert into newer.migration (set, number, name) values ('ledger', 9999, '9999-future.sql')`);
    await expect(migrate(on.ledger, 'newer', 'ledger')).rejects.toMatchObject({
      code: 'LEDGER_INCOMPATIBLE',
      retryable: false,
    });
    await migrate(on.ledger, 'newer', 'target');
  });

  it('all or nothing', async () => {
    await on.test.query('create schema half; create table half.chunk (id int)');
    await expect(migrate(on.ledger, 'half', 'ledger')).rejects.toMatchObject({ sqlState: '42P07' });
    expect(await on.test.query(`select relname from pg_class where relnamespace = 'half'::regnamespace`)).toEqual([
      { relname: 'chunk' },
    ]);
  });

  it('with no more privilege than it needs where the schema is there', async () => {
    await on.test.query(
      `drop role if exists ledger_writer; create role ledger_writer login password 'w'; create schema given authorization ledger_writer`,
    );
    const url = new URL(on.test.url);
    url.username = 'ledger_writer';
    url.password = 'w';
    const pool = openLedger({ url: url.href, schema: 'given', name: 'ledger' });
    await migrate(pool, 'given', 'ledger');
    await pool.close();
    await on.test.query('drop owned by ledger_writer cascade; drop role ledger_writer');
  });
});
