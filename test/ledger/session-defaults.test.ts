import { migrate } from '../../ledger/migrate';
import { openLedger } from '../../ledger/open';
import { beginChunk, finishChunk } from '../../ledger/chunk';
import { insertLateDecision } from '../../ledger/decision';
import { insertRun } from '../../ledger/run';
import { quoteIdentifier } from '../../database/identifier';
import { chunksCutAt, comparisonOf, newRun, TestLedger } from '../support/ledger';

describe('a ledger on a database with other defaults', () => {
  let on: TestLedger;
  beforeAll(async () => {
    on = await TestLedger.create('ledger_defaults');
    for (const setting of [
      `default_transaction_isolation = 'serializable'`,
      `timezone = 'Asia/Kathmandu'`,
      `datestyle = 'German'`,
    ]) {
      await on.test.query(`alter database ${quoteIdentifier(on.test.name)} set ${setting}`);
    }
  });
  afterAll(() => on.drop());

  it('takes runs, decisions, chunks and migrations that come at once, as on any other', async () => {
    // Sessions that begin with the new defaults.
    const ledger = openLedger({ url: on.test.url, schema: 'trueup', name: 'ledger', maxConnections: 10 });
    try {
      const many = Array.from({ length: 8 }, (_, i) => i);
      await Promise.all(many.map(() => migrate(ledger, 'other', 'ledger')));
      const ids = await Promise.all(many.map((i) => insertRun(ledger, newRun('many', `execution-${i}`))));
      expect([...ids].sort()).toEqual(['many', ...[2, 3, 4, 5, 6, 7, 8].map((n) => `many.${n}`)]);
      const late = { decision: 'approve', approver: null, planDigest: null, reason: null };
      await Promise.all(many.map((i) => insertLateDecision(ledger, 'many', { ...late, refusal: `late ${i}` })));
      const runId = await on.run([comparisonOf('t')]);
      await on.planned(runId, 't', chunksCutAt(...many.slice(1).map(String)));
      const compare = async (no: number) => {
        const chunk = await beginChunk(ledger, runId, 't', no, no + 1);
        return chunk && finishChunk(ledger, runId, 't', chunk, { rowsSource: 1, rowsTarget: 1, differing: 0 });
      };
      expect(await Promise.all(many.map(compare))).toEqual(many.map(() => true));
    } finally {
      await ledger.close();
    }
  });
});
