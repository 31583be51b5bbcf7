import { Database } from '../../database/connection';
import { readTriggers } from '../../database/trigger';
import { createTestDatabase, type TestDatabase } from '../support/database';

describe('the triggers of a table', () => {
  let test: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    test = await createTestDatabase('trigger');
    database = new Database({ name: 'modern', url: test.url, maxConnections: 2 });
    await test.query(`
      create function noop() returns trigger language plpgsql as 'begin return new; end';
      create table t (a int primary key, b int, "C d" int);
      create table child (a int references t on delete cascade);
      create trigger "Odd, name" before insert or delete on t for each row execute function noop();
      create trigger some_columns after update of "C d", b or insert on t for each row execute function noop();
      create trigger emptied after truncate on t for each statement execute function noop();
      create trigger off after insert on t for each row execute function noop();
      alter table t disable trigger off;
      create trigger replica after insert on t for each row execute function noop();
      alter table t enable replica trigger replica;
      create constraint trigger late after insert on child deferrable initially deferred
        for each row execute function noop();

      create table p (a int, b int) partition by range (a);
      create table p1 partition of p for values from (0) to (10) partition by list (b);
      create table p11 partition of p1 default;
      create trigger everywhere after insert on p for each row execute function noop();
      create trigger of_leaf after insert or update on p11 for each row execute function noop();
      create trigger of_leaf_statement after insert on p11 for each statement execute function noop();

      create table parent (a int);
      create table heir () inherits (parent);
      create trigger of_heir after insert or delete on heir for each row execute function noop();`);
  });
  afterAll(async () => {
    await database.close();
    await test.drop();
  });

  const fired = async (table: string) =>
    (await readTriggers(database, 'public', table)).map(({ name, operation, columns }) =>
      [operation, name, ...columns].join(' '),
    );

  it('are those that are enabled here, with the columns that an update has to set; none of its foreign keys', async () => {
    expect(await fired('t')).toEqual([
      'delete Odd, name',
      'insert Odd, name',
      'insert some_columns',
      'update some_columns C d b',
    ]);
    expect(await fired('child')).toEqual(['insert late']);
    expect(await fired('nothing')).toEqual([]);
  });

  it('count those for each row of its partitions, once', async () => {
    expect(await fired('p')).toEqual(['insert everywhere', 'insert of_leaf', 'update of_leaf']);
  });

  it('count those of tables that inherit from it where their rows are changed', async () => {
    expect(await fired('parent')).toEqual(['delete of_heir']);
  });

  it('are those of replicas where the session is one', async () => {
    const name = decodeURIComponent(new URL(test.url).pathname.slice(1));
    await test.query(`alter database "${name}" set session_replication_role = replica`);
    const replica = new Database({ name: 'modern', url: test.url, maxConnections: 1 });
    try {
      expect((await readTriggers(replica, 'public', 't')).map((trigger) => trigger.name)).toEqual(['replica']);
    } finally {
      await replica.close();
      await test.query(`alter database "${name}" reset session_replication_role`);
    }
  });
});
