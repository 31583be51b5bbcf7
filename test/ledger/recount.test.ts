import type { Difference } from '../../contracts/difference';
import { keyDigest } from '../../engine/key';
import { closeCandidates, insertCandidates, nextCandidates } from '../../ledger/candidate';
import { finishChunk } from '../../ledger/chunk';
import { insertSettledFindings } from '../../ledger/finding';
import { insertPlan } from '../../ledger/plan';
import { closeRecount, listOpenCountedChunks, recordCounts } from '../../ledger/recount';
import { comparisonOf, TestLedger } from '../support/ledger';

const counted = (value: string, source: number, target: number): Difference => ({
  keyDigest: keyDigest([null, value]),
  key: { id: null, a: value },
  type: source > target ? 'missing_in_target' : 'extra_in_target',
  source: source > 0 ? { id: null, a: value } : null,
  target: target > 0 ? { t_id: null, t_a: value } : null,
  digests: { source: null, target: null },
  differences: [],
  counts: { source, target },
});

describe('counting equal rows again', () => {
  let on: TestLedger;
  beforeAll(async () => {
    on = await TestLedger.create('recount');
  });
  afterAll(() => on.drop());

  async function compared(differences: readonly Difference[]) {
    const runId = await on.run([comparisonOf('t')]);
    await on.planned(runId, 't', [
      { no: 0, kind: 'nulls', from: null, to: null, low: null, high: null, slices: 128 },
      { no: 1, kind: 'buckets', from: null, to: null, low: null, high: null, slices: 64 },
    ]);
    const chunk = await on.begun(runId, 't');
    expect(chunk).toMatchObject({ kind: 'nulls', slices: 128 });
    await insertCandidates(on.ledger, runId, 't', chunk, differences);
    await finishChunk(on.ledger, runId, 't', chunk, { rowsSource: 9, rowsTarget: 9, differing: differences.length });
    return runId;
  }
  const states = (runId: string) =>
    on.ledger
      .query<{ line: string }>(
        `select record_key ->> 'a' || ' ' || state || ' ' || (counts ->> 'source') || ':' || (counts ->> 'target') ||
                case when moving then ' moving' else '' end as line
           from candidate where run_id = $1 order by 1`,
        [runId],
      )
      .then(({ rows }) => rows.map(({ line }) => line));

  it('is for chunks with open candidates, which are not read by key', async () => {
    const runId = await compared([counted('x', 3, 1)]);
    expect(await nextCandidates(on.ledger, runId, 't', 1, 10)).toEqual([]);
    expect(await listOpenCountedChunks(on.ledger, runId, 't')).toEqual([
      { no: 0, kind: 'nulls', from: null, to: null, low: null, high: null, slices: 128 },
    ]);
    await closeRecount(on.ledger, runId, 't', 0, 1);
    expect(await listOpenCountedChunks(on.ledger, runId, 't')).toEqual([]);
  });

  it('keeps what holds still, follows what moves, and lets go of what healed', async () => {
    const runId = await compared([counted('healed', 1, 0), counted('moves', 3, 1), counted('still', 0, 2)]);
    await recordCounts(on.ledger, runId, 't', 1, [
      counted('moves', 1, 4),
      counted('still', 0, 2),
      counted('new', 1, 0),
    ]);
    expect(await states(runId)).toEqual(['healed open 1:0', 'moves open 1:4 moving', 'still open 0:2']);
    await closeRecount(on.ledger, runId, 't', 0, 1);
    expect(await states(runId)).toEqual(['healed transient 1:0', 'moves open 1:4 moving', 'still open 0:2']);
    expect(await closeCandidates(on.ledger, runId, 't')).toEqual({ settled: 1, transient: 1, unsettled: 1 });
  });

  it('tried again goes on where it stopped: the first reading of an attempt stands', async () => {
    const runId = await compared([counted('late', 2, 0), counted('read', 3, 1)]);
    await recordCounts(on.ledger, runId, 't', 1, [counted('read', 3, 2)]);
    await recordCounts(on.ledger, runId, 't', 1, [counted('read', 3, 2), counted('late', 2, 0)]);
    await closeRecount(on.ledger, runId, 't', 0, 1);
    expect(await states(runId)).toEqual(['late open 2:0', 'read open 3:2 moving']);
    await recordCounts(on.ledger, runId, 't', 2, [counted('read', 3, 2), counted('late', 2, 0)]);
    await closeRecount(on.ledger, runId, 't', 0, 2);
    expect(await closeCandidates(on.ledger, runId, 't')).toEqual({ settled: 2, transient: 0, unsettled: 0 });
  });

  it('makes findings that say the numbers, and no corrections', async () => {
    const runId = await compared([counted('x', 3, 1), counted('y', 1, 0), counted('z', 0, 1)]);
    await closeCandidates(on.ledger, runId, 't');
    await insertSettledFindings(on.ledger, runId, 't');
    const { rows } = await on.ledger.query<{ detail: string }>(
      'select detail from reconciliation_log where run_id = $1 order by 1',
      [runId],
    );
    expect(rows.map(({ detail }) => detail)).toEqual([
      '0 equal rows in the source, 1 in the target',
      '1 row in the source, 0 in the target',
      '3 equal rows in the source, 1 in the target',
    ]);
    await on.ledger.withTransaction('read write', (session) => insertPlan(session, runId));
    expect((await on.ledger.query('select 1 from plan_item where run_id = $1', [runId])).rows).toEqual([]);
  });
});
