import { Client } from 'pg';
import { applyTogether } from '../../activities/together';
import { CorrectionRun } from '../support/correction-run';

jest.setTimeout(180_000);

describe('rows that somebody else has locked', () => {
  let run: CorrectionRun;
  let other: Client;
  beforeAll(async () => {
    run = await CorrectionRun.create('locked');
    // Who looks for a deadlock first is its victim: never the other session, which has to come between meanwhile.
    const [{ name } = {}] = await run.target.query('select current_database() as name');
    await run.target.query(`alter database "${name ?? ''}" set deadlock_timeout = '3s'`);
  });
  afterAll(() => run.drop());
  beforeEach(async () => {
    const auto = '{ missing: auto, mismatched: auto, extra: auto }';
    await run.reset(`[{ name: t, source: public.t, corrections: ${auto} }]`);
    await run.both('create table t (id int primary key, v text)');
    await run.source.query(`insert into t select i, 'new' from generate_series(1, 40) as i`);
    other = new Client({ connectionString: run.target.url });
    await other.connect();
    await other.query(`set deadlock_timeout = '2min'`);
  });
  afterEach(() => other.end());

  const lock = async () => {
    await other.query('begin');
    await other.query('select * from t where id = 13 for update');
  };
  const OLD = `insert into t select i, 'old' from generate_series(1, 40) as i`;
  const failures = (entries: readonly { key: string; status: string; error: string | null }[]) =>
    entries.filter(({ status }) => status !== 'SUCCESS').map(({ key, error }) => [key, error]);
  const deadlocks = async () => {
    await run.target.query('select pg_stat_force_next_flush()');
    const [{ n } = {}] = await run.target.query(
      'select pg_stat_get_db_deadlocks(oid) as n from pg_database where datname = current_database()',
    );
    return Number(n);
  };
  /** Until a session waits for a lock that somebody holds. */
  async function waiting(): Promise<void> {
    for (;;) {
      const rows = await run.target.query(
        `select 1 from pg_stat_activity where datname = current_database() and application_name = 'trueup'
            and wait_event_type = 'Lock'`,
      );
      if (rows.length > 0) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Takes the first row, and the second one when somebody waits for the first; fails where it is the one that has to give way. */
  async function cross(take: string, [first, second]: readonly [number, number]) {
    await other.query('begin');
    await other.query(take, [first]);
    const crossed = waiting().then(async () => {
      await other.query(take, [second]);
      await other.query('rollback');
    });
    return { crossed };
  }

  async function others(): Promise<void> {
    const corrected = () => run.target.query(`select 1 from t where v = 'new' and id = 40`);
    while ((await corrected()).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  it('fail with a reason that says so, and no others do', async () => {
    await run.target.query(OLD);
    const { runId, entries } = await run.correct('held', lock);
    const where =
      /lock timeout: somebody else holds a lock on tuple \(\d+,\d+\) in relation "t"; it was waited for by t \{"id":"13"\} \(SQLSTATE 55P03\)$/;
    expect(failures(entries)).toEqual([['13', expect.stringMatching(where)]]);
    expect(await run.images(runId)).toHaveLength(39);
  });

  it('are corrected in a later pass once they are let go', async () => {
    await run.target.query(OLD);
    const { runId, entries } = await run.correct('let-go', async () => {
      await lock();
      // Those after it come when it was given up for the time being.
      void others().then(() => other.query('rollback'));
    });
    expect(failures(entries)).toEqual([]);
    expect(run.passes.length).toBeGreaterThan(1);
    expect(await run.images(runId)).toHaveLength(40);
  });

  it.each([
    ['updates', OLD, 'select * from t where id = $1 for update'],
    ['inserts', '', `insert into t values ($1, 'theirs')`],
  ])('in the other order: a deadlock is tried again, and nothing is done twice: %s', async (_name, held, theirs) => {
    if (held !== '') await run.target.query(held);
    const before = await deadlocks();
    let theirEnd: Promise<void> | undefined;
    const { runId, entries } = await run.correct('deadlock', async () => {
      theirEnd = (await cross(theirs, [40, 1])).crossed;
    });
    await theirEnd;
    expect(failures(entries)).toEqual([]);
    expect(entries).toHaveLength(40);
    expect(await run.images(runId)).toHaveLength(40);
    expect(await run.rows('t')).toEqual(await run.source.query('select * from t order by 1'));
    expect(await deadlocks()).toBeGreaterThan(before);
  });

  /** Rows that swap a unique value, which one transaction corrects. */
  async function swapped() {
    await run.reset('[{ name: s, source: public.s, corrections: { mismatched: auto } }]');
    await run.both('create table s (id int primary key, v text unique)');
    await run.source.query(`insert into s values (1, 'b'), (2, 'a')`);
    await run.target.query(`insert into s values (1, 'a'), (2, 'b')`);
    const runId = await run.compare('swapped');
    await run.freeze(runId);
    const context = { signal: new AbortController().signal, report: () => undefined };
    const apply = () => applyTogether(run.resources, { runId, approver: null, last: true }, context);
    const isDoneOnce = async () => {
      expect((await run.entries(runId)).map(({ status }) => status)).toEqual(['SUCCESS', 'SUCCESS']);
      expect(await run.images(runId)).toHaveLength(2);
      expect(await run.rows('s')).toEqual(await run.source.query('select * from s order by 1'));
    };
    return { runId, apply, isDoneOnce };
  }

  it('in the other order, of rows that are corrected together', async () => {
    const { apply, isDoneOnce } = await swapped();
    const before = await deadlocks();
    const { crossed } = await cross('select * from s where id = $1 for update', [2, 1]);
    expect(await apply()).toMatchObject({ success: 2, deferred: 0 });
    await crossed;
    await isDoneOnce();
    expect(await deadlocks()).toBeGreaterThan(before);
  });

  describe('in the other order again and again', () => {
    /** As a deadlock ends a statement; a sequence counts, as it is not rolled back. */
    const ALWAYS = (table: string, when: string) => `create sequence seen;
      create function always() returns trigger language plpgsql as $$begin
        perform nextval('public.seen'); raise 'deadlock detected' using errcode = '40P01'; end$$;
      create trigger always before insert or update on ${table} for each row when (${when}) execute function always()`;
    const busy = { code: 'DATABASE_BUSY', retryable: true };
    const tries = async () => (await run.target.query('select last_value from seen'))[0]?.['last_value'];

    it.each([
      ['updates', OLD, '5'],
      ['inserts', '', '6'],
    ])(
      '%s: given up after a few tries with a failure that says so, and what was done stays done',
      async (_name, held, n) => {
        if (held !== '') await run.target.query(held);
        await run.target.query(ALWAYS('t', 'new.id = 13'));
        const runId = await run.compare('again');
        const { digest } = await run.freeze(runId);
        await expect(run.apply(runId, digest)).rejects.toMatchObject(busy);
        expect(await tries()).toBe(n);
        expect(failures(await run.entries(runId))).toEqual([]);
        await run.target.query('drop function always() cascade');
        const entries = await run.apply(runId, digest);
        expect(failures(entries)).toEqual([]);
        expect(entries).toHaveLength(40);
        expect(await run.images(runId)).toHaveLength(40);
      },
    );

    it('of rows that are corrected together', async () => {
      const { runId, apply, isDoneOnce } = await swapped();
      await run.target.query(ALWAYS('s', `new.id = 1 and new.v = 'b'`));
      await expect(apply()).rejects.toMatchObject(busy);
      expect(await tries()).toBe('5');
      expect(await run.entries(runId)).toEqual([]);
      await run.target.query('drop function always() cascade');
      expect(await apply()).toMatchObject({ success: 2, deferred: 0 });
      await isDoneOnce();
    });
  });
});
