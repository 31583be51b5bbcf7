import { planUndo } from '../../activities/plan-undo';
import { openUndo } from '../../activities/undo';
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
});
