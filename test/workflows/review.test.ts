import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import { auditRun } from '../../ledger/audit';
import type { ReconcileResult } from '../../contracts/messages';
import type { RecordedResolution } from '../../contracts/review';
import type { TextRow } from '../support/database';
import type { InProcess } from '../support/in-process';
import { temporalCli } from '../support/temporal';
import { refusalOf, withDevServer } from '../support/worlds';

let client: Client;
let world: InProcess;
let count = 0;

withDevServer(
  {
    taskQueue: 'review',
    defaults: 'concurrency: 2, corrections: { missing: review, mismatched: review, extra: review }',
  },
  (started) => ({ client, world } = started),
);

beforeEach(async () => {
  await world.reset();
  await world.target
    .query('truncate trueup.manual_review_queue, trueup.kept_difference, trueup.reconciliation_log')
    .catch(() => undefined);
});

const nextId = () => `review-${(count += 1)}`;

/** Compares everything; what differs is queued. */
async function compare(input: object = {}): Promise<string> {
  const handle = await world.startReconcile(input, nextId());
  return (await handle.result()).runId;
}

const queue = (where = 'true') =>
  world.target.query(
    `select id, table_name || ' ' || inconsistency_type || ' ' || record_key::text as what, status, resolution, reviewer, notes,
            times_seen, last_attempt, resolution_run_id, healed_by, source_data, target_data, undone_by
       from trueup.manual_review_queue where ${where} order by table_name, inconsistency_type, record_key::text`,
  );

async function idOf(type: string, table = 'orders'): Promise<string> {
  const [entry] = await queue(`table_name = '${table}' and inconsistency_type = '${type}' and status = 'PENDING'`);
  return entry?.['id'] ?? '';
}

/** Starts a workflow that waits for a resolution, and hands it one, as the command line does. */
async function resolve(message: object) {
  const startWorkflowOperation = new WithStartWorkflowOperation<(input: object) => Promise<ReconcileResult>>(
    'resolveReviews',
    { taskQueue: world.taskQueue, workflowId: nextId(), args: [{ wait: '1s' }], workflowIdConflictPolicy: 'FAIL' },
  );
  const recorded = await client.workflow.executeUpdateWithStart<
    (input: object) => Promise<ReconcileResult>,
    RecordedResolution,
    [object]
  >('resolveReview', { args: [message], startWorkflowOperation });
  return { recorded, handle: await startWorkflowOperation.workflowHandle() };
}

async function resolved(message: object): Promise<RecordedResolution> {
  const { recorded, handle } = await resolve(message);
  await handle.result();
  return recorded;
}

const undo = (runId: string) => world.undo({ runId }, nextId());

const order = async (id: number, side: 'source' | 'target' = 'target'): Promise<TextRow | undefined> =>
  (await world[side].query('select * from orders where id = $1', [id]))[0];
const ada = { reviewer: 'ada' };

describe('the review queue', () => {
  it('takes each difference once; a later run that sees it again brings its entry up to date', async () => {
    const first = await compare();
    const entered = await queue();
    expect(entered.map((entry) => entry['what'])).toEqual([
      'customers field_mismatch {"id": "5"}',
      'orders extra_in_target {"id": "900"}',
      'orders field_mismatch {"id": "30"}',
      'orders missing_in_target {"id": "7"}',
      'orders missing_in_target {"id": "8"}',
    ]);
    expect(new Set(await world.resolutions(first))).toEqual(new Set(['IN_REVIEW']));
    await world.target.query(`update orders set note = 'secret other' where id = 30`);
    await compare();
    const again = await queue();
    expect(again.map((entry) => [entry['id'], entry['times_seen']])).toEqual(
      entered.map((entry) => [entry['id'], '2']),
    );
    expect(again[2]?.['target_data']).toContain('secret other');
  });

  it('closes what has healed, and nothing that an incomplete or narrower comparison did not see', async () => {
    await compare();
    await world.target.query(`update orders set note = 'secret note 30' where id = 30`);
    await compare({ tables: ['customers'] });
    expect(await queue(`status = 'HEALED'`)).toEqual([]);
    const healing = await compare();
    expect((await queue(`status = 'HEALED'`)).map((entry) => [entry['what'], entry['healed_by']])).toEqual([
      ['orders field_mismatch {"id": "30"}', healing],
    ]);
    expect(await queue(`status = 'PENDING'`)).toHaveLength(4);
    await world.target.query(`update orders set note = 'secret again' where id = 30`);
    await compare();
    expect((await queue(`record_key = '{"id": "30"}'`)).map((entry) => entry['status']).sort()).toEqual([
      'HEALED',
      'PENDING',
    ]);
  });

  it('APPLY_SOURCE makes each kind of row as the source has it; undo gives it back', async () => {
    const found = await compare();
    const before = await world.contents();
    const recorded = await resolved({ filter: {}, resolution: 'APPLY_SOURCE', ...ada, notes: 'as agreed' });
    expect(recorded).toMatchObject({ resolution: 'APPLY_SOURCE', reviewer: 'ada', reviews: 5, corrections: 5 });
    expect(await world.contents()).toEqual(await contentsOfSource());
    const entries = await queue();
    expect(new Set(entries.map((entry) => `${entry['status']} ${entry['resolution']} ${entry['reviewer']}`))).toEqual(
      new Set(['REVIEWED APPLY_SOURCE ada']),
    );
    expect(new Set(await world.resolutions(found))).toEqual(new Set(['APPROVED_CORRECTED']));
    expect(
      await world.target.query(
        `select r.kind, r.status, r.verified_checked, r.verified_differing, d.approver, d.accepted,
                d.plan_digest = r.plan_digest as same, d.reason,
                (select count(*) from trueup.correction_log c
                  where c.run_id = r.run_id and c.status = 'SUCCESS' and c.approver = 'ada') as done,
                (select count(*) from trueup.before_image b where b.run_id = r.run_id) as images
           from trueup.run r join trueup.decision d using (run_id) where run_id = $1`,
        [recorded.runId],
      ),
    ).toEqual([
      {
        kind: 'review',
        status: 'applied',
        verified_checked: '5',
        verified_differing: '0',
        approver: 'ada',
        accepted: 't',
        same: 't',
        reason: 'APPLY_SOURCE: as agreed',
        done: '5',
        images: '5',
      },
    ]);
    const back = await undo(recorded.runId);
    expect(await world.contents()).toEqual(before);
    expect(new Set((await queue()).map((entry) => entry['undone_by']))).toEqual(new Set([back.runId]));
    expect(new Set(await world.resolutions(found))).toEqual(new Set(['UNDONE']));
    const again = await undo(back.runId);
    expect(new Set((await queue()).map((entry) => entry['undone_by']))).toEqual(new Set([null]));
    expect(new Set(await world.resolutions(found))).toEqual(new Set(['APPROVED_CORRECTED']));
    await undo(again.runId);
    expect(await world.contents()).toEqual(before);
    expect(new Set(await world.resolutions(found))).toEqual(new Set(['UNDONE']));
    await compare();
    expect(await queue(`status = 'PENDING'`)).toHaveLength(5);
  });

  it('leaves an entry open, with a note, whose row has changed since', async () => {
    await compare();
    const id = await idOf('field_mismatch');
    await world.target.query(`update orders set note = 'secret edit' where id = 30`);
    const recorded = await resolved({ reviewId: Number(id), resolution: 'APPLY_SOURCE', ...ada });
    expect(await order(30)).toMatchObject({ note: 'secret edit' });
    expect(await queue(`id = ${id}`)).toMatchObject([
      { status: 'PENDING', resolution: null, reviewer: null, resolution_run_id: null },
    ]);
    expect((await queue(`id = ${id}`))[0]?.['last_attempt']).toMatch(
      new RegExp(`^APPLY_SOURCE by ada at .*, run ${recorded.runId}: SKIPPED_STALE: the target row was changed`),
    );
  });

  it('KEEP_TARGET is remembered until a value changes, and said in the notes of the table', async () => {
    const found = await compare();
    const id = await idOf('field_mismatch');
    const before = await world.contents();
    const recorded = await resolved({ reviewId: id, resolution: 'KEEP_TARGET', ...ada });
    expect(recorded).toMatchObject({ reviews: 1, corrections: 0 });
    expect(await world.contents()).toEqual(before);
    expect(await queue(`id = ${id}`)).toMatchObject([{ status: 'REVIEWED', resolution: 'KEEP_TARGET' }]);
    expect(await world.resolutions(found)).toContain('KEPT_TARGET');
    const later = await compare({ tables: ['orders'] });
    expect(await queue(`record_key = '{"id": "30"}'`)).toHaveLength(1);
    const [table] = await world.target.query('select status, notes from trueup.run_table where run_id = $1', [later]);
    expect(table?.['status']).toBe('inconsistent');
    expect(table?.['notes']).toContain('1 of the differences are known');
    expect([...(await world.resolutions(later))].sort()).toEqual([
      'IN_REVIEW',
      'IN_REVIEW',
      'IN_REVIEW',
      'KEPT_TARGET',
    ]);
    await world.target.query(`update orders set note = 'secret new' where id = 30`);
    await compare({ tables: ['orders'] });
    expect(await queue(`record_key = '{"id": "30"}' and status = 'PENDING'`)).toHaveLength(1);
  });

  it('KEEP_TARGET holds for a row on one side only, whatever the policy, until it is undone', async () => {
    await compare();
    const ids = [await idOf('extra_in_target'), await idOf('missing_in_target')];
    const { runId } = await resolved({ reviewIds: ids, resolution: 'KEEP_TARGET', ...ada });
    await world.target.query(`update trueup.manual_review_queue set status = 'HEALED' where status = 'PENDING'`);
    await compare({ tables: ['orders'] });
    expect((await queue(`status = 'PENDING'`)).map((entry) => entry['what'])).toEqual([
      'orders field_mismatch {"id": "30"}',
      'orders missing_in_target {"id": "8"}',
    ]);
    await undo(runId);
    await compare({ tables: ['orders'] });
    expect(await queue(`status = 'PENDING'`)).toHaveLength(4);
  });

  it('CUSTOM_FIX writes what the reviewer gives: over a mismatch, an extra row, or a row to insert; undo gives it back', async () => {
    await compare();
    const before = await world.contents();
    const runs: string[] = [];
    for (const type of ['field_mismatch', 'extra_in_target', 'missing_in_target']) {
      const message = {
        reviewId: await idOf(type),
        resolution: 'CUSTOM_FIX',
        ...ada,
        values: { note: `custom ${type}` },
      };
      runs.push((await resolved(message)).runId);
    }
    expect(await order(30)).toMatchObject({ note: 'custom field_mismatch' });
    expect(await order(900)).toMatchObject({ note: 'custom extra_in_target', customer_id: '1' });
    expect(await order(7)).toEqual({ ...(await order(7, 'source')), note: 'custom missing_in_target' });
    for (const runId of runs) {
      expect(
        await world.target.query('select status, verified_differing from trueup.run where run_id = $1', [runId]),
      ).toEqual([{ status: 'applied', verified_differing: '0' }]);
      await undo(runId);
    }
    expect(await world.contents()).toEqual(before);
  });

  it('refuses values that the column cannot hold, before anything is planned, and says so in the ledger', async () => {
    await compare();
    const before = await world.contents();
    const reviewId = await idOf('field_mismatch');
    const refused = async (values: object, id = reviewId) =>
      (await refusalOf(resolve({ reviewId: id, resolution: 'CUSTOM_FIX', ...ada, values }))).message;
    expect(await refused({ nota: 'secret x' })).toBe(
      'values: "nota": found no such column of public.orders, allowed: customer_id, note',
    );
    expect(await refused({ id: '31' })).toMatch(/"id": found a column of the key/);
    expect(await refused({ customer_id: 'secret x' })).toBe('values: "customer_id": found a text that is no integer');
    expect(await refused({ customer_id: null })).toMatch(/NOT NULL/);
    expect(await world.contents()).toEqual(before);
    expect(await queue(`id = ${reviewId}`)).toMatchObject([{ status: 'PENDING', resolution_run_id: null }]);
    const [last] = await world.target.query(
      `select r.status, r.error_code, d.accepted, d.approver, d.refusal from trueup.run r join trueup.decision d using (run_id)
        where r.kind = 'review' order by r.started_at desc limit 1`,
    );
    expect(last).toMatchObject({ status: 'failed', error_code: 'REVIEW_REFUSED', accepted: 'f', approver: 'ada' });
    expect(last?.['refusal']).toMatch(/NOT NULL/);
  });

  it('refuses a second resolution with who resolved it and when, one that is unknown, and one that has changed', async () => {
    await compare();
    const id = await idOf('field_mismatch');
    const asOf = new Date(Date.now() - 60_000).toISOString();
    const message = { reviewId: id, resolution: 'KEEP_TARGET', ...ada };
    expect((await refusalOf(resolve({ ...message, asOf }))).message).toMatch(/it has changed since/);
    await resolved(message);
    const second = await refusalOf(resolve({ ...message, resolution: 'APPLY_SOURCE', reviewer: 'bo' }));
    expect(second).toMatchObject({ type: 'REVIEW_REFUSED' });
    expect(second.message).toMatch(
      new RegExp(`^entry ${id}: already resolved: KEEP_TARGET by ada at 20.*Z \\(run review-`),
    );
    expect((await refusalOf(resolve({ ...message, reviewId: '999999' }))).message).toMatch(
      /entry 999999: there is none/,
    );
    expect(
      (await refusalOf(resolve({ ...message, reviewId: undefined, filter: { table: 'nothing' } }))).message,
    ).toMatch(/no open entry/);
  });

  it('resolves all or none of the entries that are named, and by filter those that it holds', async () => {
    await compare();
    const ids = [await idOf('field_mismatch'), '999999'];
    await refusalOf(resolve({ reviewIds: ids, resolution: 'APPLY_SOURCE', ...ada }));
    expect(await queue(`status = 'PENDING' and resolution_run_id is null`)).toHaveLength(5);
    const recorded = await resolved({
      filter: { table: 'orders', type: 'missing_in_target' },
      resolution: 'APPLY_SOURCE',
      ...ada,
    });
    expect(recorded).toMatchObject({ reviews: 2, leftOut: 0 });
    expect(await order(7)).toEqual(await order(7, 'source'));
    expect(await queue(`status = 'PENDING'`)).toHaveLength(3);
  });

  it('deletes no extra row that an incomplete comparison saw', async () => {
    await compare();
    await world.target.query('update trueup.manual_review_queue set complete = false');
    const id = await idOf('extra_in_target');
    expect((await refusalOf(resolve({ reviewId: id, resolution: 'APPLY_SOURCE', ...ada }))).message).toMatch(
      /did not come to its end/,
    );
    expect(await resolved({ filter: {}, resolution: 'APPLY_SOURCE', ...ada })).toMatchObject({
      reviews: 4,
      leftOut: 1,
    });
    expect(await order(900)).toBeDefined();
  });

  it('deletes what goes with a row once that was read, and nothing beside; undo gives all of it back', async () => {
    await world.target.query(
      `alter table orders drop constraint orders_customer_id_fkey,
         add foreign key (customer_id) references customers on delete cascade;
       insert into customers values (99, 'secret extra'); insert into orders values (990, 99, 'secret extra')`,
    );
    await compare();
    const id = await idOf('extra_in_target', 'customers');
    const before = await world.contents();
    const message = { reviewId: id, resolution: 'APPLY_SOURCE', ...ada };
    const unread = await refusalOf(resolve(message));
    const said =
      /^deleting would make the database delete 1 row\(s\) of public\.orders, .* of customers: `trueup plan (\S+)`.* planDigest ([0-9a-f]{64})$/;
    const [, runId = '', planDigest = ''] = said.exec(unread.message) ?? [];
    expect({ type: unread.type, runId }).toEqual({
      type: 'REVIEW_REFUSED',
      runId: expect.stringMatching(/^review-/) as string,
    });
    expect(
      await world.target.query(
        `select p.seq, p.table_name, p.record_key ->> 'id' as id, p.effect_of, r.status, r.plan_digest
           from trueup.plan_item p join trueup.run r using (run_id) where p.run_id = $1 order by p.seq`,
        [runId],
      ),
    ).toEqual([
      { seq: '1', table_name: 'public.orders', id: '990', effect_of: '2', status: 'failed', plan_digest: planDigest },
      { seq: '2', table_name: 'customers', id: '99', effect_of: null, status: 'failed', plan_digest: planDigest },
    ]);
    expect(await queue(`id = ${id}`)).toMatchObject([{ status: 'PENDING', resolution: null, resolution_run_id: null }]);
    expect(await world.contents()).toEqual(before);

    // What was read is what is done: with one more row, it is another plan.
    await world.target.query(`insert into orders values (991, 99, 'secret later')`);
    expect((await refusalOf(resolve({ ...message, planDigest }))).message).toMatch(
      /^planDigest: found .* the plan has/,
    );
    await world.target.query('delete from orders where id = 991');
    const done = await resolved({ ...message, planDigest });
    expect(done).toMatchObject({ reviews: 1, corrections: 2, planDigest });
    expect(await world.target.query('select id from orders where id in (900, 990) order by 1')).toEqual([
      { id: '900' },
    ]);
    expect(await queue(`id = ${id}`)).toMatchObject([{ status: 'REVIEWED', resolution_run_id: done.runId }]);
    expect(
      await world.target.query(
        `select count(*) as n, count(distinct b.seq) as images from trueup.correction_log c join trueup.before_image b using (run_id, seq)
          where c.run_id = $1 and c.status = 'SUCCESS' and c.approver = 'ada'`,
        [done.runId],
      ),
    ).toEqual([{ n: '2', images: '2' }]);
    const ledger = await world.resources.ledger();
    const problems: unknown[] = [];
    for (const audited of [done.runId, runId]) {
      await auditRun(ledger, audited, {
        head: null,
        target: (connection) => world.resources.database(connection, 'target'),
        onProblem: async (problem) => void problems.push(problem),
      });
    }
    expect(problems).toEqual([]);
    await undo(done.runId);
    expect(await world.contents()).toEqual(before);
  });

  it('takes a second resolution, with the plan read, in the workflow that refused the first', async () => {
    await world.target.query(
      `alter table orders drop constraint orders_customer_id_fkey, alter customer_id drop not null,
         add foreign key (customer_id) references customers on delete set null;
       insert into customers values (99, 'secret extra'); update orders set customer_id = 99 where id = 30`,
    );
    await compare();
    const waiting = await client.workflow.start<(input: object) => Promise<ReconcileResult>>('resolveReviews', {
      taskQueue: world.taskQueue,
      workflowId: nextId(),
      args: [{ wait: '30s' }],
    });
    const message = { filter: { type: 'extra_in_target' }, resolution: 'APPLY_SOURCE', ...ada };
    const update = (more: object = {}) =>
      waiting.executeUpdate<RecordedResolution, [object]>('resolveReview', { args: [{ ...message, ...more }] });
    const unread = await refusalOf(update());
    const planDigest = /[0-9a-f]{64}$/.exec(unread.message)?.[0];
    expect(unread.message).toMatch(/update 1 row\(s\) of orders, which refer to rows of customers/);
    expect(await update({ planDigest })).toMatchObject({ reviews: 2, corrections: 3, planDigest });
    expect(await waiting.result()).toMatchObject({ status: 'applied' });
    expect(await order(30)).toMatchObject({ customer_id: null });
    expect(await world.decisions(waiting.workflowId)).toMatchObject([{ accepted: 'f' }, { accepted: 't' }]);
  });

  it('turns away what is malformed, before anything is recorded', async () => {
    const bad = [
      {},
      'all',
      { reviewId: 1, filter: {}, resolution: 'KEEP_TARGET', ...ada },
      { reviewId: 1, resolution: 'KEEP', ...ada },
      { reviewId: 1, resolution: 'KEEP_TARGET' },
      { filter: { tabel: 'x' }, resolution: 'KEEP_TARGET', ...ada },
      { reviewId: 1, resolution: 'CUSTOM_FIX', ...ada, values: { amount: 5 } },
      { reviewId: 1, resolution: 'APPLY_SOURCE', ...ada, values: { amount: '5' } },
    ];
    for (const message of bad) {
      expect(await refusalOf(resolve(message as object))).toMatchObject({ type: 'INPUT_INVALID' });
    }
  });

  it('can be resolved with the temporal command line: by input, and by an update of a workflow that waits', async () => {
    await compare();
    const id = await idOf('missing_in_target');
    const input = JSON.stringify({ reviewId: Number(id), resolution: 'APPLY_SOURCE', reviewer: 'ada' });
    const start = (workflowId: string, text: string) =>
      temporalCli([
        'workflow',
        'start',
        '--type',
        'resolveReviews',
        '--task-queue',
        'review',
        '-w',
        workflowId,
        '--input',
        text,
      ]);
    const byInput = nextId();
    expect(await start(byInput, input)).toMatchObject({ code: 0 });
    expect(await client.workflow.getHandle(byInput).result()).toMatchObject({ status: 'applied' });
    expect(await queue(`id = ${id}`)).toMatchObject([{ status: 'REVIEWED', resolution: 'APPLY_SOURCE' }]);

    const waiting = nextId();
    await start(waiting, '{}');
    const update = (text: string) =>
      temporalCli(['workflow', 'update', 'execute', '-w', waiting, '--name', 'resolveReview', '--input', text]);
    const wrong = await update(input);
    expect(wrong.code).not.toBe(0);
    expect(wrong.stderr + wrong.stdout).toMatch(/already resolved: APPLY_SOURCE by ada/);
    const right = await update(
      JSON.stringify({ filter: { table: 'customers' }, resolution: 'APPLY_SOURCE', reviewer: 'bo', notes: 'ok' }),
    );
    expect(right.stdout).toMatch(/APPLY_SOURCE/);
    expect(await client.workflow.getHandle(waiting).result()).toMatchObject({ status: 'applied' });
    expect(await world.decisions(waiting)).toMatchObject([
      { decision_no: '1', accepted: 'f' },
      { decision_no: '2', accepted: 't', approver: 'bo' },
    ]);
  });

  it('opens the entries again that a terminated workflow had taken', async () => {
    await compare();
    const id = await idOf('field_mismatch');
    await world.target.query('begin; lock table trueup.before_image in access exclusive mode');
    const { handle } = await resolve({ reviewId: id, resolution: 'APPLY_SOURCE', ...ada });
    const held = await refusalOf(resolve({ reviewId: id, resolution: 'KEEP_TARGET', reviewer: 'bo' }));
    expect(held.message).toMatch(/being resolved: APPLY_SOURCE by ada/);
    await handle.terminate('test');
    const other = resolved({ reviewId: id, resolution: 'KEEP_TARGET', reviewer: 'bo' });
    expect(await other).toMatchObject({ reviews: 1 });
    await world.target.query('rollback');
    expect(await queue(`id = ${id}`)).toMatchObject([
      { status: 'REVIEWED', resolution: 'KEEP_TARGET', reviewer: 'bo' },
    ]);
  });
});

async function contentsOfSource(): Promise<TextRow[]> {
  return world.source.query(
    `select 'orders' as name, o::text as row from orders o union all select 'customers', c::text from customers c order by 1, 2`,
  );
}
