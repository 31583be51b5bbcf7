import { planUndo } from '../../activities/plan-undo';
import { openUndo, resolveUndo } from '../../activities/undo';
import { insertCorrections } from '../../ledger/correction';
import { streamPlan } from '../../ledger/plan';
import { endRun } from '../../ledger/run';
import { collect } from '../support/ledger';
import { OneTable } from '../support/one-table';

const context = { signal: new AbortController().signal, report: () => undefined };

describe('planning an undo', () => {
  let one: OneTable;
  beforeAll(async () => {
    one = await OneTable.create('plan_undo');
  });
  afterAll(() => one.drop());

  const undoOf = (runId: string, workflowId: string) =>
    openUndo(one.resources, { input: { runId }, workflowId, firstExecutionRunId: `${workflowId}-execution` });

  /** An ended run that inserted the rows 1 to `rows`. */
  async function corrected(runId: string, rows: number): Promise<void> {
    await one.open(runId);
    await one.target.query('insert into t select generate_series(1, $1::int) on conflict do nothing', [rows]);
    const row = `jsonb_build_object('id', g::text)`;
    await one.target.query(
      `insert into trueup.before_image (run_id, seq, table_name, relation, operation, record_key, after_row)
       select $1::text, g, 't', 'public.t', 'insert', ${row}, ${row} from generate_series(1, $2::int) g`,
      [runId, rows],
    );
    await one.target.query(
      `insert into trueup.plan_item (run_id, seq, step, table_name, operation, key_digest, record_key, check_source,
                                     needs_approval)
       select $1::text, g, 1, 't', 'insert', sha256(('["' || g || '"]')::bytea), ${row}, true, false
         from generate_series(1, $2::int) g`,
      [runId, rows],
    );
    await endRun(await one.resources.ledger(), runId, { status: 'applied', error: null, phases: {} });
  }
  const keysOf = async (runId: string) =>
    (await collect(streamPlan(await one.resources.ledger(), runId))).map(({ key }) => Number(key['id']));

  it('holds every correction, the last one first', async () => {
    await corrected('plain', 1_100);
    const { runId } = await undoOf('plain', 'undo-plain');
    expect(await planUndo(one.resources, { runId, undoOf: 'plain' }, context)).toMatchObject({ total: 1_100 });
    expect(await keysOf(runId)).toEqual(Array.from({ length: 1_100 }, (_, i) => 1_100 - i));
  });

  it('loses none when a retry finds that another undo has given back some meanwhile', async () => {
    await corrected('shared', 600);
    const { runId } = await undoOf('shared', 'undo-shared');
    await planUndo(one.resources, { runId, undoOf: 'shared' }, context);
    // As an attempt leaves it that ended after its first page.
    await one.target.query('delete from trueup.plan_item where run_id = $1 and seq > 500', [runId]);
    const other = await undoOf('shared', 'undo-other');
    await planUndo(one.resources, { runId: other.runId, undoOf: 'shared' }, context);
    const done = ['1', '2', '3'].map((seq) => ({ seq, status: 'SUCCESS', error: null }) as const);
    await insertCorrections(await one.resources.ledger(), other.runId, null, done);
    const plan = await planUndo(one.resources, { runId, undoOf: 'shared' }, context);
    const keys = await keysOf(runId);
    expect(keys).toEqual(Array.from({ length: 600 }, (_, i) => 600 - i));
    expect(plan).toMatchObject({ total: keys.length, lines: [{ rows: keys.length }] });
    const late = await undoOf('shared', 'undo-late');
    expect(await planUndo(one.resources, { runId: late.runId, undoOf: 'shared' }, context)).toMatchObject({
      total: 597,
    });
  });

  it('says of findings and reviews what holds, however often their corrections went back and forth', async () => {
    await corrected('seen', 2);
    const ledger = await one.resources.ledger();
    await one.target.query(`update trueup.plan_item set needs_approval = true where run_id = 'seen'`);
    await one.target.query(
      `with entry as (
         insert into trueup.manual_review_queue (table_name, inconsistency_type, severity, key_digest, record_key,
                                                 status, resolution_run_id)
         select 't', 'missing_in_target', 'high', key_digest, record_key, 'REVIEWED', 'seen'
           from trueup.plan_item where run_id = 'seen' and seq = 1 returning id)
       insert into trueup.reconciliation_log (run_id, table_name, inconsistency_type, severity, key_digest, record_key,
                                              resolution, review_id)
       select 'seen', 't', 'missing_in_target', 'high', key_digest, record_key, 'APPROVED_CORRECTED',
              case when seq = 1 then (select id from entry) end
         from trueup.plan_item where run_id = 'seen'`,
    );
    const states = () =>
      one.target.query(
        `select l.resolution, q.undone_by from trueup.reconciliation_log l
           left join trueup.manual_review_queue q on q.id = l.review_id where l.run_id = 'seen' order by q.id`,
      );
    const done = [
      { seq: '1', status: 'SUCCESS', error: null } as const,
      { seq: '2', status: 'SUCCESS', error: null } as const,
    ];

    const first = await undoOf('seen', 'undo-seen');
    await planUndo(one.resources, { runId: first.runId, undoOf: 'seen' }, context);
    await insertCorrections(ledger, first.runId, null, done);
    await resolveUndo(one.resources, { runId: first.runId });
    expect(await states()).toEqual([
      { resolution: 'UNDONE', undone_by: first.runId },
      { resolution: 'UNDONE', undone_by: null },
    ]);

    // The undo of that undo, of its first item alone, as it would stand in the ledger.
    await endRun(ledger, first.runId, { status: 'applied', error: null, phases: {} });
    const second = await undoOf(first.runId, 'undo-undo-seen');
    await one.target.query(
      `insert into trueup.plan_item (run_id, seq, step, table_name, operation, key_digest, record_key, check_source,
                                     needs_approval, undoes)
       select $1, 1, 1, 't', 'insert', key_digest, record_key, false, false, seq
         from trueup.plan_item where run_id = $2 and record_key = (
           select record_key from trueup.plan_item where run_id = 'seen' and seq = 1)`,
      [second.runId, first.runId],
    );
    await insertCorrections(ledger, second.runId, null, done.slice(0, 1));
    await resolveUndo(one.resources, { runId: second.runId });
    expect(await states()).toEqual([
      { resolution: 'APPROVED_CORRECTED', undone_by: null },
      { resolution: 'UNDONE', undone_by: null },
    ]);
  });
});
