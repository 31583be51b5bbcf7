import type { Candidate, Difference, Reading } from '../../contracts/difference';
import {
  closeCandidates,
  countOpenCandidates,
  deleteCandidates,
  insertCandidates,
  nextCandidates,
  recordReadings,
} from '../../ledger/candidate';
import { beginChunk, failChunks, finishChunk } from '../../ledger/chunk';
import { countFindings, insertSettledFindings, streamFindings } from '../../ledger/finding';
import { chunksCutAt, collect, comparisonOf, differenceAt, TestLedger } from '../support/ledger';

const seen = ({ keyDigest, key, type, digests }: Difference): Candidate => ({ keyDigest, key, type, digests });
const healed = ({ keyDigest, key }: Difference): Reading => ({ keyDigest, key, state: 'healed' });
const still = ({ keyDigest, key, type }: Difference): Reading => ({ keyDigest, key, type, state: 'still' });
const moving = (difference: Difference): Reading => {
  const { keyDigest, key } = difference;
  return { keyDigest, key, state: 'moving', difference };
};

describe('candidates in the ledger', () => {
  let on: TestLedger;
  beforeAll(async () => {
    on = await TestLedger.create('ledger_candidate');
  });
  afterAll(() => on.drop());

  const runOf = async () => {
    const runId = await on.run([comparisonOf('t')]);
    await on.planned(runId, 't', chunksCutAt('5'));
    return { runId, chunk: await on.begun(runId, 't') };
  };
  const states = (runId: string) => closeCandidates(on.ledger, runId, 't');
  const names = async (runId: string) =>
    (await nextCandidates(on.ledger, runId, 't', 1, 10)).map(({ key, type }) => `${key['id'] ?? ''} ${type}`).sort();

  it('count a reading once, also when it is recorded twice', async () => {
    const { runId, chunk } = await runOf();
    const [heals, holds, moves] = [
      differenceAt('1', 'missing'),
      differenceAt('2', 'extra'),
      differenceAt('3', 'mismatch'),
    ];
    await insertCandidates(on.ledger, runId, 't', chunk, [heals, holds, moves]);
    const found = await nextCandidates(on.ledger, runId, 't', 1, 10);
    expect([...found].sort((a, b) => (a.key['id'] ?? '').localeCompare(b.key['id'] ?? ''))).toEqual(
      [heals, holds, moves].map((difference) => ({ ...seen(difference), moving: false })),
    );
    const moved = differenceAt('3', 'missing', 'moved');
    const readings = [healed(heals), still(holds), moving(moved)];
    await recordReadings(on.ledger, runId, 't', 1, readings);
    await recordReadings(on.ledger, runId, 't', 1, readings);
    expect(await nextCandidates(on.ledger, runId, 't', 1, 10)).toEqual([]);
    expect(await countOpenCandidates(on.ledger, runId, 't')).toBe(2);
    expect((await nextCandidates(on.ledger, runId, 't', 2, 10)).find(({ key }) => key['id'] === '3')).toEqual({
      ...seen(moved),
      moving: true,
    });
    expect(await states(runId)).toEqual({ settled: 1, transient: 1, unsettled: 1 });
    expect(await states(runId)).toEqual({ settled: 1, transient: 1, unsettled: 1 });
    await insertSettledFindings(on.ledger, runId, 't');
    await insertSettledFindings(on.ledger, runId, 't');
    expect(await countFindings(on.ledger, runId, 't')).toEqual({ extra_in_target: 1 });
  });

  it('settle by the last reading: what moved and then held still is a finding as it is now', async () => {
    const { runId, chunk } = await runOf();
    const [before, after] = [differenceAt('1', 'missing', 'old'), differenceAt('1', 'mismatch', 'new')];
    await insertCandidates(on.ledger, runId, 't', chunk, [before]);
    await recordReadings(on.ledger, runId, 't', 1, [moving(after)]);
    await recordReadings(on.ledger, runId, 't', 2, [still(after)]);
    expect(await states(runId)).toEqual({ settled: 1, transient: 0, unsettled: 0 });
    await insertSettledFindings(on.ledger, runId, 't');
    const [finding] = await collect(streamFindings(on.ledger, runId));
    expect(finding).toMatchObject({ type: 'field_mismatch', columns: [{ name: 'a', source: 'new' }, { name: 'g' }] });
  });

  it('that have healed do not come back by a reading that is recorded late', async () => {
    const { runId, chunk } = await runOf();
    const candidate = differenceAt('1', 'missing');
    await insertCandidates(on.ledger, runId, 't', chunk, [candidate]);
    await recordReadings(on.ledger, runId, 't', 1, [still(candidate)]);
    await recordReadings(on.ledger, runId, 't', 2, [healed(candidate)]);
    await recordReadings(on.ledger, runId, 't', 1, [still(candidate)]);
    expect(await states(runId)).toEqual({ settled: 0, transient: 1, unsettled: 0 });
    await recordReadings(on.ledger, runId, 't', 3, [still(candidate)]);
    expect(await states(runId)).toEqual({ settled: 0, transient: 1, unsettled: 0 });
  });

  it('that were closed do not change by a reading that is recorded late', async () => {
    const { runId, chunk } = await runOf();
    const candidate = differenceAt('1', 'missing');
    await insertCandidates(on.ledger, runId, 't', chunk, [candidate]);
    expect(await states(runId)).toMatchObject({ settled: 1 });
    await recordReadings(on.ledger, runId, 't', 2, [healed(candidate)]);
    expect(await states(runId)).toEqual({ settled: 1, transient: 0, unsettled: 0 });
  });

  it('of a chunk that is compared again are only those that were read last', async () => {
    const { runId, chunk } = await runOf();
    await insertCandidates(on.ledger, runId, 't', chunk, [differenceAt('1', 'missing'), differenceAt('2', 'missing')]);
    const other = await beginChunk(on.ledger, runId, 't', 1, 2);
    if (other) await insertCandidates(on.ledger, runId, 't', other, [differenceAt('9', 'missing')]);
    const again = await on.begun(runId, 't');
    await deleteCandidates(on.ledger, runId, 't', again);
    await insertCandidates(on.ledger, runId, 't', again, [differenceAt('2', 'mismatch')]);
    expect(await names(runId)).toEqual(['2 field_mismatch', '9 missing_in_target']);
  });

  it.each(['begun again', 'finished', 'failed'] as const)(
    'are neither lost nor added by an attempt that was given up, once the chunk is %s',
    async (state) => {
      const { runId, chunk: stale } = await runOf();
      const newer = await on.begun(runId, 't');
      await insertCandidates(on.ledger, runId, 't', newer, [differenceAt('1', 'missing'), differenceAt('2', 'extra')]);
      if (state === 'finished') {
        await finishChunk(on.ledger, runId, 't', newer, { rowsSource: 1, rowsTarget: 1, differing: 2 });
      }
      if (state === 'failed') await failChunks(on.ledger, runId, 't', 0, 1, 'STATEMENT_TIMEOUT');
      await deleteCandidates(on.ledger, runId, 't', stale);
      await insertCandidates(on.ledger, runId, 't', stale, [differenceAt('1', 'mismatch'), differenceAt('3', 'extra')]);
      expect(await names(runId)).toEqual(['1 missing_in_target', '2 extra_in_target']);
    },
  );
});
