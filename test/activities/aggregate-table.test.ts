import { aggregateTable } from '../../activities/aggregate';
import { compareChunks } from '../../activities/compare';
import { failChunks, insertChunks } from '../../ledger/chunk';
import { readRunReport } from '../../ledger/report';
import { chunksCutAt } from '../support/ledger';
import { OneTable } from '../support/one-table';

const CONTEXT = { signal: new AbortController().signal, report: () => undefined };

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

  it.each(['native-14', 'native-18', 'portable'] as const)('says that rows were hashed by %s', async (hash) => {
    const { runId } = await one.open(`hashed-${hash}`);
    const ledger = await one.resources.ledger();
    await ledger.query(
      `update run_table set comparison = comparison || jsonb_build_object('hash', $2::text)
      where run_id = $1`,
      [runId, hash],
    );
    await ledger.withTransaction('read write', (session) => insertChunks(session, runId, 't', chunksCutAt()));
    await compareChunks(one.resources, { runId, table: 't', from: 0, until: 1 }, CONTEXT);
    const summary = await aggregateTable(one.resources, { runId, table: 't' });
    const notes = hash === 'portable' ? [expect.stringMatching(/^hashed by SHA-256 of the values' text/)] : [];
    expect(summary).toMatchObject({ status: 'consistent', hash, notes });
    expect((await readRunReport(ledger, runId))?.tables).toMatchObject([{ ...summary, phase: 'done' }]);
  });
});
