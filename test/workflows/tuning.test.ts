import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowUpdateFailedError, type Client, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { Client as Postgres } from 'pg';
import { waitUntil } from '../../client/embedded/wait-until';
import type { ProgressAnswer, TuneMessage } from '../../contracts/messages';
import type { Tuning } from '../../contracts/throttle';
import { InProcess, quiet } from '../support/in-process';
import { servers } from '../support/servers';
import { testClient } from '../support/temporal';

let client: Client;
let connection: NativeConnection;
let world: InProcess;
let locker: Postgres;

beforeAll(async () => {
  quiet();
  client = await testClient();
  connection = await NativeConnection.connect({ address: servers.temporalAddress });
  world = await InProcess.start({
    client,
    connection,
    taskQueue: 'tuning',
    config: [
      'throttle:',
      '  pauseWhile: { name: lag, connection: legacy, query: "select n from public.gauge", above: 10, every: 100ms }',
    ],
  });
  await world.reset();
  await world.source.query('create table gauge (n text); insert into gauge values (null)');
  const more = `insert into orders select g, 1 + g % 20, 'secret note ' || g from generate_series(1001, 1900) g`;
  await Promise.all([world.source.query(more), world.target.query(`${more}; analyze`)]);
  locker = new Postgres({ connectionString: world.target.url });
  await locker.connect();
});

afterAll(async () => {
  await locker.end();
  await world.stop();
  await connection.close();
  await client.connection.close();
});

afterEach(() => world.source.query('update gauge set n = null'));

const lock = () => locker.query('begin; lock table orders in access exclusive mode');
const release = () => locker.query('commit');
const gauge = (n: string | null) => world.source.query('update gauge set n = $1', [n]);
const tune = (handle: WorkflowHandle, message: unknown) =>
  handle.executeUpdate<Tuning, [TuneMessage]>('tune', { args: [message as TuneMessage] });
const detailsOf = async (workflowId: string) =>
  (await world.metadata(client.workflow.getHandle(workflowId))).currentDetails ?? '';

/** Chunks of the orders of a run: how many were begun and are not finished, and how many are finished. */
async function chunksOf(runId: string) {
  const [row] = await world.target.query(
    `select count(*) filter (where status = 'planned' and attempts > 0) as begun,
            count(*) filter (where status = 'done') as done, count(*) as all, max(attempts) as attempts
       from trueup.chunk where run_id = $1 and table_name = 'orders'`,
    [runId],
  );
  const number = (name: string) => Number(row?.[name] ?? 0);
  return { begun: number('begun'), done: number('done'), all: number('all'), attempts: number('attempts') };
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  if (!(await waitUntil(isSo, { timeoutMs: 60_000, everyMs: 20 }))) throw new Error(`not within a minute: ${what}`);
}

/** Waits until a number stays what it is for a while. */
async function settled(read: () => Promise<number>): Promise<number> {
  for (let last = await read(); ;) {
    await sleep(700);
    const now = await read();
    if (now === last) return now;
    last = now;
  }
}

const findingsOf = (runId: string) =>
  world.target.query(
    `select table_name, inconsistency_type, record_key, differences from trueup.reconciliation_log
      where run_id = $1 order by 1, 2, 3`,
    [runId],
  );

async function refusalOf(answer: Promise<unknown>) {
  const error: unknown = await answer.then(
    () => new Error('it was taken'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof WorkflowUpdateFailedError)) throw error as Error;
  return error.cause;
}

async function progressOf(handle: WorkflowHandle) {
  return handle.query<ProgressAnswer>('progress');
}

describe('a run that is tuned', () => {
  it('compares more at once, less, or nothing, at any time, and finds the same', async () => {
    const plain = await world.startReconcile({}, 'tuning-plain');
    await plain.result();
    const handle = await world.startReconcile({}, 'tuning-tuned');
    const begun = async () => (await chunksOf('tuning-tuned')).begun;
    await until('a chunk is done', async () => (await chunksOf('tuning-tuned')).done > 0);
    await lock();
    await until('two are begun', async () => (await begun()) === 2);
    expect(await settled(begun)).toBe(2);

    expect(await tune(handle, { concurrency: 5 })).toEqual({
      concurrency: 5,
      maxChunksPerConnection: null,
      paused: null,
    });
    await until('five are begun', async () => (await begun()) === 5);
    expect(await settled(begun)).toBe(5);
    expect(await detailsOf('tuning-tuned')).toContain('tuned: 5 chunks at once');

    expect(await tune(handle, { pause: true })).toMatchObject({ concurrency: 5, paused: 'by request' });
    await release();
    const done = await settled(async () => (await chunksOf('tuning-tuned')).done);
    const paused = await chunksOf('tuning-tuned');
    expect(paused).toMatchObject({ begun: 0, done });
    expect(paused.done).toBeLessThan(paused.all);
    expect(await detailsOf('tuning-tuned')).toContain('**paused**: by request');
    expect(await detailsOf('tuning-tuned/orders')).toContain('**paused**: by request');
    expect((await progressOf(handle)).tuning).toMatchObject({ paused: 'by request' });

    await lock();
    expect(await tune(handle, { pause: false, maxChunksPerConnection: 1 })).toMatchObject({
      maxChunksPerConnection: 1,
    });
    await until('one is begun', async () => (await begun()) > 0);
    expect(await settled(begun)).toBe(1);
    await release();
    await handle.result();
    const after = await chunksOf('tuning-tuned');
    expect(after).toMatchObject({ begun: 0, done: after.all, attempts: 1 });
    expect(await findingsOf('tuning-tuned')).toEqual(await findingsOf('tuning-plain'));
  });

  it('takes nothing unclear, and nothing when it compares no more', async () => {
    const handle = await world.startReconcile({ apply: true }, 'tuning-refused');
    for (const message of [
      {},
      { pause: 'yes' },
      { concurrency: 0 },
      { concurency: 2 },
      null,
      [2],
      { concurrency: null },
    ]) {
      expect(await refusalOf(tune(handle, message))).toMatchObject({ type: 'INPUT_INVALID' });
    }
    await world.untilGate(handle);
    expect(await refusalOf(tune(handle, { pause: true }))).toMatchObject({ type: 'TUNE_REFUSED' });
    await handle.signal('reject', { approver: 'ada', reason: 'enough' });
    await handle.result();
  });
});

describe('a run with a query to pause by', () => {
  it('begins nothing while the number is above its limit, and goes on when it is not', async () => {
    await gauge('12.5');
    const handle = await world.startReconcile({}, 'tuning-held');
    const isPaused = (text: string | null) => async () => (await progressOf(handle)).tuning?.paused === text;
    await until('paused', isPaused('lag 12.5 > 10'));
    await sleep(500);
    expect(await chunksOf('tuning-held')).toMatchObject({ all: 0 });
    expect(await detailsOf('tuning-held')).toContain('**paused**: lag 12.5 > 10');
    // Asking for it does not lift a pause that the config wants.
    expect(await tune(handle, { pause: false })).toMatchObject({ paused: 'lag 12.5 > 10' });

    await gauge('10');
    await until('a chunk is done', async () => (await chunksOf('tuning-held')).done > 0);
    await gauge('11');
    await until('paused again', isPaused('lag 11 > 10'));
    const done = await settled(async () => (await chunksOf('tuning-held')).done);
    expect(done).toBeLessThan((await chunksOf('tuning-held')).all);
    await gauge(null);
    await handle.result();
    expect(await findingsOf('tuning-held')).toEqual(await findingsOf('tuning-plain'));
  });

  it('refuses to start with a query that gives no number, and without its answer goes no further', async () => {
    await gauge('secret');
    const bad = await world.startReconcile({}, 'tuning-bad');
    await expect(bad.result()).rejects.toMatchObject({
      cause: { cause: { type: 'CONFIG_INVALID', message: expect.not.stringContaining('secret') as string } },
    });
    await gauge('99');
    const handle = await world.startReconcile({}, 'tuning-lost');
    await until('paused', async () => (await progressOf(handle)).tuning?.paused === 'lag 99 > 10');
    await world.source.query('alter table gauge rename to gone');
    try {
      await expect(handle.result()).rejects.toMatchObject({ cause: { cause: { type: 'CONFIG_INVALID' } } });
      expect(await world.status('tuning-lost')).toBe('failed');
    } finally {
      await world.source.query('alter table gone rename to gauge');
    }
  });
});
