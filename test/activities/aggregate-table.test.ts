import { aggregateTable } from '../../activities/compare';
import { failChunks, insertChunks } from '../../ledger/chunk';
import { chunksCutAt } from '../support/ledger';
import { OneTable } from '../support/one-table';

describe('aggregating a table', () => {
  let one: OneTable;
  beforeAll(async () => {
    one = await OneTable.create('aggregate_table');
  });
  afterAll(() => one.drop());

  it('counts every chunk that was not compared, and names the first of them', async () => {
    const { runId } = await one.open('failed');
    const ledger = await one.resources.ledger();
    const cuts = Array.from({ length: 1_499 }, (_, i) => String(i));
    await ledger.withTransaction('read write', (session) => insertChunks(session, runId, 't', chunksCutAt(...cuts)));
    await failChunks(ledger, runId, 't', 0, 1_500, 'STATEMENT_TIMEOUT');
    const { status, notes, chunksDone } = await aggregateTable(one.resources, { runId, table: 't' });
    expect({ status, chunksDone }).toEqual({ status: 'incomplete', chunksDone: 0 });
    expect(notes.join()).toMatch(
      /^1500 of 1500 chunks were not compared \(STATEMENT_TIMEOUT\): chunks 0, 1, .*, 19 and 1480 more;/,
    );
  });
});
