import type { DatabaseIdentity } from '../../contracts/server';
import { Database } from '../../database/connection';
import { isFailedOver, otherThan } from '../../database/identity';
import { createDatabasePair } from '../support/database';

const KNOWN: DatabaseIdentity = {
  system: '7312000000000448312',
  database: 'shop',
  oid: '16391',
  timeline: 2,
  standby: false,
  version: '16.4',
  address: '10.0.0.1:5432',
};
const to = (change: Partial<DatabaseIdentity>) => ({ ...KNOWN, ...change });

describe('the database that was recorded', () => {
  it.each<[string, DatabaseIdentity, DatabaseIdentity]>([
    ['itself', KNOWN, KNOWN],
    ['by another address and version', KNOWN, to({ address: '10.0.0.9:6432', version: '16.5' })],
    ['after a failover', KNOWN, to({ timeline: 3, address: '10.0.0.2:5432' })],
    ['a standby that was promoted', to({ standby: true }), to({ timeline: 3 })],
    ['without a system identifier, at its address', to({ system: null }), to({ system: null })],
  ])('is %s', (_name, recorded, reached) => {
    expect(otherThan(recorded, reached)).toBeNull();
  });

  it.each<[string, DatabaseIdentity, DatabaseIdentity]>([
    ['another server', KNOWN, to({ system: '7312000000000448313' })],
    ['a copy of the database beside it', KNOWN, to({ oid: '16500', database: 'shop2' })],
    ['one of its name that was made anew', KNOWN, to({ oid: '16500' })],
    ['one that has its oid after a rename', KNOWN, to({ database: 'shop_old' })],
    ['the server that a failover left behind', KNOWN, to({ timeline: 1 })],
    ['a standby in the place of its primary', KNOWN, to({ standby: true })],
    ['the primary in the place of its standby', to({ standby: true }), KNOWN],
    ['an unknown server at another address', to({ system: null }), to({ address: '10.0.0.9:5432' })],
  ])('is not %s', (_name, recorded, reached) => {
    expect(otherThan(recorded, reached)).not.toBeNull();
  });

  it('has failed over when its timeline is newer', () => {
    expect(isFailedOver(KNOWN, to({ timeline: 3 }))).toBe(true);
    expect(isFailedOver(KNOWN, KNOWN)).toBe(false);
  });
});

describe('a connection', () => {
  it('is held to its database, in statements, sessions and transactions', async () => {
    const { source, target, drop } = await createDatabasePair('identity');
    const database = new Database({ name: 'legacy', url: source.url, maxConnections: 2 });
    const other = new Database({ name: 'modern', url: target.url });
    try {
      const [own, others] = [await database.identity(), await other.identity()];
      const [plain] = await source.query(
        `select system_identifier::text as system, current_database() as database,
                (select oid::text from pg_database where datname = current_database()) as oid,
                (select timeline_id::text from pg_control_checkpoint()) as timeline from pg_control_system()`,
      );
      expect({ ...own, timeline: String(own.timeline) }).toMatchObject({ ...plain });
      const hold = (recorded: DatabaseIdentity) => (reached: DatabaseIdentity) => {
        const why = otherThan(recorded, reached);
        if (why !== null) throw new Error(why);
      };
      const [right, wrong] = [database.heldTo(hold(own)), database.heldTo(hold(others))];
      expect((await right.query('select 1 as one')).rows).toEqual([{ one: '1' }]);
      const uses = [
        () => wrong.query('select 1'),
        () => wrong.withSession((session) => session.query('select 1')),
        () => wrong.withTransaction('read write', (session) => session.query('select 1')),
      ];
      for (let round = 0; round < 3; round += 1) {
        for (const use of uses) await expect(use()).rejects.toThrow('another database of that server');
      }
      // What was refused went back to the pool.
      expect((await right.query('select 1 as one')).rows).toEqual([{ one: '1' }]);
    } finally {
      await database.close();
      await other.close();
      await drop();
    }
  });

  it('tells its database where the role may not read the control file', async () => {
    const { source, drop } = await createDatabasePair('identity_role');
    await source.query(`create role blind login password 'x';
      revoke execute on function pg_control_system(), pg_control_checkpoint() from public`);
    const url = new URL(source.url);
    [url.username, url.password] = ['blind', 'x'];
    const database = new Database({ name: 'legacy', url: url.href });
    try {
      const found = await database.identity();
      expect(found).toMatchObject({ system: null, database: url.pathname.slice(1), standby: false });
      expect(found.timeline).toBeGreaterThan(0);
    } finally {
      await database.close();
      await source.query('drop role blind');
      await drop();
    }
  });
});
