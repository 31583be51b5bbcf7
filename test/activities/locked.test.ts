import { Client } from 'pg';
import { CorrectionRun } from '../support/correction-run';

jest.setTimeout(180_000);

describe('rows that somebody else has locked', () => {
  let run: CorrectionRun;
  let other: Client;
  beforeAll(async () => {
    run = await CorrectionRun.create('locked');
  });
  afterAll(() => run.drop());
  beforeEach(async () => {
    const auto = '{ missing: auto, mismatched: auto, extra: auto }';
    await run.reset(`[{ name: t, source: public.t, corrections: ${auto} }]`);
    await run.both('create table t (id int primary key, v text)');
    await run.source.query(`insert into t select i, 'new' from generate_series(1, 40) as i`);
    other = new Client({ connectionString: run.target.url });
    await other.connect();
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

  async function others(): Promise<void> {
    const corrected = () => run.target.query(`select 1 from t where v = 'new' and id = 40`);
    while ((await corrected()).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  it('fail with a reason that says so, and no others do', async () => {
    await run.target.query(OLD);
    const { runId, entries } = await run.correct('held', lock);
    expect(failures(entries)).toEqual([['13', expect.stringMatching(/lock timeout: somebody else holds a lock/)]]);
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
    let theirEnd: Promise<unknown> | undefined;
    const { runId, entries } = await run.correct('deadlock', async () => {
      await other.query('begin');
      await other.query(theirs, [40]);
      theirEnd = waiting()
        .then(() => other.query(theirs, [1]))
        .catch(() => undefined)
        .then(() => other.query('rollback'));
    });
    await theirEnd;
    expect(failures(entries)).toEqual([]);
    expect(entries).toHaveLength(40);
    expect(await run.images(runId)).toHaveLength(40);
    expect(await run.rows('t')).toEqual(await run.source.query('select * from t order by 1'));
    await run.target.query('select pg_stat_force_next_flush()');
    expect(await deadlocks()).toBeGreaterThan(before);
  });
});
