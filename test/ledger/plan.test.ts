import { digestPlan } from '../../ledger/plan-digest';
import { countDestruction, leaveOutItems, listUpdatedColumns, requireApproval } from '../../ledger/approval';
import { insertCorrections } from '../../ledger/correction';
import { streamFindings } from '../../ledger/finding';
import { insertPlan, listPlanSteps, nextPlanItems, readPlanLines, streamPlan } from '../../ledger/plan';
import { enterReviews } from '../../ledger/review-queue';
import { collect, comparisonOf, differenceAt, sourceRow, targetRow, TestLedger } from '../support/ledger';

describe('plans in the ledger', () => {
  let on: TestLedger;
  beforeAll(async () => {
    on = await TestLedger.create('ledger_plan');
  });
  afterAll(() => on.drop());

  const planned = async (runId: string) => {
    await insertPlan(on.ledger, runId);
    return collect(streamPlan(on.ledger, runId));
  };
  const digestOf = (runId: string) => digestPlan(on.ledger, runId);
  const some = ['2', '10', '1'].map((id) => differenceAt(id, 'missing'));
  const mixed = [...some, differenceAt('5', 'mismatch'), differenceAt('7', 'extra'), differenceAt('8', 'extra')];

  it('inserts parents first, then updates, then deletes children first', async () => {
    const runId = await on.runWith([
      [comparisonOf('parent'), mixed],
      [comparisonOf('child'), mixed],
    ]);
    const items = await planned(runId);
    expect(items.map(({ table, operation, key }) => `${operation} ${table} ${key['id'] ?? ''}`)).toEqual([
      ...['1', '2', '10'].map((id) => `insert parent ${id}`),
      ...['1', '2', '10'].map((id) => `insert child ${id}`),
      'update parent 5',
      'update child 5',
      'delete child 7',
      'delete child 8',
      'delete parent 7',
      'delete parent 8',
    ]);
    expect(items.map(({ seq }) => seq)).toEqual(items.map((_, i) => String(i + 1)));
    expect(
      (await listPlanSteps(on.ledger, runId)).map(({ table, operation, rows }) => [table, operation, rows]),
    ).toEqual([
      ['parent', 'insert', 3],
      ['child', 'insert', 3],
      ['parent', 'update', 1],
      ['child', 'update', 1],
      ['child', 'delete', 2],
      ['parent', 'delete', 2],
    ]);
  });

  it('what is written, what must be there, and what the source must still hold', async () => {
    const runId = await on.runWith([
      [comparisonOf('t'), [differenceAt('1', 'missing'), differenceAt('2', 'mismatch'), differenceAt('3', 'extra')]],
    ]);
    const [insert, update, remove] = await planned(runId);
    expect(insert).toMatchObject({
      before: null,
      after: { t_id: '1', t_a: 'source 1', t_x: null },
      source: sourceRow('1'),
      checkSource: true,
    });
    expect(Object.keys(insert?.after ?? {}).sort()).toEqual(['t_a', 't_id', 't_x']);
    expect(update).toMatchObject({ before: targetRow('2'), source: { a: 'source 2', g: 'source 2' } });
    expect(update?.after).toEqual({ t_a: 'source 2' });
    expect(remove).toMatchObject({ before: targetRow('3'), after: null, source: null });
  });

  it('no delete for a table that was not compared to its end, and all the rest', async () => {
    const runId = await on.runWith([
      [comparisonOf('whole'), mixed],
      [comparisonOf('torn'), mixed, 'incomplete'],
    ]);
    const items = await planned(runId);
    const count = (table: string, operation: string) =>
      items.filter((item) => item.table === table && item.operation === operation).length;
    expect(
      ['insert', 'update', 'delete'].map((operation) => [count('whole', operation), count('torn', operation)]),
    ).toEqual([
      [3, 3],
      [1, 1],
      [2, 0],
    ]);
  });

  it('no delete for a table whose comparison did not come to an end', async () => {
    for (const status of ['pending', 'running'] as const) {
      const runId = await on.runWith([[comparisonOf('t'), mixed, status]]);
      const operations = (await planned(runId)).map(({ operation }) => operation);
      expect(operations).toEqual(['insert', 'insert', 'insert', 'update']);
    }
  });

  it('the same when two attempts plan at once', async () => {
    const runId = await on.runWith([[comparisonOf('t'), mixed]]);
    const freeze = () => on.ledger.withTransaction('read write', (session) => insertPlan(session, runId));
    await freeze();
    const digest = await digestOf(runId);
    let waiting: Promise<void> | undefined;
    await on.ledger.withTransaction('read write', async (session) => {
      await insertPlan(session, runId);
      waiting = freeze();
      await on.untilWaiting();
    });
    await waiting;
    expect(await digestOf(runId)).toBe(digest);
  });

  it('nothing new once a correction was made', async () => {
    const runId = await on.runWith([[comparisonOf('t'), mixed]]);
    await planned(runId);
    const digest = await digestOf(runId);
    await insertCorrections(on.ledger, runId, null, [{ seq: '1', status: 'SUCCESS', error: null }]);
    await on.test.query('delete from trueup.reconciliation_log where run_id = $1', [runId]);
    await planned(runId);
    expect(await digestOf(runId)).toBe(digest);
  });

  it('only what the policies allow, and queues what a person is to look at, once', async () => {
    const runId = await on.runWith([
      [comparisonOf('t', { missing: 'ignore', mismatched: 'review', extra: 'approve' }), mixed],
    ]);
    await enterReviews(on.ledger, runId);
    await enterReviews(on.ledger, runId);
    const items = await planned(runId);
    expect(items.map(({ operation, needsApproval }) => [operation, needsApproval])).toEqual([
      ['delete', true],
      ['delete', true],
    ]);
    expect(await on.test.query(`select record_key from trueup.manual_review_queue where run_id = '${runId}'`)).toEqual([
      { record_key: '{"id": "5"}' },
    ]);
    const resolutions = (await collect(streamFindings(on.ledger, runId))).map(
      ({ type, resolution }) => `${type} ${resolution}`,
    );
    expect(new Set(resolutions)).toEqual(
      new Set(['missing_in_target OPEN', 'field_mismatch IN_REVIEW', 'extra_in_target OPEN']),
    );
  });

  it('no update where only a generated column differs', async () => {
    const runId = await on.runWith([[comparisonOf('t'), [differenceAt('1', 'generated')]]]);
    expect(await planned(runId)).toEqual([]);
  });

  it('more than a page, in order', async () => {
    const many = Array.from({ length: 2_100 }, (_, i) => differenceAt(String(i), 'missing'));
    const runId = await on.runWith([[comparisonOf('t'), many]]);
    const items = await planned(runId);
    expect(items.map(({ key }) => key['id'])).toEqual(many.map(({ key }) => key['id']));
    expect(items.map(({ seq }) => seq)).toEqual(many.map((_, i) => String(i + 1)));
    expect(await readPlanLines(on.ledger, runId)).toEqual([
      { table: 't', operation: 'insert', rows: 2_100, needsApproval: false },
    ]);
  });

  describe('approved in part', () => {
    const asked = { missing: 'auto', mismatched: 'approve', extra: 'approve' } as const;
    const linesOf = async (runId: string) =>
      (await readPlanLines(on.ledger, runId)).map(({ table, operation, rows, leftOut }) => [
        table,
        operation,
        rows,
        leftOut ?? 0,
      ]);
    const itemsOf = async (runId: string) => {
      const steps = await listPlanSteps(on.ledger, runId);
      const items = await Promise.all(steps.map(({ step }) => nextPlanItems(on.ledger, runId, step, '0', 100)));
      return items.flat().map(({ table, operation }) => `${operation} ${table}`);
    };
    const frozen = async () => {
      const runId = await on.runWith([
        [comparisonOf('parent', asked), mixed],
        [comparisonOf('child', asked), mixed],
      ]);
      await planned(runId);
      return runId;
    };

    it('gives only that part and what needs no approval to whoever applies; the digest stays', async () => {
      const runId = await frozen();
      const digest = await digestOf(runId);
      const scope = { tables: ['child'], operations: ['delete' as const] };
      expect(await leaveOutItems(on.ledger, runId, scope)).toBe(4);
      expect(await leaveOutItems(on.ledger, runId, scope)).toBe(4);
      expect(await itemsOf(runId)).toEqual([
        ...Array<string>(3).fill('insert parent'),
        ...Array<string>(3).fill('insert child'),
        'delete child',
        'delete child',
      ]);
      expect(await linesOf(runId)).toEqual([
        ['parent', 'insert', 3, 0],
        ['child', 'insert', 3, 0],
        ['parent', 'update', 1, 1],
        ['child', 'update', 1, 1],
        ['child', 'delete', 2, 0],
        ['parent', 'delete', 2, 2],
      ]);
      expect(await digestOf(runId)).toBe(digest);
      const left = (await collect(streamPlan(on.ledger, runId))).filter(({ leftOut }) => leftOut);
      expect(left.map(({ table, operation }) => `${operation} ${table}`)).toEqual([
        'update parent',
        'update child',
        'delete parent',
        'delete parent',
      ]);
    });

    it.each([
      [{ tables: null, operations: null }, 0],
      [{ tables: ['parent'], operations: null }, 3],
      [{ tables: null, operations: ['update' as const] }, 4],
      [{ tables: ['nothing'], operations: null }, 6],
      [{ tables: [], operations: null }, 6],
    ])('%j leaves %s corrections out', async (scope, expected) => {
      const runId = await frozen();
      expect(await leaveOutItems(on.ledger, runId, scope)).toBe(expected);
      expect((await itemsOf(runId)).length).toBe(12 - expected);
    });
  });

  it('counts what it deletes or overwrites, and can be made to ask for exactly that', async () => {
    const runId = await on.runWith([
      [comparisonOf('t'), mixed],
      [comparisonOf('u'), some],
      [comparisonOf('v'), [differenceAt('1', 'mismatch')]],
    ]);
    await planned(runId);
    await on.test.query(
      `update trueup.run_table set rows_target = 77, rows_source = 5 where run_id = $1 and table_name = 't'`,
      [runId],
    );
    await on.test.query(`update trueup.plan_item set table_name = 'out' where run_id = $1 and table_name = 'v'`, [
      runId,
    ]);
    expect(await countDestruction(on.ledger, runId)).toEqual([
      { table: 'out', changes: 1, deletes: 0, source: null, target: null },
      { table: 't', changes: 3, deletes: 2, source: 5, target: 77 },
    ]);
    expect(await listUpdatedColumns(on.ledger, runId, 't')).toEqual(['t_a']);
    await requireApproval(on.ledger, runId, ['t']);
    const lines = await readPlanLines(on.ledger, runId);
    expect(lines.map(({ table, operation, needsApproval }) => [table, operation, needsApproval])).toEqual([
      ['t', 'insert', false],
      ['u', 'insert', false],
      ['t', 'update', true],
      ['out', 'update', false],
      ['t', 'delete', true],
    ]);
  });

  describe('with a digest', () => {
    it('that is the same for the same findings, in whatever order they came, and when planned again', async () => {
      const one = await on.runWith([[comparisonOf('t'), mixed]]);
      const other = await on.runWith([[comparisonOf('t'), [...mixed].reverse()]]);
      await planned(one);
      await planned(other);
      const digest = await digestOf(one);
      expect(digest).toMatch(/^[0-9a-f]{64}$/);
      expect(await digestOf(other)).toBe(digest);
      await planned(one);
      expect(await digestOf(one)).toBe(digest);
    });

    it.each([
      ['a value to write', `after_data = after_data || '{"t_a": "other"}'`],
      ['a value of NULL', `after_data = after_data || '{"t_a": null}'`],
      ['a column to write', `after_data = after_data || '{"t_z": null}'`],
      ['a value to be overwritten', `before_data = '{"t_id": "1"}'`],
      ['a value of the source', `source_data = source_data || '{"a": "other"}'`],
      ['a row', `record_key = '{"id": "99"}'`],
      ['a table', `table_name = 'u'`],
      ['an operation', `operation = 'update'`],
      ['whether it needs approval', `needs_approval = true`],
      ['whether the source is checked', `check_source = false`],
      ['the order', `seq = 1000`],
    ])('that is another one when somebody changes %s', async (_name, change) => {
      const runId = await on.runWith([[comparisonOf('t'), mixed]]);
      await planned(runId);
      const before = await digestOf(runId);
      await on.test.query(`update trueup.plan_item set ${change} where run_id = '${runId}' and seq = 1`);
      expect(await digestOf(runId)).not.toBe(before);
    });
  });
});
