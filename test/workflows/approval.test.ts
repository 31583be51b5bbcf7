import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { WorkflowHandle } from '@temporalio/client';
import type { PlanAnswer } from '../../contracts/messages';
import type { InProcess } from '../support/in-process';
import { refusalOf, withTimeSkipping } from '../support/worlds';

let time: TestWorkflowEnvironment;
let world: InProcess;
let count = 0;

withTimeSkipping({ taskQueue: 'approval' }, (started) => ({ time, world } = started));

beforeEach(() => world.reset());

const start = (approvalTimeout = '24h') => {
  count += 1;
  return world.startReconcile({ apply: true, approvalTimeout }, `approval-${count}`);
};

const detailsOf = async (handle: WorkflowHandle) => (await world.metadata(handle)).currentDetails ?? '';

describe('a plan that waits for approval', () => {
  it('expires at its deadline: nothing is done, and what was found stays open', async () => {
    const before = await world.contents();
    const handle = await start('24h');
    const plan = await world.untilGate(handle);
    const opened = Date.now();
    const result = await handle.result();
    expect(result).toEqual({ runId: handle.workflowId, status: 'expired', planDigest: plan.digest, remaining: 5 });
    expect(Date.now() - opened).toBeLessThan(30_000);
    expect(await world.contents()).toEqual(before);
    expect(await world.status(handle.workflowId)).toBe('expired');
    expect(await world.resolutions(handle.workflowId)).toEqual(Array(5).fill('OPEN'));
    expect(await world.decisions(handle.workflowId)).toEqual([]);
    const [deadline] = await world.target.query(
      `select extract(epoch from approval_deadline - started_at)::int as s from trueup.run where run_id = $1`,
      [handle.workflowId],
    );
    expect(Math.abs(Number(deadline?.['s']) - 86_400)).toBeLessThan(300);
  });

  it('is applied with its approver, every correction once', async () => {
    const handle = await start();
    const { digest } = await world.untilGate(handle);
    await handle.signal('approve', { approver: 'ada', planDigest: digest, note: 'as agreed' });
    expect(await handle.result()).toEqual({
      runId: handle.workflowId,
      status: 'applied',
      planDigest: digest,
      remaining: 0,
    });
    const same =
      'select (select array_agg(o order by id) from orders o)::text as o, (select array_agg(c order by id) from customers c)::text as c';
    expect(await world.target.query(same)).toEqual(await world.source.query(same));
    const entries = await world.target.query(
      'select status, approver, operation from trueup.correction_log where run_id = $1 order by operation',
      [handle.workflowId],
    );
    expect(entries.map((entry) => entry['operation'])).toEqual(['delete', 'insert', 'insert', 'update', 'update']);
    expect(new Set(entries.map((entry) => entry['status']))).toEqual(new Set(['SUCCESS']));
    expect(await world.decisions(handle.workflowId)).toMatchObject([
      { channel: 'signal', decision: 'approve', approver: 'ada', accepted: 't', refusal: null },
    ]);
  });

  it('is rejected with a reason: nothing is done, and the findings say so', async () => {
    const before = await world.contents();
    const handle = await start();
    await world.untilGate(handle);
    await handle.signal('reject', { approver: 'ada', reason: 'not yet' });
    expect(await handle.result()).toMatchObject({ status: 'rejected' });
    expect(await world.contents()).toEqual(before);
    expect(await world.resolutions(handle.workflowId)).toEqual(Array(5).fill('REJECTED'));
    expect(await world.decisions(handle.workflowId)).toMatchObject([
      { channel: 'signal', decision: 'reject', approver: 'ada', accepted: 't' },
    ]);
  });

  it('refuses every unclear decision: visibly, once in the ledger, and without touching the target', async () => {
    const before = await world.contents();
    const handle = await start();
    // Sent before the first workflow task has ended: there is no plan yet.
    await handle.signal('approve', { approver: 'ada', planDigest: 'a'.repeat(64) });
    const { digest } = await world.untilGate(handle);
    await handle.signal('approve', { approver: 'ada', planDigest: 'b'.repeat(64) });
    await handle.signal('approve', { planDigest: digest });
    await handle.signal('approve', { approver: 'ada' });
    await handle.signal('approve', [digest]);
    await handle.signal('approve');
    await handle.signal('aprove', { approver: 'ada', planDigest: digest });
    await handle.signal('reject', { approver: 'ada' });
    const wrong = await refusalOf(
      world.decide(handle, { decision: 'approve', approver: 'ada', planDigest: 'c'.repeat(64) }),
    );
    const other = 'the planDigest is not that of the plan at the gate';
    expect(wrong).toMatchObject({ type: 'DECISION_REFUSED', message: `approve: ${other}` });
    const expected = [
      'approve: there is no plan to decide on yet',
      `approve: ${other}`,
      'approve: no approver is named',
      'approve: no planDigest is given',
      'approve: no approver is named',
      'approve: no approver is named',
      'signal "aprove" is unknown; there are approve and reject',
      'reject: no reason is given',
      `approve: ${other}`,
    ];
    expect(await world.untilRefused(handle, expected.length)).toEqual(expected);
    const details = await detailsOf(handle);
    expect(details).toContain('## Refused');
    for (const line of expected) expect(details).toContain(`- ${line}`);
    expect((await handle.query<PlanAnswer>('plan')).decision).toBeNull();
    expect(await handle.result()).toMatchObject({ status: 'expired' });
    const entries = await world.decisions(handle.workflowId);
    expect(entries.map((entry) => entry.refusal)).toEqual(expected);
    expect(new Set(entries.map((entry) => entry.accepted))).toEqual(new Set(['f']));
    expect(entries.map((entry) => entry.channel)).toEqual([...Array<string>(8).fill('signal'), 'update']);
    expect(await world.contents()).toEqual(before);
  });

  it('refuses what comes together with its start, before the run knows its own name', async () => {
    for (const [i, signal] of ['approve', 'reject', 'aprove'].entries()) {
      const handle = await time.client.workflow.signalWithStart('reconcile', {
        taskQueue: world.taskQueue,
        workflowId: `approval-early-${i}`,
        args: [{ apply: true }],
        signal,
        signalArgs: [{ approver: 'ada', planDigest: 'a'.repeat(64), reason: 'early' }],
      });
      await world.untilGate(handle);
      expect((await handle.query<PlanAnswer>('plan')).refused).toHaveLength(1);
      expect(await handle.result()).toMatchObject({ status: 'expired' });
      expect(await world.decisions(handle.workflowId)).toMatchObject([{ decision_no: '1', accepted: 'f' }]);
    }
    const invalid = await time.client.workflow.signalWithStart('reconcile', {
      taskQueue: world.taskQueue,
      workflowId: 'approval-early-invalid',
      args: [{ apply: 'yes' }],
      signal: 'approve',
      signalArgs: [{}],
    });
    await expect(invalid.result()).rejects.toMatchObject({ cause: { type: 'INPUT_INVALID' } });
  });

  it('turns an update away that is none, before anything is recorded', async () => {
    const handle = await start();
    await world.untilGate(handle);
    for (const message of [{}, { decision: 'maybe' }, { decision: ['approve'] }, 'approve', null, [1]]) {
      expect(await refusalOf(world.decide(handle, message))).toMatchObject({ type: 'INPUT_INVALID' });
    }
    await handle.signal('reject', { approver: 'ada', reason: 'enough' });
    expect(await handle.result()).toMatchObject({ status: 'rejected' });
    expect(await world.decisions(handle.workflowId)).toHaveLength(1);
  });

  it('answers an update with the decision as recorded, the same update again likewise, and a second one with the first', async () => {
    const before = await world.contents();
    const handle = await start();
    const { digest } = await world.untilGate(handle);
    const message = { decision: 'reject', approver: 'ada', planDigest: digest, reason: 'not yet' };
    const decision = await world.decide(handle, message, 'once');
    expect(decision).toEqual({ ...message, decidedAt: expect.stringMatching(/^\d{4}-.*Z$/) as unknown });
    expect(await world.decide(handle, message, 'once')).toEqual(decision);
    expect(await handle.result()).toMatchObject({ status: 'rejected' });
    expect((await handle.query<PlanAnswer>('plan')).decision).toEqual(decision);
    expect(await detailsOf(handle)).toContain('Decided: **reject** by ada');
    expect(await world.decisions(handle.workflowId)).toHaveLength(1);
    expect(await world.contents()).toEqual(before);
  });

  it('takes the first of two decisions that come together, and records both', async () => {
    const handle = await start();
    const { digest } = await world.untilGate(handle);
    // A lock on the ledger holds the first recording, so that the second decision comes while it is under way.
    await world.target.query('begin; lock table trueup.decision in exclusive mode');
    await handle.signal('approve', { approver: 'ada', planDigest: digest });
    await handle.signal('reject', { approver: 'bo', reason: 'no' });
    const refused = await world.untilRefused(handle, 1);
    await world.target.query('commit');
    expect(refused).toEqual([expect.stringMatching(/^reject: already decided: approve by ada at /)]);
    expect(await handle.result()).toMatchObject({ status: 'applied' });
    expect(await world.decisions(handle.workflowId)).toMatchObject([
      { decision: 'approve', approver: 'ada', accepted: 't' },
      { decision: 'reject', approver: 'bo', accepted: 'f' },
    ]);
  });

  it('leaves a decision after the end to be written down as late', async () => {
    const handle = await start('1h');
    const { digest } = await world.untilGate(handle);
    expect(await handle.result()).toMatchObject({ status: 'expired' });
    await expect(handle.signal('approve', { approver: 'ada', planDigest: digest })).rejects.toThrow(
      /completed|not found/i,
    );
    const late = await time.client.workflow.execute<(input: object) => Promise<string>>('lateDecision', {
      taskQueue: world.taskQueue,
      workflowId: 'approval-late',
      args: [{ runId: handle.workflowId, decision: 'approve', approver: 'ada', planDigest: digest }],
    });
    expect(late).toBe('the run has ended (expired); nothing was changed');
    expect(await world.decisions(handle.workflowId)).toMatchObject([
      { channel: 'late', decision: 'approve', approver: 'ada', accepted: 'f', refusal: late },
    ]);
    expect(await world.resolutions(handle.workflowId)).toEqual(Array(5).fill('OPEN'));
  });
});
