import {
  closeCandidates,
  countOpenCandidates,
  deleteCandidates,
  insertCandidates,
  nextCandidates,
  recordReadings,
} from '../../ledger/candidate';
import { countFindings, insertSettledFindings } from '../../ledger/finding';
import { insertRun, insertRunTables } from '../../ledger/run';
import { comparisonOf, differenceAt, newRun, TestLedger } from '../support/ledger';

describe('candidates in the ledger', () => {
  let on: TestLedger;
  beforeAll(async () => {
    on = await TestLedger.create('ledger_candidate');
  });
  afterAll(() => on.drop());

  const states = (runId: string) => closeCandidates(on.ledger, runId, 't');

  it('and counts a reading once, also when it is recorded twice', async () => {
    const runId = await insertRun(on.ledger, newRun('candidates-1'));
    await insertRunTables(on.ledger, runId, [comparisonOf('t')]);
    const [heals, holds, moves] = [
      differenceAt('1', 'missing'),
      differenceAt('2', 'extra'),
      differenceAt('3', 'mismatch'),
    ];
    await insertCandidates(on.ledger, runId, 't', 0, [heals, holds, moves]);
    const found = await nextCandidates(on.ledger, runId, 't', 1, 10);
    expect([...found].sort((a, b) => (a.key['id'] ?? '').localeCompare(b.key['id'] ?? ''))).toEqual([
      heals,
      holds,
      moves,
    ]);
    const moved = differenceAt('3', 'missing', 'moved');
    const readings = [
      { keyDigest: heals.keyDigest, difference: null, moving: false },
      { keyDigest: holds.keyDigest, difference: holds, moving: false },
      { keyDigest: moves.keyDigest, difference: moved, moving: true },
    ];
    await recordReadings(on.ledger, runId, 't', 1, readings);
    await recordReadings(on.ledger, runId, 't', 1, readings);
    expect(await nextCandidates(on.ledger, runId, 't', 1, 10)).toEqual([]);
    expect(await countOpenCandidates(on.ledger, runId, 't')).toBe(2);
    expect((await nextCandidates(on.ledger, runId, 't', 2, 10)).find(({ key }) => key['id'] === '3')).toEqual(moved);
    expect(await states(runId)).toEqual({ settled: 1, transient: 1, unsettled: 1 });
    expect(await states(runId)).toEqual({ settled: 1, transient: 1, unsettled: 1 });
    await insertSettledFindings(on.ledger, runId, 't');
    await insertSettledFindings(on.ledger, runId, 't');
    expect(await countFindings(on.ledger, runId, 't')).toEqual({ extra_in_target: 1 });
  });

  it('of a chunk that is compared again only as it was read last', async () => {
    const runId = await insertRun(on.ledger, newRun('candidates-2'));
    await insertRunTables(on.ledger, runId, [comparisonOf('t')]);
    await insertCandidates(on.ledger, runId, 't', 0, [differenceAt('1', 'missing'), differenceAt('2', 'missing')]);
    await insertCandidates(on.ledger, runId, 't', 1, [differenceAt('9', 'missing')]);
    await deleteCandidates(on.ledger, runId, 't', 0);
    await insertCandidates(on.ledger, runId, 't', 0, [differenceAt('2', 'mismatch')]);
    const found = await nextCandidates(on.ledger, runId, 't', 1, 10);
    expect(found.map(({ key, type }) => `${key['id'] ?? ''} ${type}`).sort()).toEqual([
      '2 field_mismatch',
      '9 missing_in_target',
    ]);
  });
});
