import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import { exitCodeOfReport } from '../../client/commands/outcome';
import { summaryLines } from '../../client/render/summary';
import { colorsFor } from '../../client/render/colors';
import type { JobResult } from '../../contracts/job';
import type { ReconcileInput, ReconcileResult, UndoInput } from '../../contracts/messages';
import type { RecordedResolution } from '../../contracts/review';
import type { RunReport } from '../../contracts/run';
import { streamCorrections } from '../../ledger/correction';
import { streamFindings } from '../../ledger/finding';
import { readRunReport } from '../../ledger/report';
import type { InProcess } from '../support/in-process';
import { collect } from '../support/ledger';
import { withDevServer } from '../support/worlds';

let client: Client;
let world: InProcess;
let count = 0;

withDevServer({ taskQueue: 'verdict' }, (started) => {
  ({ client, world } = started);
});

const nextId = () => `verdict-${(count += 1)}`;

/**
 * Somebody who writes as soon as a correction of the row is done: its entry in the ledger, which comes after the commit, is
 * what they wait for.
 */
async function writes(sql: string, of = `new.record_key = '{"id": "30"}'`): Promise<void> {
  await world.target.query(`
    create or replace function public.somebody() returns trigger language plpgsql
      set session_replication_role = 'replica' as $$begin if ${of} then ${sql}; end if; return null; end$$;
    create or replace trigger somebody after insert on trueup.correction_log
      for each row when (new.status = 'SUCCESS') execute function public.somebody()`);
}

const nobodyWrites = () => world.target.query('drop trigger if exists somebody on trueup.correction_log');

beforeEach(async () => {
  await world.reset();
  await world.resources.ledger();
  await world.target.query('truncate trueup.manual_review_queue, trueup.kept_difference, trueup.reconciliation_log');
});
afterEach(async () => {
  await nobodyWrites();
  await world.source.query(`delete from orders where id > 60; update orders set note = 'secret note ' || id`);
});

async function report(runId: string): Promise<RunReport> {
  const found = await readRunReport(await world.resources.ledger(), runId);
  if (!found) throw new Error(`no run ${runId}`);
  return found;
}

const findings = async (runId: string) => collect(streamFindings(await world.resources.ledger(), runId));

async function run(input: ReconcileInput = {}, approval: object = {}) {
  const handle = await world.startReconcile({ apply: true, requestedBy: 'linus', ...input }, nextId());
  for (;;) {
    const { status } = await handle.query<{ status: string }>('progress');
    if (status === 'awaiting_approval') {
      const { digest } = await world.untilGate(handle);
      await world.decide(handle, { decision: 'approve', approver: 'ada', planDigest: digest, ...approval });
      break;
    }
    if ((await handle.describe()).status.name !== 'RUNNING') break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const result = await handle.result();
  const details = (await world.metadata(handle)).currentDetails ?? '';
  return { result, details, report: await report(result.runId) };
}

async function resolve(message: object) {
  const startWorkflowOperation = new WithStartWorkflowOperation<(input: object) => Promise<ReconcileResult>>(
    'resolveReviews',
    { taskQueue: world.taskQueue, workflowId: nextId(), args: [{ wait: '1s' }], workflowIdConflictPolicy: 'FAIL' },
  );
  await client.workflow.executeUpdateWithStart<
    (input: object) => Promise<ReconcileResult>,
    RecordedResolution,
    [object]
  >('resolveReview', { args: [{ reviewer: 'ada', ...message }], startWorkflowOperation });
  const handle = await startWorkflowOperation.workflowHandle();
  const result = await handle.result();
  const details = (await world.metadata(handle)).currentDetails ?? '';
  return { result, details, report: await report(result.runId) };
}

async function undo(input: UndoInput) {
  const workflowId = nextId();
  const result = await world.undo(input, workflowId);
  const details = (await world.metadata(client.workflow.getHandle(workflowId))).currentDetails ?? '';
  return { result, details, report: await report(result.runId) };
}

const left = (one: RunReport) => ({ status: one.status, remaining: one.remaining, code: exitCodeOfReport(one) });
const textOf = (one: RunReport) => summaryLines(one, colorsFor(false, {})).join('\n');

describe('a row that somebody writes after its correction', () => {
  it('is left by the run: its finding is open again, and all that tells of the run says so', async () => {
    await writes(`update public.orders set note = 'theirs' where id = 30`);
    const { result, details, report: done } = await run();
    expect(left(done)).toEqual({ status: 'applied', remaining: 1, code: 1 });
    expect(result).toMatchObject({ status: 'applied', remaining: 1 });
    expect(done.verified).toEqual({ checked: 5, differing: 1 });
    const open = (await findings(done.runId)).filter(({ resolution }) => !resolution.endsWith('_CORRECTED'));
    expect(open).toMatchObject([
      { key: { id: '30' }, resolution: 'OPEN', detail: 'read after its correction, the row differs in note' },
    ]);
    expect(details).toContain('Verified: 5 corrected rows read again, **1 differ**');
    expect(details).toContain('**Left: 1** differences');
    expect(textOf(done)).toContain('1 row differ again: somebody wrote them after they were corrected');
    const entries = await collect(streamCorrections(await world.resources.ledger(), done.runId));
    expect(entries.filter(({ differs }) => differs !== undefined).map(({ key }) => key['id'])).toEqual(['30']);
    const [line] = await world.target.query('select remaining from trueup.job_history where run_id = $1', [done.runId]);
    expect(line).toEqual({ remaining: '1' });
  });

  it.each([
    ['deletes what was inserted', `delete from public.orders where id = 7`, '7', 'the target does not have the row'],
    [
      'inserts what was deleted',
      `insert into public.orders values (900, 1, 'again')`,
      '900',
      'the target has the row and the source does not',
    ],
  ])('%s', async (_name, sql, id, detail) => {
    await writes(sql, `new.record_key = '{"id": "${id}"}'`);
    const { report: done } = await run();
    expect(left(done)).toEqual({ status: 'applied', remaining: 1, code: 1 });
    expect((await findings(done.runId)).find(({ key }) => key['id'] === id)).toMatchObject({
      resolution: 'OPEN',
      detail: `read after its correction, ${detail}`,
    });
  });

  it('is none where it is as it should be when it is read again', async () => {
    await writes(`update public.orders set note = 'secret note 30' where id = 30`);
    const { report: done, details } = await run();
    expect(left(done)).toEqual({ status: 'applied', remaining: 0, code: 0 });
    expect(details).toContain('Nothing is left.');
  });

  it('is not given back: neither by an undo, nor by the undo of that', async () => {
    const { report: done } = await run();
    await writes(`update public.orders set note = 'theirs' where id = 30`);
    const back = await undo({ runId: done.runId });
    expect(left(back.report)).toEqual({ status: 'applied', remaining: 1, code: 1 });
    expect(back.details).toContain('**Left: 1** differences');
    expect(textOf(back.report)).toContain('Not given back: 1 row.');
    await nobodyWrites();
    await world.target.query(`update orders set note = 'secret change' where id = 30`);
    await writes(`update public.orders set note = 'theirs' where id = 30`);
    const again = await undo({ runId: back.report.runId });
    expect(left(again.report)).toEqual({ status: 'applied', remaining: 1, code: 1 });
    expect((await findings(done.runId)).find(({ key }) => key['id'] === '30')).toMatchObject({
      resolution: 'OPEN',
      detail: 'read after its correction, the row is not as it was left in note',
    });
    expect(left(await report(done.runId))).toEqual({ status: 'applied', remaining: 1, code: 1 });
  });

  it('is left by a review: its entry is open again', async () => {
    await run({ unapproved: 'queue' });
    const [entry] = await world.target.query(
      `select id from trueup.manual_review_queue where record_key = '{"id": "30"}' and status = 'PENDING'`,
    );
    await writes(`update public.orders set note = 'theirs' where id = 30`);
    const { result, report: done } = await resolve({ reviewId: Number(entry?.['id']), resolution: 'APPLY_SOURCE' });
    expect(left(done)).toEqual({ status: 'applied', remaining: 1, code: 1 });
    expect(result).toMatchObject({ remaining: 1 });
    const [open] = await world.target.query(
      `select status, resolution, last_attempt from trueup.manual_review_queue where id = $1`,
      [entry?.['id']],
    );
    expect(open).toMatchObject({ status: 'PENDING', resolution: null });
    expect(open?.['last_attempt']).toContain('read after its correction, the row differs in note');
    expect(
      await world.target.query(`select resolution from trueup.reconciliation_log where record_key = '{"id": "30"}'`),
    ).toEqual([{ resolution: 'IN_REVIEW' }]);
    await nobodyWrites();
    await world.target.query(`update orders set note = 'secret change' where id = 30`);
    const second = await resolve({ reviewId: Number(entry?.['id']), resolution: 'APPLY_SOURCE' });
    expect(left(second.report)).toEqual({ status: 'applied', remaining: 0, code: 0 });
  });

  it('is in what a scheduled job says', async () => {
    await writes(`update public.orders set note = 'theirs' where id = 7`, `new.record_key = '{"id": "7"}'`);
    const handle = await client.workflow.start<(input: object) => Promise<JobResult>>('comprehensiveReconciliation', {
      taskQueue: world.taskQueue,
      workflowId: nextId(),
      args: [{}],
    });
    const result = await handle.result();
    // The others wait in the review queue.
    expect(result).toMatchObject({ status: 'applied', remaining: 4, queued: 3, alert: 'raised' });
    const done = await report(result.runId ?? '');
    expect(left(done)).toEqual({ status: 'applied', remaining: 4, code: 1 });
  });
});

/** What a run leaves, each way; all with what is corrected beside it. */
describe('a run never ends in 0 where it leaves', () => {
  it.each<[string, () => Promise<RunReport>, Partial<RunReport>]>([
    [
      'what was refused by the database',
      async () => {
        await world.target.query(`alter table orders add check (note <> 'secret note 30')`);
        return (await run()).report;
      },
      { status: 'applied', remaining: 1, corrections: { FAILED: 1, SUCCESS: 4 } },
    ],
    [
      'what lies outside of a partial approval',
      async () => (await run({}, { tables: ['customers'] })).report,
      {
        status: 'applied',
        remaining: 2,
        leftOut: 2,
      },
    ],
    [
      'entries of the review queue',
      async () => (await run({ unapproved: 'queue' })).report,
      {
        status: 'applied',
        remaining: 3,
        inReview: 3,
      },
    ],
    [
      'what a dry run found',
      async () => (await run({ apply: false })).report,
      { status: 'inconsistent', remaining: 5 },
    ],
    [
      'rows in tables that are not in the plan',
      async () => {
        await world.target
          .query(`delete from orders where id in (900); update orders set note = 'secret note 30' where id = 30;
        insert into orders values (7, 8, 'secret note 7'), (8, 9, 'secret note 8')`);
        return (await run({ unapproved: 'queue' })).report;
      },
      { remaining: 1 },
    ],
  ])('%s', async (_name, use, expected) => {
    const done = await use();
    expect(done).toMatchObject(expected);
    expect(exitCodeOfReport(done)).toBe(1);
  });
});
