import type { TableStatus } from '../../contracts/run';
import { driftPercentage, enterDrift, listDrift } from '../../ledger/drift';
import { endTable } from '../../ledger/run';
import { comparisonOf, differenceAt, TestLedger } from '../support/ledger';

describe('the drift of a table', () => {
  let on: TestLedger;
  beforeAll(async () => {
    on = await TestLedger.create('ledger_drift');
  });
  afterAll(() => on.drop());

  const two = [differenceAt('1', 'missing'), differenceAt('2', 'mismatch')];
  const compared = async (table: string, status: TableStatus, rowsSource: number, unsettled = 0) => {
    const runId = await on.runWith([[comparisonOf(table), two]]);
    const end = { status, rowsSource, rowsTarget: 0, transient: 0, unsettled, notes: [] };
    await endTable(on.ledger, runId, table, end);
    return runId;
  };
  const driftOf = async (table: string) => (await listDrift(on.ledger)).find((drift) => drift.table === table);

  it('counts the rows that differ, those that still moved too, and none that is kept', async () => {
    const runId = await compared('t', 'inconsistent', 50, 3);
    await enterDrift(on.ledger, runId, 't');
    expect(await driftOf('t')).toEqual({ table: 't', runId, differingRows: 5, sourceRows: 50 });
    await on.ledger.query(
      `update reconciliation_log set resolution = 'KEPT_TARGET' where run_id = $1 and record_key ->> 'id' = '2'`,
      [runId],
    );
    await enterDrift(on.ledger, runId, 't');
    expect(await driftOf('t')).toMatchObject({ differingRows: 4 });
  });

  it('counts of rows that are equal how many are too few or too many', async () => {
    const runId = await compared('equal', 'inconsistent', 50);
    await on.ledger.query(
      `update reconciliation_log set counts = '{"source": 2, "target": 7}' where run_id = $1 and record_key ->> 'id' = '1'`,
      [runId],
    );
    await enterDrift(on.ledger, runId, 'equal');
    expect(await driftOf('equal')).toMatchObject({ differingRows: 6 });
  });

  it('is that of the last comparison of all rows that came to its end', async () => {
    const whole = await compared('u', 'inconsistent', 50);
    await enterDrift(on.ledger, whole, 'u');
    await enterDrift(on.ledger, await compared('u', 'incomplete', 10), 'u');
    const sample = await compared('u', 'inconsistent', 10);
    await on.ledger.query(`update run set mode = 'sample' where run_id = $1`, [sample]);
    await enterDrift(on.ledger, sample, 'u');
    expect(await driftOf('u')).toMatchObject({ runId: whole });
    // An incremental run compares all rows where it has no watermark yet.
    const first = await compared('u', 'inconsistent', 30);
    await on.ledger.query(`update run set mode = 'incremental' where run_id = $1`, [first]);
    for (const [rows, runId] of [
      ['changed', whole],
      ['all', first],
    ] as const) {
      await on.ledger.query('update run_table set rows_compared = $2 where run_id = $1', [first, rows]);
      await enterDrift(on.ledger, first, 'u');
      expect(await driftOf('u')).toMatchObject({ runId });
    }
    const later = await compared('u', 'inconsistent', 40);
    await enterDrift(on.ledger, later, 'u');
    expect(await driftOf('u')).toMatchObject({ runId: later, sourceRows: 40 });
  });

  it.each([
    [0, 0, 0],
    [1, 0, 100],
    [900, 0, 100],
    [0, 8, 0],
    [1, 8, 12.5],
    [8, 8, 100],
    [20, 8, 250],
  ])('%i rows that differ of %i of the source are %f %%', (differingRows, sourceRows, percentage) => {
    expect(driftPercentage({ differingRows, sourceRows })).toBe(percentage);
  });
});
