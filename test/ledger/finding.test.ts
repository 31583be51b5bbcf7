import type { Finding } from '../../contracts/finding';
import { streamFindings } from '../../ledger/finding';
import { collect, comparisonOf, differenceAt, TestLedger } from '../support/ledger';

describe('findings in the ledger', () => {
  let on: TestLedger;
  beforeAll(async () => {
    on = await TestLedger.create('ledger_finding');
  });
  afterAll(() => on.drop());

  it('of more than a page, each once, in a fixed order, by table and type', async () => {
    const many = Array.from({ length: 2_345 }, (_, i) => differenceAt(String(i), i % 3 === 0 ? 'extra' : 'missing'));
    const runId = await on.runWith([
      [comparisonOf('ä "t"'), many],
      [comparisonOf('B'), many.slice(0, 1_000)],
    ]);
    const all = await collect(streamFindings(on.ledger, runId));
    expect(all).toHaveLength(3_345);
    expect(new Set(all.map(({ table, key }) => JSON.stringify([table, key]))).size).toBe(3_345);
    expect(await collect(streamFindings(on.ledger, runId))).toEqual(all);
    expect(await collect(streamFindings(on.ledger, runId, { table: 'B' }))).toEqual(
      all.filter(({ table }) => table === 'B'),
    );
    const extra = await collect(streamFindings(on.ledger, runId, { type: 'extra_in_target' }));
    expect(extra).toEqual(all.filter(({ type }) => type === 'extra_in_target'));
  });

  it('with exact values, names of the source, and how bad it is', async () => {
    const exact = 'é"\\\n{}😀 9007199254740993.10';
    const runId = await on.runWith([[comparisonOf('t', undefined, true), [differenceAt('1', 'mismatch', exact)]]]);
    const [finding] = await collect(streamFindings(on.ledger, runId));
    expect(finding).toEqual<Finding>({
      table: 't',
      type: 'field_mismatch',
      severity: 'critical',
      resolution: 'OPEN',
      key: { id: '1' },
      columns: [
        { name: 'a', source: exact, target: 'target 1' },
        { name: 'g', source: exact, target: 'target 1' },
      ],
      detail: null,
    });
  });
});
