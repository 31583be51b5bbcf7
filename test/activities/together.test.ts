import { Client } from 'pg';
import { CorrectionRun, type Entry } from '../support/correction-run';

const AUTO = 'corrections: { missing: auto, mismatched: auto, extra: auto }';
const statuses = (entries: readonly Entry[]) => [...new Set(entries.map(({ status, error }) => error ?? status))];

describe('corrections that need each other', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await CorrectionRun.create('together');
  });
  afterAll(() => run.drop());

  const tables = (...names: string[]) =>
    run.reset(`[${names.map((name) => `{ name: ${name}, source: public.${name}, ${AUTO} }`).join(', ')}]`);
  const same = async (...names: string[]) => {
    for (const name of names) {
      const rows = await run.source.query(`select * from ${name} order by 1`);
      expect(await run.rows(name)).toEqual(rows);
    }
  };
  /** Corrects, compares with the source, undoes, and compares with what there was. */
  async function thereAndBack(...names: string[]): Promise<readonly Entry[]> {
    const before = await run.contents(...names);
    const { runId, entries } = await run.correct('there');
    expect(statuses(entries)).toEqual(['SUCCESS']);
    await same(...names);
    expect(await run.images(runId)).toHaveLength(entries.length);
    for (const name of names) expect((await run.verify(runId, name)).differing).toBe(0);
    expect(statuses(await run.undo(runId))).toEqual(['SUCCESS']);
    expect(await run.contents(...names)).toBe(before);
    return entries;
  }

  describe('rows of two tables that refer to each other', () => {
    const ring = (deferrable: string, nullable: string) => `
      create table departments (id int primary key, head int ${nullable}, name text);
      create table people (id int primary key, department int not null references departments ${deferrable});
      alter table departments add foreign key (head) references people ${deferrable};`;
    const ROWS = (from: number, to: number) => `begin; set constraints all deferred;
      insert into departments select i, null, 'd' || i from generate_series(${from}, ${to}) as i;
      insert into people select i, i from generate_series(${from}, ${to}) as i;
      update departments set head = id where id between ${from} and ${to}; commit`;
    const DEFERRED = (from: number, to: number) => `begin; set constraints all deferred;
      insert into departments select i, i, 'd' || i from generate_series(${from}, ${to}) as i;
      insert into people select i, i from generate_series(${from}, ${to}) as i; commit`;

    it.each([
      ['deferrable', 'deferrable', 'not null', DEFERRED],
      ['not deferrable, where one may be NULL', '', '', ROWS],
    ])('are inserted and deleted together: %s', async (_name, deferrable, nullable, rows) => {
      await tables('departments', 'people');
      await run.both(ring(deferrable, nullable));
      await run.source.query(rows(1, 8));
      await run.target.query(rows(5, 12));
      const entries = await thereAndBack('departments', 'people');
      expect(entries).toHaveLength(16);
      expect(run.passes.filter((step) => step === 'together').length).toBeLessThanOrEqual(2);
    });

    it('fail with the constraint that is in the way where neither can wait nor be NULL', async () => {
      await tables('departments', 'people');
      await run.source.query(ring('deferrable', 'not null'));
      await run.source.query(DEFERRED(1, 2));
      await run.target.query(ring('', 'not null'));
      const { entries, runId } = await run.correct('stuck');
      expect(entries).toHaveLength(4);
      for (const { status, error } of entries) {
        expect(status).toBe('FAILED');
        expect(error).toMatch(/violates foreign key constraint "\w+" \(SQLSTATE 23503\)/);
      }
      expect(await run.images(runId)).toEqual([]);
    });

    it('fail no others: one row that lacks what it refers to is left out', async () => {
      await tables('departments', 'people');
      await run.both(ring('', ''));
      await run.source.query(ROWS(1, 3));
      // Of department 2 the source has people that the target refuses: their department is nowhere.
      await run.source.query(`alter table people drop constraint people_department_fkey;
        insert into people values (50, 99), (51, 2); update departments set head = 50 where id = 3`);
      const { entries } = await run.correct('one');
      const failed = entries.filter(({ status }) => status === 'FAILED').map(({ table, key }) => `${table} ${key}`);
      expect(failed.sort()).toEqual(['departments 3', 'people 3', 'people 50']);
      expect((await run.rows('people')).map(({ id }) => id)).toEqual(['1', '2', '51']);
    });

    it('fail no others: one that a trigger refuses at the commit is found, and fails with what that says', async () => {
      await tables('departments', 'people');
      await run.both(ring('deferrable', 'not null'));
      await run.source
        .query(`begin; set constraints all deferred; insert into departments values (1, 1), (2, 5), (3, 6);
        insert into people values (1, 1), (2, 1), (3, 1), (4, 1), (5, 2), (6, 3), (7, 2); commit`);
      await run.target.query(`create function refuse() returns trigger language plpgsql as $$begin
          raise 'nobody may be number %', new.id; end$$;
        create constraint trigger refuse after insert on people deferrable initially deferred
          for each row when (new.id in (3, 7)) execute function refuse()`);
      const { entries } = await run.correct('refusing');
      const failed = entries.filter(({ status }) => status === 'FAILED');
      expect(failed.map(({ table, key, error }) => [table, key, error])).toEqual([
        ['people', '3', 'nobody may be number 3 (SQLSTATE P0001)'],
        ['people', '7', 'nobody may be number 7 (SQLSTATE P0001)'],
      ]);
      expect((await run.rows('people')).map(({ id }) => id)).toEqual(['1', '2', '4', '5', '6']);
    });

    it('fail no others: rows that swap what can hold no other value stay, those that they refer to come', async () => {
      await tables('departments', 'people', 't');
      await run.both(`${ring('deferrable', 'not null')}
        create table t (id int primary key, v date not null unique, department int references departments)`);
      await run.source.query(`begin; set constraints all deferred; insert into departments values (1, 1);
        insert into people values (1, 1); insert into t values (1, '2024-01-02', 1), (2, '2024-01-01', 1); commit`);
      await run.target.query(`insert into t values (1, '2024-01-01'), (2, '2024-01-02')`);
      const { entries } = await run.correct('swapping');
      expect(entries.map(({ table, status }) => `${table} ${status}`).sort()).toEqual([
        'departments SUCCESS',
        'people SUCCESS',
        't FAILED',
        't FAILED',
      ]);
      expect(statuses(entries)).toContainEqual(expect.stringMatching(/can hold no other meanwhile \(date\)/));
    });
  });

  describe('rows of one table that refer to each other', () => {
    const TREE = 'create table t (id int primary key, up int references t, a text)';
    it('are inserted and deleted in an order that holds, however many there are', async () => {
      await tables('t');
      await run.both(TREE);
      // A tree, in which rows refer to others whose number is higher; among the extra ones, lower.
      await run.source.query(
        `insert into t select i, nullif(151 - (151 - i) / 2, 151), 'a' from generate_series(1, 150) as i`,
      );
      await run.target.query(
        `insert into t select 2000 + i, 2000 + nullif(i / 2, 0), 'x' from generate_series(1, 150) as i`,
      );
      await thereAndBack('t');
      // In order, nothing has to wait for another pass.
      expect(run.passes).toEqual(['t', 't']);
    }, 120_000);

    it.each(['', 'deferrable'])('in rings %s', async (deferrable) => {
      await tables('t');
      await run.both(`create table t (id int primary key, up int not null references t ${deferrable})`);
      await run.source.query('insert into t values (1, 2), (2, 3), (3, 1), (4, 4)');
      await run.target.query('insert into t values (11, 12), (12, 11)');
      await thereAndBack('t');
    });
  });

  describe('rows that swap a unique value', () => {
    const COLUMNS: readonly (readonly [string, (n: number) => string])[] = [
      ['text', (n) => `'v${n}'`],
      ['text not null', (n) => `'v${n}'`],
      ['varchar(12) not null', (n) => `'v${n}'`],
      ['int not null', (n) => String(n)],
      ['smallint not null', (n) => String(n - 5)],
      ['uuid not null', (n) => `'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1${n}'`],
    ];
    it.each(COLUMNS)('%s: in pairs, in rings and in chains', async (type, value) => {
      await tables('t');
      await run.both(`create table t (id int primary key, v ${type} unique, a text)`);
      const rows = (order: readonly number[]) => order.map((n, i) => `(${i + 1}, ${value(n)}, 'a')`).join(', ');
      await run.source.query(`insert into t values ${rows([2, 1, 4, 5, 3, 7, 8, 6, 9])}`);
      await run.target.query(`insert into t values ${rows([1, 2, 3, 4, 5, 6, 7, 8])}, (20, ${value(9)}, 'extra')`);
      await thereAndBack('t');
    });

    it('that may wait for the commit', async () => {
      await tables('t');
      await run.both('create table t (id int primary key, place numeric not null unique deferrable)');
      await run.source.query('insert into t select i, 1 + i % 5 from generate_series(1, 5) as i');
      await run.target.query('insert into t select i, i from generate_series(1, 5) as i');
      await thereAndBack('t');
    });

    it('sixty of them, each taking the next one’s, at once', async () => {
      await tables('t');
      await run.both('create table t (id int primary key, place int not null unique)');
      await run.source.query('insert into t select i, i + 1 from generate_series(1, 60) as i');
      await run.target.query('insert into t select i, i from generate_series(1, 60) as i');
      await thereAndBack('t');
      expect(run.passes.filter((step) => step === 'together').length).toBe(1);
    }, 120_000);

    it('of several columns, one of which has others as well', async () => {
      await tables('t');
      await run.both('create table t (id int primary key, a int not null, b text not null, unique (a, b))');
      await run.source.query(`insert into t values (1, 1, 'y'), (2, 1, 'x'), (3, 2, 'x')`);
      await run.target.query(`insert into t values (1, 1, 'x'), (2, 1, 'y'), (3, 2, 'x')`);
      await thereAndBack('t');
    });

    it.each([
      [
        'of a type that no other value is known of',
        'date',
        `'2024-01-0' || i`,
        /unique values of v, which can hold no other meanwhile \(date\)/,
      ],
      ['that a check keeps from having another', 'int check (v between 1 and 9)', 'i', /violates check constraint/],
    ])('%s: fail as a group, with the reason, and stay as they are', async (_name, type, value, reason) => {
      await tables('t');
      await run.both(`create table t (id int primary key, v ${type} not null unique)`);
      const cast = type.split(' ')[0] ?? '';
      await run.source.query(`insert into t select 3 - i, (${value})::${cast} from generate_series(1, 2) as i`);
      await run.target.query(`insert into t select i, (${value})::${cast} from generate_series(1, 2) as i`);
      const before = await run.contents('t');
      const { entries, runId } = await run.correct('refused');
      expect(entries.map(({ status }) => status)).toEqual(['FAILED', 'FAILED']);
      for (const { error } of entries) expect(error).toMatch(reason);
      expect(await run.contents('t')).toBe(before);
      expect(await run.images(runId)).toEqual([]);
    });

    it('that others refer to by ON UPDATE CASCADE: fail, as rows would change that nobody approved', async () => {
      await tables('t');
      await run.both('create table t (id int primary key, v int not null unique)');
      await run.target.query(`insert into t values (1, 1), (2, 2);
        create table c (id int primary key, v int references t (v) on update cascade); insert into c values (1, 1)`);
      await run.source.query('insert into t values (1, 2), (2, 1)');
      const { entries } = await run.correct('referred');
      expect(entries.map(({ status }) => status)).toEqual(['FAILED', 'FAILED']);
      expect(await run.rows('c')).toEqual([{ id: '1', v: '1' }]);
    });

    it('one of which was changed since the plan: that one is skipped, the other fails, and both stay', async () => {
      await tables('t');
      await run.both('create table t (id int primary key, v text not null unique, a text)');
      await run.source.query(`insert into t values (1, 'b', ''), (2, 'a', '')`);
      await run.target.query(`insert into t values (1, 'a', ''), (2, 'b', '')`);
      const { entries } = await run.correct('stale', () => run.target.query(`update t set a = 'mine' where id = 2`));
      expect(entries.map(({ status }) => status)).toEqual(['FAILED', 'SKIPPED_STALE']);
      expect(await run.rows('t')).toEqual([
        { id: '1', v: 'a', a: '' },
        { id: '2', v: 'b', a: 'mine' },
      ]);
    });

    it('never leave a stand-in behind: what a trigger swallows fails the group', async () => {
      await tables('t');
      await run.both('create table t (id int primary key, v text not null unique)');
      await run.source.query(`insert into t values (1, 'b'), (2, 'a')`);
      await run.target.query(`insert into t values (1, 'a'), (2, 'b');
        create function keep() returns trigger language plpgsql as $$begin if new.v = 'b' then return null; end if; return new; end$$;
        create trigger keep before update on t for each row execute function keep()`);
      const before = await run.contents('t');
      const { entries } = await run.correct('swallowed');
      expect(entries.map(({ status }) => status)).toEqual(['FAILED', 'FAILED']);
      expect(await run.contents('t')).toBe(before);
    });
  });

  it('end when their session does, and all is done once by the next attempt', async () => {
    await tables('t');
    await run.both('create table t (id int primary key, v text not null unique)');
    await run.source.query(`insert into t values (1, 'b'), (2, 'a')`);
    await run.target.query(`insert into t values (1, 'a'), (2, 'b');
      create function die() returns trigger language plpgsql as $$begin
        if current_setting('application_name') = 'trueup' and new.v = 'b' and exists (select 1 from once) then
          delete from once; perform pg_terminate_backend(pg_backend_pid()); end if; return new; end$$;
      create table once (n int); insert into once values (1)`);
    // Deleting from `once` is rolled back with the session, so the trigger has to be taken away by hand.
    await run.target.query('create trigger die before update on t for each row execute function die()');
    const runId = await run.compare('dies');
    const { digest } = await run.freeze(runId);
    await expect(run.apply(runId, digest)).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE', retryable: true });
    await run.target.query('drop trigger die on t');
    expect(statuses(await run.apply(runId, digest))).toEqual(['SUCCESS']);
    await same('t');
    expect(await run.images(runId)).toHaveLength(2);
  });

  it('wait for no one for ever: a row that is locked fails them with the reason', async () => {
    await tables('t');
    await run.both('create table t (id int primary key, v text not null unique)');
    await run.source.query(`insert into t values (1, 'b'), (2, 'a'), (3, 'c')`);
    await run.target.query(`insert into t values (1, 'a'), (2, 'b')`);
    const other = new Client({ connectionString: run.target.url });
    await other.connect();
    try {
      const { entries } = await run.correct('locked', async () => {
        await other.query('begin');
        await other.query('select * from t where id = 2 for update');
      });
      expect(entries.map(({ key, status }) => [key, status])).toEqual([
        ['3', 'SUCCESS'],
        ['1', 'FAILED'],
        ['2', 'FAILED'],
      ]);
      expect(entries[2]?.error).toContain('SQLSTATE 55P03');
    } finally {
      await other.end();
    }
  }, 90_000);
});
