import { TrueupError } from '../../contracts/errors';
import { Database } from '../../database/connection';
import { DatabaseFailure } from '../../database/failure';
import { createTestDatabase, type TestDatabase } from '../support/database';

describe('a database', () => {
  let test: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    test = await createTestDatabase('connection');
    await test.query(`create table t (id int primary key, email text unique, age int check (age > 0), u uuid, v varchar(5));
      insert into t values (1, 'jane@secret.example', 30)`);
  });
  beforeEach(() => {
    database = new Database({ name: 'modern', url: test.url, maxConnections: 1 });
  });
  afterEach(() => database.close());
  afterAll(() => test.drop());

  const failureOf = async (work: Promise<unknown>): Promise<DatabaseFailure> => {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof DatabaseFailure)) throw new Error(`expected a DatabaseFailure, got ${String(error)}`);
    return error;
  };

  describe('never shows a value in a message', () => {
    it.each([
      ['a unique value', `insert into public.t values (2, 'jane@secret.example')`, '23505'],
      ['a primary key', `insert into public.t values (1)`, '23505'],
      ['a check', `insert into public.t values (3, 'jane@secret.example2', -4711)`, '23514'],
      ['a number', `select 'jane@secret.example'::int`, '22P02'],
      ['a date', `select 'jane@secret.example'::date`, '22007'],
      ['a uuid', `select 'jane@secret.example'::uuid`, '22P02'],
      ['JSON', `select '{"jane@secret.example'::jsonb`, '22P02'],
      ['an overflow', `select 'jane@secret.example', '4711999999999'::int`, '22003'],
      ['a length', `insert into public.t (id, v) values (9, 'jane@secret.example')`, '22001'],
      ['a syntax error', `select 'x' jane@secret.example`, '42601'],
      ['what a trigger says', `do $$begin raise 'jane@secret.example'; end$$`, 'P0001'],
      ['a function that refuses', `do $$begin raise 'jane@secret.example' using errcode = '22023'; end$$`, '22023'],
    ])('%s', async (_name, sql, sqlState) => {
      const error = await failureOf(database.query(sql));
      expect(error.sqlState).toBe(sqlState);
      expect(error.message).toBe(`connection modern: the server refused a statement (SQLSTATE ${sqlState})`);
      expect(error.serverMessage).not.toBe('');
      const shown = [error.message, error.help, String(error), error.stack ?? ''].join('\n');
      expect(shown).not.toMatch(/jane|secret|4711/);
    });

    it('keeps what the server said for the ledger', async () => {
      const error = await failureOf(database.query(`select 'abc'::int`));
      expect(error.serverMessage).toBe('invalid input syntax for type integer: "abc"');
    });
  });

  it.each([
    ['select * from public.nope', 'TABLE_NOT_FOUND', 'relation "public.nope" does not exist', false],
    ['select nope from public.t', 'COLUMN_NOT_FOUND', 'column "nope" does not exist', false],
    [`select 1 / 0`, 'DATABASE_ERROR', 'the server refused a statement', false],
    [`do $$begin raise 'x' using errcode = '40001'; end$$`, 'DATABASE_BUSY', 'the server refused a statement', true],
    [`do $$begin raise 'x' using errcode = '40P01'; end$$`, 'DATABASE_BUSY', 'the server refused a statement', true],
    [`set local role nobody`, 'DATABASE_ERROR', 'the server refused a statement', false],
  ])('%s is %s', async (sql, code, message, retryable) => {
    const error = await failureOf(database.query(sql));
    expect(error).toMatchObject({ code, retryable });
    expect(error.message).toContain(message);
  });

  it('says which privilege is missing', async () => {
    await test.query(
      `do $$begin create role reader_4 login password 'p4'; exception when duplicate_object then null; end$$`,
    );
    const url = new URL(test.url);
    url.username = 'reader_4';
    url.password = 'p4';
    const reader = new Database({ name: 'legacy', url: url.href });
    const error = await failureOf(reader.query('select * from public.t'));
    await reader.close();
    expect(error).toMatchObject({ code: 'PRIVILEGE_MISSING', retryable: false });
    expect(error.message).toBe('connection legacy: permission denied for table t (SQLSTATE 42501)');
  });

  it.each([
    ['a database that is not there', (url: URL) => (url.pathname = '/nope'), 'AUTHENTICATION_FAILED', false],
    ['a user that is not there', (url: URL) => (url.username = 'nobody'), 'AUTHENTICATION_FAILED', false],
    ['a port where nobody listens', (url: URL) => (url.port = '1'), 'DATABASE_UNREACHABLE', true],
    ['a host that is not there', (url: URL) => (url.hostname = 'nope.invalid'), 'DATABASE_UNREACHABLE', true],
  ])('%s', async (_name, change, code, retryable) => {
    const url = new URL(test.url);
    url.password = 'hunter2';
    change(url);
    const broken = new Database({ name: 'legacy', url: url.href });
    const error = await failureOf(broken.query('select 1'));
    const again = await failureOf(broken.withSession((session) => session.query('select 1')));
    await broken.close();
    expect([error, again]).toEqual([expect.objectContaining({ code, retryable }), expect.objectContaining({ code })]);
    expect(error.message).not.toContain('hunter2');
  });

  it('reads every value as its exact text, by pinned settings', async () => {
    await test.query(`alter database "${test.name}" set datestyle = 'German'; alter database "${test.name}" set timezone = 'Asia/Tokyo';
      alter database "${test.name}" set bytea_output = 'escape'; alter database "${test.name}" set extra_float_digits = 0;
      alter database "${test.name}" set intervalstyle = 'iso_8601'; alter database "${test.name}" set search_path = 'public'`);
    const { rows } =
      await database.query(`select 9007199254740993 as i, timestamptz '2024-05-05 10:00:00.000001+02' as t,
      '\\x00ff'::bytea as b, 0.1::float8 + 0.2 as f, interval '1 day 2 hours' as d, '{"a":1}'::jsonb as j, array[1, 2] as a, true as o,
      null as n, current_setting('search_path') as p`);
    expect(rows).toEqual([
      {
        i: '9007199254740993',
        t: '2024-05-05 08:00:00.000001+00',
        b: '\\x00ff',
        f: '0.30000000000000004',
        d: '1 day 02:00:00',
        j: '{"a": 1}',
        a: '{1,2}',
        o: 't',
        n: null,
        p: 'pg_catalog',
      },
    ]);
  });

  it('undoes a transaction that throws, and lends a clean session after it', async () => {
    const work = database.withTransaction('read write', async (session) => {
      await session.query('insert into public.t (id) values (77)');
      throw new TrueupError('INTERNAL', 'stop');
    });
    await expect(work).rejects.toMatchObject({ code: 'INTERNAL' });
    expect((await database.query('select 1 from public.t where id = 77')).rows).toEqual([]);
  });

  it('reads one snapshot in a read-only transaction, and cannot write there', async () => {
    const counts = await database.withTransaction('repeatable read, read only', async (session) => {
      const count = async () => (await session.query<{ n: string }>('select count(*) as n from public.t')).rows[0]?.n;
      const before = await count();
      await test.query('insert into t (id) values (500)');
      const after = await count();
      await test.query('delete from t where id = 500');
      return [before, after];
    });
    expect(counts).toEqual(['1', '1']);
    const writing = database.withTransaction('repeatable read, read only', (session) =>
      session.query('insert into public.t (id) values (78)'),
    );
    await expect(writing).rejects.toMatchObject({ sqlState: '25006' });
  });

  it('lets the server end a statement that takes too long', async () => {
    const hasty = new Database({ name: 'legacy', url: test.url, statementTimeoutMs: 100 });
    const error = await failureOf(hasty.query('select pg_sleep(20)'));
    await hasty.close();
    expect(error).toMatchObject({ code: 'STATEMENT_TIMEOUT', retryable: true });
  });

  it('replaces a session that the server ended', async () => {
    await database.query('select 1');
    const error = await failureOf(
      database.withSession((session) => session.query('select pg_terminate_backend(pg_backend_pid())')),
    );
    expect(error).toMatchObject({ code: 'DATABASE_UNREACHABLE', retryable: true });
    expect((await database.query('select 1 as one')).rows).toEqual([{ one: '1' }]);
  });

  describe('aborted', () => {
    const running = async () =>
      (
        await test.query(
          `select pid from pg_stat_activity where datname = current_database() and state = 'active' and query like 'select pg_sleep(55%'`,
        )
      ).length;
    const until = async (wanted: number, milliseconds: number) => {
      const end = Date.now() + milliseconds;
      while ((await running()) !== wanted && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
      return running();
    };

    // With one connection the statement to be cancelled holds all that the pool has.
    it.each([1, 4])(
      'cancels its statement on the server, of %i connections',
      async (maxConnections) => {
        const lent = new Database({ name: 'legacy', url: test.url, maxConnections });
        const abort = new AbortController();
        const work = Promise.all(
          Array.from({ length: maxConnections }, () =>
            lent.withSession((session) => session.query('select pg_sleep(55)'), abort.signal),
          ),
        );
        const outcome = expect(work).rejects.toThrow('enough');
        expect(await until(maxConnections, 5_000)).toBe(maxConnections);
        abort.abort(new Error('enough'));
        await outcome;
        expect(await until(0, 3_000)).toBe(0);
        expect((await lent.query('select 1 as one')).rows).toEqual([{ one: '1' }]);
        await lent.close();
      },
      20_000,
    );

    it('before it began, sends nothing', async () => {
      const work = database.withSession(
        (session) => session.query('select pg_sleep(55)'),
        AbortSignal.abort(new Error('no')),
      );
      await expect(work).rejects.toThrow('no');
      expect(await running()).toBe(0);
    });

    it('between two statements, sends no second one and undoes the first', async () => {
      const abort = new AbortController();
      const work = database.withTransaction(
        'read write',
        async (session) => {
          await session.query('insert into public.t (id) values (600)');
          abort.abort(new Error('enough'));
          await session.query('insert into public.t (id) values (601)');
        },
        abort.signal,
      );
      await expect(work).rejects.toThrow('enough');
      expect((await database.query('select 1 from public.t where id >= 600')).rows).toEqual([]);
    });
  });
});
