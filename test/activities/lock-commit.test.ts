import { Client } from 'pg';
import { CorrectionRun } from '../support/correction-run';

jest.setTimeout(180_000);

describe('a change that commits while a correction waits for its row', () => {
  let run: CorrectionRun;
  let other: Client;
  beforeAll(async () => {
    run = await CorrectionRun.create('lock_commit');
  });
  afterAll(() => run.drop());
  beforeEach(async () => {
    other = new Client({ connectionString: run.target.url });
    await other.connect();
  });
  afterEach(() => other.end());

  /** Makes a change that commits as soon as a session of ours waits for it. */
  async function committing(change: string): Promise<{ done: Promise<void> }> {
    await other.query('begin');
    await other.query(change);
    const done = (async () => {
      for (let waits = false; !waits;) {
        const rows = await run.target.query(
          `select 1 from pg_stat_activity where datname = current_database() and application_name = 'trueup'
              and wait_event_type = 'Lock'`,
        );
        waits = rows.length > 0;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await other.query('commit');
    })();
    return { done };
  }

  const rowsOf = async (table: string) =>
    (await run.target.query(`select t::text as t from ${table} t order by 1`)).map(({ t }) => t);

  it.each([
    [
      'an update of a row',
      `insert into t values (1, 'old')`,
      `insert into t values (1, 'new')`,
      `update t set v = 'theirs' where id = 1`,
    ],
    ['a delete of a row', `insert into t values (1, 'old')`, '', `update t set v = 'theirs' where id = 1`],
  ])('is seen before it is overwritten: %s', async (_name, target, source, theirs) => {
    await run.reset('[{ name: t, source: public.t, corrections: { missing: auto, mismatched: auto, extra: auto } }]');
    await run.both('create table t (id int primary key, v text)');
    await run.target.query(target);
    if (source !== '') await run.source.query(source);
    let done: Promise<void> | undefined;
    const { runId, entries } = await run.correct('committed', async () => {
      ({ done } = await committing(theirs));
    });
    await done;
    expect(await rowsOf('t')).toEqual(['(1,theirs)']);
    expect(entries.map(({ status }) => status)).toEqual(['SKIPPED_STALE']);
    expect(await run.images(runId)).toEqual([]);
  });

  it('of a child, is seen before the child goes with its parent', async () => {
    await run.reset('[{ name: p, source: public.p, corrections: { extra: auto } }]');
    await run.both('create table p (id int primary key)');
    await run.target.query(`insert into p values (1);
      create table c (id int primary key, p int references p on delete cascade, v text); insert into c values (5, 1, 'old')`);
    let done: Promise<void> | undefined;
    const { runId, entries } = await run.correct('child', async () => {
      ({ done } = await committing(`update c set v = 'theirs' where id = 5`));
    });
    await done;
    expect(await rowsOf('c')).toEqual(['(5,1,theirs)']);
    expect(await rowsOf('p')).toEqual(['(1)']);
    expect(entries.every(({ status }) => status === 'SKIPPED_STALE')).toBe(true);
    expect(await run.images(runId)).toEqual([]);
  });
});
