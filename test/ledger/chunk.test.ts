import { beginChunk, failChunks, finishChunk, listFailedChunks, replaceChunks, totalChunks } from '../../ledger/chunk';
import { comparisonOf, TestLedger } from '../support/ledger';

describe('chunks in the ledger', () => {
  let on: TestLedger;
  beforeAll(async () => {
    on = await TestLedger.create('ledger_chunk');
  });
  afterAll(() => on.drop());

  const at = (no: number, from: string | null, to: string | null) => ({
    no,
    from: from === null ? null : [from],
    to: to === null ? null : [to],
    low: null,
    high: null,
  });

  it('and never begins a finished one again', async () => {
    const runId = await on.runWith([[comparisonOf('t'), []]]);
    await replaceChunks(on.ledger, runId, 't', [at(0, null, '"é\\'), at(1, '"é\\', 'z'), at(2, 'z', null)]);
    const begin = () => beginChunk(on.ledger, runId, 't', 0, 3);
    expect(await begin()).toEqual(at(0, null, '"é\\'));
    expect(await begin()).toEqual(at(0, null, '"é\\'));
    await finishChunk(on.ledger, runId, 't', 0, { rowsSource: 5, rowsTarget: 4, differing: 1 });
    expect(await begin()).toEqual(at(1, '"é\\', 'z'));
    await failChunks(on.ledger, runId, 't', 0, 2, 'STATEMENT_TIMEOUT');
    await finishChunk(on.ledger, runId, 't', 2, { rowsSource: 1, rowsTarget: 1, differing: 0 });
    expect(await totalChunks(on.ledger, runId, 't')).toEqual({ done: 2, rowsSource: 6, rowsTarget: 5, differing: 1 });
    expect(await listFailedChunks(on.ledger, runId, 't')).toEqual([{ no: 1, code: 'STATEMENT_TIMEOUT' }]);
    const attempts = await on.test.query(
      `select chunk_no, attempts from trueup.chunk where run_id = '${runId}' order by 1`,
    );
    expect(attempts.map((row) => row['attempts'])).toEqual(['2', '1', '0']);
  });
});
