import { insertCandidates } from '../../ledger/candidate';
import {
  beginChunk,
  countChunks,
  failChunks,
  finishChunk,
  insertChunks,
  listFailedChunks,
  totalChunks,
} from '../../ledger/chunk';
import { chunksCutAt, comparisonOf, differenceAt, TestLedger } from '../support/ledger';

const NOTHING = { rowsSource: 0, rowsTarget: 0, differing: 0 };

describe('chunks in the ledger', () => {
  let on: TestLedger;
  beforeAll(async () => {
    on = await TestLedger.create('ledger_chunk');
  });
  afterAll(() => on.drop());

  const runOf = async (...cuts: readonly string[]) => {
    const runId = await on.run([comparisonOf('t')]);
    await on.planned(runId, 't', chunksCutAt(...cuts));
    return runId;
  };
  const states = async (runId: string) =>
    (await on.test.query('select status, attempts from trueup.chunk where run_id = $1 order by chunk_no', [runId])).map(
      (row) => `${row['status'] ?? ''} ${row['attempts'] ?? ''}`,
    );

  it('hold their bounds exactly, and are begun in order until they are finished', async () => {
    const runId = await runOf('"é\\', 'z');
    const [first, second] = chunksCutAt('"é\\', 'z');
    expect(await on.begun(runId, 't')).toEqual({ ...first, attempt: 1 });
    const again = await on.begun(runId, 't');
    expect(again).toEqual({ ...first, attempt: 2 });
    expect(await finishChunk(on.ledger, runId, 't', again, { rowsSource: 5, rowsTarget: 4, differing: 1 })).toBe(true);
    expect(await on.begun(runId, 't')).toEqual({ ...second, attempt: 1 });
    expect(await beginChunk(on.ledger, runId, 't', 2, 3)).toMatchObject({ no: 2 });
    expect(await beginChunk(on.ledger, runId, 't', 0, 1)).toBeNull();
    expect(await totalChunks(on.ledger, runId, 't')).toEqual({ done: 1, rowsSource: 5, rowsTarget: 4, differing: 1 });
    expect(await states(runId)).toEqual(['done 2', 'planned 1', 'planned 1']);
  });

  it('are entered once for all who plan a table at once, and never mixed', async () => {
    const runId = await on.run([comparisonOf('t')]);
    const lists = [chunksCutAt('1', '2'), chunksCutAt('1'), chunksCutAt('5', '6', '7'), chunksCutAt('9')];
    const counts = await Promise.all(lists.map((list) => on.planned(runId, 't', list)));
    expect(new Set(counts).size).toBe(1);
    expect(await countChunks(on.ledger, runId, 't')).toBe(counts[0]);
    const entered = await on.test.query('select from_key from trueup.chunk where run_id = $1 order by chunk_no', [
      runId,
    ]);
    const bounds = (list: (typeof lists)[number]) =>
      list.map(({ from }) => ({ from_key: from && JSON.stringify(from) }));
    expect(lists.map(bounds)).toContainEqual(entered);
  });

  it('are those of whoever enters them first; who waited for that takes them over', async () => {
    const runId = await on.run([comparisonOf('t')]);
    let waiting: Promise<number> | undefined;
    await on.ledger.withTransaction('read write', async (session) => {
      await insertChunks(session, runId, 't', chunksCutAt('1'));
      waiting = on.planned(runId, 't', chunksCutAt('5', '6', '7'));
      await on.untilWaiting();
    });
    expect(await waiting).toBe(2);
    expect(await states(runId)).toEqual(['planned 0', 'planned 0']);
  });

  it('stay when an attempt that was given up still comes to enter its own list', async () => {
    const runId = await runOf('10');
    const chunk = await on.begun(runId, 't');
    await finishChunk(on.ledger, runId, 't', chunk, NOTHING);
    expect(await on.planned(runId, 't', chunksCutAt('3', '6', '9'))).toBe(2);
    expect(await states(runId)).toEqual(['done 1', 'planned 0']);
  });

  it('are entered past a page, all of them', async () => {
    const cuts = Array.from({ length: 5_400 }, (_, i) => String(i));
    const runId = await runOf(...cuts);
    expect(await countChunks(on.ledger, runId, 't')).toBe(5_401);
    expect(await beginChunk(on.ledger, runId, 't', 5_400, 9_999)).toMatchObject({
      no: 5_400,
      from: ['5399'],
      to: null,
    });
  });

  it('once failed are neither begun nor finished any more', async () => {
    const runId = await runOf('1', '2');
    const first = await on.begun(runId, 't');
    await finishChunk(on.ledger, runId, 't', first, NOTHING);
    const second = await on.begun(runId, 't');
    await failChunks(on.ledger, runId, 't', 0, 2, 'STATEMENT_TIMEOUT');
    expect(await finishChunk(on.ledger, runId, 't', second, NOTHING)).toBe(false);
    expect(await beginChunk(on.ledger, runId, 't', 0, 2)).toBeNull();
    expect(await states(runId)).toEqual(['done 1', 'failed 1', 'planned 0']);
    expect(await listFailedChunks(on.ledger, runId, 't')).toEqual([
      { no: 1, code: 'STATEMENT_TIMEOUT' },
      { no: 2, code: 'INTERNAL' },
    ]);
  });

  it('are not finished by an attempt that came too late', async () => {
    const runId = await runOf();
    const [stale, newer] = [await on.begun(runId, 't'), await on.begun(runId, 't')];
    expect(await finishChunk(on.ledger, runId, 't', stale, NOTHING)).toBe(false);
    expect(await states(runId)).toEqual(['planned 2']);
    expect(await finishChunk(on.ledger, runId, 't', newer, { ...NOTHING, differing: 3 })).toBe(true);
    expect(await finishChunk(on.ledger, runId, 't', newer, NOTHING)).toBe(false);
    expect(await totalChunks(on.ledger, runId, 't')).toMatchObject({ done: 1, differing: 3 });
  });

  it('are not begun again when they are finished while somebody waits to begin them', async () => {
    const runId = await runOf('1');
    const chunk = await on.begun(runId, 't');
    let waiting: Promise<unknown> | undefined;
    await on.ledger.withTransaction('read write', async (session) => {
      await finishChunk(session, runId, 't', chunk, NOTHING);
      waiting = on.begun(runId, 't');
      await on.untilWaiting();
    });
    expect(await waiting).toMatchObject({ no: 1, attempt: 1 });
    expect(await states(runId)).toEqual(['done 1', 'planned 1']);
  });

  it('keep what the newest attempt found, whatever an earlier one still writes', async () => {
    const runId = await runOf();
    const stale = await on.begun(runId, 't');
    let newer: Promise<Awaited<ReturnType<typeof on.begun>>> | undefined;
    await on.ledger.withTransaction('read write', async (session) => {
      await insertCandidates(session, runId, 't', stale, [differenceAt('1', 'missing')]);
      newer = on.begun(runId, 't');
      await on.untilWaiting();
    });
    expect(await newer).toMatchObject({ no: 0, attempt: 2 });
    await insertCandidates(on.ledger, runId, 't', stale, [differenceAt('2', 'missing')]);
    const rows = await on.test.query('select record_key from trueup.candidate where run_id = $1', [runId]);
    expect(rows).toEqual([{ record_key: '{"id": "1"}' }]);
  });

  it('cannot be entered for a table that the run does not have', async () => {
    const runId = await runOf();
    const entering = on.ledger.withTransaction('read write', (session) =>
      insertChunks(session, runId, 'other', chunksCutAt()),
    );
    await expect(entering).rejects.toMatchObject({ sqlState: '23503' });
  });
});
