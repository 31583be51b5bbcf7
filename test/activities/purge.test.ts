import { openRun } from '../../activities/open-run';
import { beginPurge, dropPurged, endPurge, planPurge } from '../../activities/purge';
import type { StepContext } from '../../activities/step';
import { openUndo } from '../../activities/undo';
import type { PurgeInput } from '../../contracts/purge';
import { lockAgainstPurge } from '../../ledger/purged';
import { endRun, insertRun } from '../../ledger/run';
import { newRun } from '../support/ledger';
import { OneTable } from '../support/one-table';

const context: StepContext = { signal: new AbortController().signal, report: () => undefined };

describe('a purge', () => {
  let one: OneTable;
  beforeEach(async () => {
    one = await OneTable.create('purge');
  });
  afterEach(() => one.drop());

  const end = async (runId: string, daysAgo = 100) => {
    await endRun(await one.resources.ledger(), runId, { status: 'applied', error: null, phases: {} });
    await one.target.query(
      `update trueup.run set started_at = now() - $2::int * interval '1 day' - interval '1 hour',
              ended_at = now() - $2::int * interval '1 day' where run_id = $1`,
      [runId, daysAgo],
    );
  };
  /** A run that inserted rows, with its images, findings and entries. */
  async function corrected(runId: string, rows: number, daysAgo: number | null = 100): Promise<void> {
    await one.open(runId);
    const row = `jsonb_build_object('id', g::text)`;
    const key = `sha256(('["' || g || '"]')::bytea)`;
    for (const sql of [
      `insert into trueup.before_image (run_id, seq, table_name, relation, operation, record_key, after_row)
       select $1::text, g, 't', 'public.t', 'insert', ${row}, ${row} from generate_series(1, $2::int) g`,
      `insert into trueup.plan_item (run_id, seq, step, table_name, operation, key_digest, record_key, check_source,
                                     needs_approval)
       select $1::text, g, 1, 't', 'insert', ${key}, ${row}, true, false from generate_series(1, $2::int) g`,
      `insert into trueup.correction_log (run_id, seq, table_name, operation, record_key, status)
       select $1::text, g, 't', 'insert', ${row}, 'SUCCESS' from generate_series(1, $2::int) g`,
      `insert into trueup.reconciliation_log (run_id, table_name, inconsistency_type, severity, key_digest, record_key)
       select $1::text, 't', 'missing_in_target', 'high', ${key}, ${row} from generate_series(1, $2::int) g`,
    ]) {
      await one.target.query(sql, [runId, rows]);
    }
    if (daysAgo !== null) await end(runId, daysAgo);
  }

  const undoOf = (runId: string, workflowId = `undo-of-${runId}`) =>
    openUndo(one.resources, { input: { runId }, workflowId, firstExecutionRunId: `${workflowId}-execution` });
  const count = async (table: string, runId: string) => {
    const [row] = await one.target.query(`select count(*) as n from trueup.${table} where run_id = $1`, [runId]);
    return Number(row?.['n']);
  };
  const images = (runId: string) => count('before_image', runId);

  /** What the workflow does with `apply`. */
  async function purge(input: PurgeInput, purgeId = 'purge-1', step = context) {
    const planned = await planPurge(one.resources, input);
    const { cutoff, findings, digest } = planned;
    await beginPurge(one.resources, {
      input: { ...input, digest },
      cutoff,
      workflowId: purgeId,
      firstExecutionRunId: purgeId,
    });
    await dropPurged(one.resources, { purgeId, findings }, step);
    await endPurge(one.resources, { purgeId });
    return planned;
  }

  it('says what it would drop, drops that, records it, and an undo then says why it cannot be', async () => {
    await corrected('old', 30);
    await corrected('new', 20, 10);
    const planned = await planPurge(one.resources, { olderThan: '90d' });
    expect(planned).toMatchObject({
      runs: 1,
      oldest: ['old'],
      more: 0,
      images: [{ table: 't', rows: 30 }],
      ledger: [],
      kept: { notEnded: 0, undoUnderWay: 0, neededByUndo: 0 },
    });
    expect(planned.images[0]?.bytes).toBeGreaterThan(1_000);
    expect(await images('old')).toBe(30);

    await purge({ olderThan: '90d', requestedBy: 'ann@host' });
    expect(await images('old')).toBe(0);
    expect(await images('new')).toBe(20);
    expect(await count('correction_log', 'old')).toBe(30);
    expect(
      await one.target.query(
        `select requested_by, findings, ended_at is not null as ended, run_id, done_at is not null as done, rows
           from trueup.purge join trueup.purge_run using (purge_id) join trueup.purge_table using (purge_id)`,
      ),
    ).toEqual([{ requested_by: 'ann@host', findings: 'f', ended: 't', run_id: 'old', done: 't', rows: '30' }]);
    await expect(undoOf('old')).rejects.toMatchObject({
      code: 'RUN_NOT_UNDOABLE',
      message: expect.stringMatching(
        /^the before-images of run old were purged \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC by ann@host: it can be undone no more$/,
      ) as string,
    });
    await expect(undoOf('new')).resolves.toMatchObject({ undoOf: 'new' });
    expect(await planPurge(one.resources, { olderThan: '90d' })).toMatchObject({ runs: 0 });
  });

  it('needs to be told an age, or runs, where the config has no retention', async () => {
    await expect(planPurge(one.resources, {})).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('keeps runs that have not ended and those whose undo is under way; runs that are named go all or none', async () => {
    await corrected('open', 1, null);
    await one.target.query(`update trueup.run set started_at = now() - interval '200 days' where run_id = 'open'`);
    await corrected('undoing', 2);
    await corrected('free', 3);
    await undoOf('undoing');
    expect(await planPurge(one.resources, { olderThan: '90d' })).toMatchObject({
      oldest: ['free'],
      kept: { notEnded: 1, undoUnderWay: 1 },
    });
    await expect(planPurge(one.resources, { runs: ['free', 'open', 'undoing', 'nobody'] })).rejects.toMatchObject({
      code: 'PURGE_REFUSED',
      message: 'nothing is dropped: open: not ended; undoing: undo under way; nobody: not in the ledger',
    });
    await purge({ runs: ['free'] });
    expect([await images('open'), await images('undoing'), await images('free')]).toEqual([1, 2, 0]);
  });

  it('drops nothing else than what was shown', async () => {
    await corrected('first', 1);
    const { digest, cutoff } = await planPurge(one.resources, { olderThan: '90d' });
    await corrected('second', 1);
    const entry = { cutoff, workflowId: 'p', firstExecutionRunId: 'p' };
    const refused = beginPurge(one.resources, { input: { olderThan: '90d', digest }, ...entry });
    await expect(refused).rejects.toMatchObject({ code: 'PURGE_REFUSED' });
    expect(await one.target.query('select 1 from trueup.purge')).toEqual([]);
    await expect(undoOf('first')).resolves.toMatchObject({ undoOf: 'first' });
  });

  it('waits for an undo that is being opened, and then leaves that run alone', async () => {
    await corrected('old', 1);
    const { digest, cutoff } = await planPurge(one.resources, { olderThan: '90d' });
    const ledger = await one.resources.ledger();
    let purging: Promise<void> | undefined;
    await ledger.withTransaction('read write', async (session) => {
      expect(await lockAgainstPurge(session, 'old', 'images')).toBeNull();
      const entry = { cutoff, workflowId: 'p', firstExecutionRunId: 'p' };
      purging = beginPurge(one.resources, { input: { olderThan: '90d', digest }, ...entry });
      purging.catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 500));
      await insertRun(session, { ...newRun('late-undo'), kind: 'undo', undoOf: 'old' });
    });
    await expect(purging).rejects.toMatchObject({ code: 'PURGE_REFUSED' });
    expect(await images('old')).toBe(1);
  });

  it('may be broken off and repeated: the next one drops the rest', async () => {
    await corrected('old', 5_100);
    const stop = new AbortController();
    const step = { signal: stop.signal, report: () => stop.abort(new Error('broken off')) };
    await expect(purge({ olderThan: '90d' }, 'purge-1', step)).rejects.toThrow('broken off');
    expect(await images('old')).toBe(100);
    await expect(undoOf('old')).rejects.toMatchObject({ code: 'RUN_NOT_UNDOABLE' });
    expect(await purge({ olderThan: '90d' }, 'purge-2')).toMatchObject({ runs: 1, images: [{ rows: 100 }] });
    expect(await images('old')).toBe(0);
    expect(await planPurge(one.resources, { olderThan: '90d' })).toMatchObject({ runs: 0 });
  });

  it('drops findings when asked: the run stays, decided as it was, and nothing of it is resumed', async () => {
    await corrected('old', 5);
    await one.target.query(`update trueup.run_table set status = 'incomplete' where run_id = 'old'`);
    await purge({ olderThan: '90d' });
    expect(await planPurge(one.resources, { olderThan: '90d', findings: true })).toMatchObject({
      runs: 1,
      images: [],
      ledger: [
        { table: 'reconciliation_log', rows: 5 },
        { table: 'correction_log', rows: 5 },
        { table: 'plan_item', rows: 5 },
      ],
    });
    await purge({ olderThan: '90d', findings: true }, 'purge-2');
    for (const table of ['reconciliation_log', 'correction_log', 'plan_item', 'chunk', 'candidate']) {
      expect(await count(table, 'old')).toBe(0);
    }
    expect(await count('run', 'old')).toBe(1);
    const resume = openRun(one.resources, {
      input: { resume: 'old' },
      workflowId: 'resuming',
      firstExecutionRunId: 'resuming',
    });
    await expect(resume).rejects.toMatchObject({
      code: 'RUN_NOT_RESUMABLE',
      message: expect.stringContaining('what run old had compared was purged') as string,
    });
  });

  it('keeps what an undo did for as long as the run that it undid can be undone', async () => {
    await corrected('run', 1, 10);
    const { runId } = await undoOf('run');
    await end(runId, 100);
    const findings = { olderThan: '90d', findings: true };
    expect(await planPurge(one.resources, findings)).toMatchObject({ runs: 0, kept: { neededByUndo: 1 } });
    await expect(planPurge(one.resources, { runs: [runId], findings: true })).rejects.toMatchObject({
      message: `nothing is dropped: ${runId}: undoes run, which could still be undone`,
    });
    await end('run', 95);
    expect(await planPurge(one.resources, findings)).toMatchObject({ runs: 2, kept: { neededByUndo: 0 } });
  });
});
