import { CorrectionRun } from '../support/correction-run';

jest.setTimeout(120_000);

describe('a target that ends the session', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await CorrectionRun.create('lost');
  });
  afterAll(() => run.drop());

  /** Ends the session at the twentieth row; a sequence counts, as it is not rolled back. */
  const ENDING = (event: string, table: string, kind: string) => `create sequence seen;
    ${table === 'late' ? PUT_OFF : ''}
    create function die() returns trigger language plpgsql as $$begin
      if current_setting('application_name') = 'trueup' and (current_query() = 'commit') = ${String(table === 'late')}
          and nextval('public.seen') = 20 then
        perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(1); end if;
      return coalesce(new, old); end$$;
    create ${kind === '' ? '' : 'constraint'} trigger die after ${event} on ${table} ${kind} for each row execute function die()`;
  const WAITS = 'deferrable initially deferred';
  /**
   * All constraints are checked before the backups are written: what is to come at the commit itself is put off by these.
   */
  const PUT_OFF = `create table late (n int);
    create function put_off() returns trigger language plpgsql as $$begin
      set constraints public.die deferred; insert into public.late values (1); return null; end$$;
    create trigger put_off after insert on trueup.before_image for each row execute function put_off();`;

  it.each([
    ['in the middle of a bulk insert', 'insert', 't', ''],
    ['when a bulk insert is checked, before its commit', 'insert', 't', WAITS],
    ['after it, while its markers are written', 'insert', 'trueup.before_image', ''],
    ['at the commit itself', 'insert', 'late', WAITS],
    ['in the middle of a cascade', 'delete', 'c', ''],
    ['when a cascade is checked, before its commit', 'delete', 'c', WAITS],
  ])('%s: the next attempt does all that is left, and each once', async (_name, event, table, kind) => {
    await run.reset('[{ name: t, source: public.t, corrections: { missing: auto, mismatched: auto, extra: auto } }]');
    await run.both('create table t (id int primary key)');
    await run.target.query('create table c (id int primary key, t int references t on delete cascade)');
    await run.source.query('insert into t select generate_series(1, 60)');
    await run.target.query(
      'insert into t select generate_series(101, 160); insert into c select i, i from generate_series(101, 160) as i',
    );
    const runId = await run.compare('lost');
    const { digest, total } = await run.freeze(runId);
    expect(total).toBe(180);
    await run.target.query(ENDING(event, table, kind));
    try {
      await expect(run.apply(runId, digest)).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE', retryable: true });
      const entries = await run.apply(runId, digest);
      expect(entries.map(({ status, error }) => error ?? status)).toEqual(Array.from({ length: 180 }, () => 'SUCCESS'));
      expect(await run.images(runId)).toHaveLength(180);
      expect(await run.rows('t')).toEqual(await run.source.query('select * from t order by 1'));
      expect(await run.rows('c')).toEqual([]);
    } finally {
      await run.target.query('drop function if exists put_off() cascade; drop function die() cascade');
    }
  });
});
