import { Database } from '../../database/connection';
import { assignedColumns, readTriggerAssignments } from '../../database/trigger-assignment';
import { createTestDatabase, type TestDatabase } from '../support/database';

describe('the columns that triggers assign', () => {
  it.each([
    ['begin new.last_update := now(); return new; end', ['last_update']],
    ['BEGIN\n  NEW.Last_Update = CURRENT_TIMESTAMP;\n  RETURN NEW;\nEND', ['last_update']],
    ['begin if new.a = 1 then new.b = 2; else new . c := 3; end if; return new; end', ['b', 'c']],
    ['begin new."Odd ""x""" := 1; new.list[1] := 2; return new; end', ['Odd "x"', 'list']],
    ['begin select now() into strict new.at; return new; end', ['at']],
    ['begin -- new.a := 1;\n /* new.b := 2; */ return new; end', []],
    ['begin if new.a = old.a and new.b <> new.c then return null; end if; return new; end', []],
  ])('of %s', (source, expected) => {
    expect([...assignedColumns(source)].sort()).toEqual([...expected].sort());
  });

  describe('in a database', () => {
    let test: TestDatabase;
    let database: Database;
    beforeAll(async () => {
      test = await createTestDatabase('trigger_assignment');
      database = new Database({ name: 'modern', url: test.url, maxConnections: 2 });
      await test.query(`
        create extension moddatetime;
        create function touch() returns trigger language plpgsql as 'begin new.last_update := now(); new.nowhere := 1; new.id := 1; return new; end';
        create table t (id int primary key, last_update timestamptz, changed timestamp, words tsvector, body text);
        create trigger touch before insert or update on t for each row execute function touch();
        create trigger stamp before update on t for each row execute procedure moddatetime(changed);
        create trigger words before insert on t for each row
          execute function tsvector_update_trigger(words, 'pg_catalog.english', body);
        create trigger after_it after insert on t for each row execute function touch();
        create trigger off before insert on t for each row execute function touch();
        alter table t disable trigger off;
        create schema "S x";
        create table "S x"."P" (id int primary key, last_update int) partition by list (id);
        create table "S x".p1 partition of "S x"."P" default;
        create trigger leaf before insert on "S x".p1 for each row execute function touch();`);
    });
    afterAll(async () => {
      await database.close();
      await test.drop();
    });

    it('of enabled triggers before each row, also of partitions', async () => {
      const found = await readTriggerAssignments(database);
      expect(found.map((each) => Object.values(each).map(String).join(' '))).toEqual([
        'S x P leaf insert last_update',
        'public t stamp update changed',
        'public t touch insert last_update',
        'public t touch update last_update',
        'public t words insert words',
      ]);
      expect(await readTriggerAssignments(database, { schema: 'S x', name: 'P' })).toHaveLength(1);
    });
  });
});
