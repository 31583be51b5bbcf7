import { openReview, type OpenReviewInput } from '../../activities/review';
import { checkResolveMessage } from '../../contracts/review';
import { OneTable } from '../support/one-table';

describe('recording a resolution', () => {
  let one: OneTable;
  beforeAll(async () => {
    one = await OneTable.create('review');
  });
  afterAll(() => one.drop());

  /** A run by `ada` that put extra rows into the queue, `rows` of the target's. */
  async function queued(runId: string, rows: number, ofTarget: number): Promise<void> {
    await one.open(runId);
    await one.target.query('delete from trueup.manual_review_queue where status = $1', ['PENDING']);
    await one.target.query(`update trueup.run set requested_by = 'Ada ' where run_id = $1`, [runId]);
    await one.target.query(
      `update trueup.run_table set rows_target = $2, status = 'inconsistent', phase = 'done' where run_id = $1`,
      [runId, ofTarget],
    );
    await one.target.query(
      `insert into trueup.manual_review_queue (run_id, last_run_id, table_name, inconsistency_type, severity, key_digest,
                                               record_key, target_data, complete, value_digest)
       select $1::text, $1::text, 't', 'extra_in_target', 'high', sha256(('["' || g || '"]')::bytea), r, r, true, '\\x00'
         from generate_series(1, $2::int) g, lateral (select jsonb_build_object('id', g::text) as r) x`,
      [runId, rows],
    );
  }

  const open = (workflowId: string, fields: object = {}) => {
    const given = { filter: {}, resolution: 'APPLY_SOURCE', reviewer: 'bo', ...fields };
    const checked = checkResolveMessage(given);
    if (!checked.ok) throw new Error(checked.problem);
    const request: OpenReviewInput = {
      message: checked.value,
      workflowId,
      firstExecutionRunId: `${workflowId}-execution`,
      decisionNo: 1,
      channel: 'update',
      final: false,
    };
    return openReview(one.resources, request, { signal: new AbortController().signal, report: () => undefined });
  };
  const taken = async () =>
    (
      await one.target.query('select count(*) as n from trueup.manual_review_queue where resolution_run_id is not null')
    )[0]?.['n'];

  it('refuses to delete more than the guard allows, takes nothing then, and does so with an override', async () => {
    await queued('guarded', 1_100, 20_000);
    await expect(open('over')).rejects.toThrow(
      'over the guard, allowed only with override: t: 1100 of 20000 rows would be deleted or overwritten, the limit is 1000',
    );
    expect(await taken()).toBe('0');
    expect(
      await one.target.query(
        `select status, error_code, requested_by, accepted from trueup.run join trueup.decision using (run_id)
          where run_id = 'over'`,
      ),
    ).toEqual([{ status: 'failed', error_code: 'REVIEW_REFUSED', requested_by: 'bo', accepted: 'f' }]);
    const opened = await open('overridden', { override: true });
    expect(opened).toMatchObject({
      kind: 'opened',
      recorded: { runId: 'overridden', reviews: 1_100, corrections: 1_100 },
      plan: { total: 1_100, lines: [{ table: 't', operation: 'delete', rows: 1_100, needsApproval: true }] },
    });
    expect(await one.target.query(`select override from trueup.decision where run_id = 'overridden'`)).toEqual([
      { override: 't' },
    ]);
    // As the attempt that follows one whose worker died.
    expect(await open('overridden', { override: true })).toEqual(opened);
    await one.target.query(`update trueup.manual_review_queue set status = 'HEALED', resolution_run_id = null`);
  });

  it('lets nobody decide on what a run of their own has found, where four eyes are asked for', async () => {
    await queued('eyes', 2, 100);
    for (const side of [one.source, one.target]) await side.query('alter table t add note text');
    one.configure('[t]', 'fourEyes: true');
    try {
      const ways = [
        { resolution: 'APPLY_SOURCE' },
        { resolution: 'KEEP_TARGET' },
        { resolution: 'CUSTOM_FIX', values: { note: 'x' } },
      ];
      const refusal = 'fourEyes: ADA requested run eyes, which found it, and cannot resolve it';
      for (const way of ways) {
        const workflowId = `own-${way.resolution}`;
        await expect(open(workflowId, { reviewer: 'ADA', ...way })).rejects.toThrow(refusal);
        expect(
          await one.target.query(`select approver, accepted, refusal from trueup.decision where run_id = $1`, [
            workflowId,
          ]),
        ).toEqual([{ approver: 'ADA', accepted: 'f', refusal }]);
      }
      expect(await taken()).toBe('0');
      expect(await open('kept', { resolution: 'KEEP_TARGET' })).toMatchObject({ kind: 'opened' });
    } finally {
      one.configure();
    }
  });

  it('names the run that has taken an entry, before it is refused for that', async () => {
    await one.source.query('insert into t values (77)');
    await queued('twice', 1, 100);
    await open('first');
    expect(await open('second')).toMatchObject({ kind: 'held', holders: [{ runId: 'first', workflowId: 'first' }] });
  });
});
