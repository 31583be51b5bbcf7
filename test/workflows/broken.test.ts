import type { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import type { ProgressAnswer, ReconcileInput } from '../../contracts/messages';
import type { TextRow } from '../support/database';
import { InProcess, quiet } from '../support/in-process';
import { servers } from '../support/servers';
import { testClient } from '../support/temporal';

let client: Client;
let connection: NativeConnection;
let world: InProcess;

beforeAll(async () => {
  quiet();
  client = await testClient();
  connection = await NativeConnection.connect({ address: servers.temporalAddress });
  world = await InProcess.start({
    client,
    connection,
    taskQueue: 'broken',
    defaults: 'concurrency: 2, statementTimeout: 2s',
  });
  // Reading a note of the source computes something, which each row can be made to fail at, or to take long over.
  await world.source.query(`
    alter table orders rename note to plain;
    alter table orders add divisor int not null default 1, add effort int not null default 1;
    alter table orders add note text generated always as
      (left(plain, case when 1 / divisor = 1 and factorial(effort) + factorial(effort + 1) + factorial(effort + 2) > 0 then 1000 end)) virtual`);
});

afterAll(async () => {
  await world.stop();
  await connection.close();
  await client.connection.close();
});

beforeEach(() => world.reset());

const fails = (id: number) => world.source.query('update orders set divisor = 0 where id = $1', [id]);
const hangs = (id: number) => world.source.query('update orders set effort = 32000 where id = $1', [id]);
const mended = () => world.source.query('update orders set divisor = 1, effort = 1 where divisor <> 1 or effort <> 1');

async function run(workflowId: string, input: ReconcileInput) {
  const handle = await world.startReconcile(input, workflowId);
  const result = await handle.result();
  const { tables } = await handle.query<ProgressAnswer>('progress');
  return { result, orders: tables.find(({ name }) => name === 'orders'), tables };
}

const found = (runId: string): Promise<TextRow[]> =>
  world.target.query(
    `select table_name, inconsistency_type, record_key, source_data, target_data, differences
       from trueup.reconciliation_log where run_id = $1 order by 1, 2, 3`,
    [runId],
  );

const chunks = (runId: string): Promise<TextRow[]> =>
  world.target.query(
    `select table_name, chunk_no, status, error_code, compared_at, from_key, to_key from trueup.chunk
      where run_id = $1 order by 1, 2`,
    [runId],
  );

const plans = async (runId: string) =>
  (
    await world.target.query(
      `select table_name || ' ' || operation || ' ' || (record_key ->> 'id') as line
         from trueup.plan_item where run_id = $1 order by 1`,
      [runId],
    )
  ).map((row) => row['line']);

describe('one chunk that cannot be compared', () => {
  it('does not end the others: the table is incomplete, names what it did not compare, and plans no deletes', async () => {
    await fails(33);
    const { result, orders, tables } = await run('broken-fails', {});
    await mended();
    expect(result.status).toBe('incomplete');
    const failed = (await chunks('broken-fails')).filter(({ status }) => status !== 'done');
    expect(failed).toMatchObject([{ table_name: 'orders', status: 'failed', error_code: 'DATABASE_ERROR' }]);
    const [from] = JSON.parse(failed[0]?.['from_key'] ?? '[]') as string[];
    expect(from).toMatch(/^(29|3[0-3])$/);
    expect(orders).toMatchObject({
      status: 'incomplete',
      chunksDone: (orders?.chunks ?? 0) - 1,
      findings: { missing_in_target: 2, extra_in_target: 1 },
    });
    const number = failed[0]?.['chunk_no'] ?? '';
    expect(orders?.notes.join()).toContain(
      `1 of ${orders?.chunks ?? 0} chunks were not compared (DATABASE_ERROR): chunks ${number};`,
    );
    expect(tables.find(({ name }) => name === 'customers')).toMatchObject({ status: 'inconsistent' });
    // The extra row would be deleted, were the table compared as a whole.
    const inFailed = Number(from) <= 30;
    const updates = inFailed ? [] : ['orders update 30'];
    expect(await plans('broken-fails')).toEqual([
      'customers update 5',
      'orders insert 7',
      'orders insert 8',
      ...updates,
    ]);
  });
});

describe('one chunk that takes too long', () => {
  it('is given up after a few tries, and the others are compared: the table is incomplete and plans no deletes', async () => {
    await hangs(33);
    const { result, orders } = await run('broken-hangs', {});
    await mended();
    expect(result.status).toBe('incomplete');
    const failed = (await chunks('broken-hangs')).filter(({ status }) => status !== 'done');
    expect(failed).toMatchObject([{ table_name: 'orders', status: 'failed', error_code: 'STATEMENT_TIMEOUT' }]);
    expect(orders?.notes.join()).toContain('chunks were not compared (STATEMENT_TIMEOUT): chunks');
    expect(await plans('broken-hangs')).not.toContainEqual(expect.stringContaining('delete'));
    const [tries] = await world.target.query(
      `select attempts from trueup.chunk where run_id = 'broken-hangs' and status = 'failed'`,
    );
    expect(tries).toEqual({ attempts: '3' });
  });
});

describe('a run that is resumed', () => {
  it('compares what the earlier one left out, and nothing else, and finds what an unbroken one finds', async () => {
    const whole = await run('broken-whole', {});
    await fails(33);
    await fails(7);
    const before = await run('broken-first', {});
    expect(before.result.status).toBe('incomplete');
    expect(before.orders?.findings.missing_in_target ?? 0).toBe(0);
    await mended();
    const taken = (await chunks('broken-first')).filter(({ status }) => status === 'done');

    const { result, orders, tables } = await run('broken-second', { resume: 'broken-first' });
    expect(result.status).toBe('inconsistent');
    expect(await found('broken-second')).toEqual(await found('broken-whole'));
    expect(await plans('broken-second')).toEqual(await plans('broken-whole'));
    const after = await chunks('broken-second');
    expect(after.every(({ status }) => status === 'done')).toBe(true);
    expect(after.filter((chunk) => taken.some((one) => JSON.stringify(one) === JSON.stringify(chunk)))).toHaveLength(
      taken.length,
    );
    expect(after).toHaveLength(taken.length + 2);
    expect(orders).toMatchObject({ rowsSource: 60, rowsTarget: 59, findings: whole.orders?.findings });
    const n = orders?.chunks ?? 0;
    const note = `${n - 2} of ${n} chunks were compared by run broken-first, until 2`;
    expect(orders?.notes).toContainEqual(expect.stringContaining(note));
    expect(tables.map(({ name, status }) => [name, status])).toEqual(
      whole.tables.map(({ name, status }) => [name, status]),
    );
  });

  it('settles anew what the earlier one found', async () => {
    await fails(33);
    await run('broken-third', {});
    await mended();
    await world.target.query(`update customers set name = 'secret name 5' where id = 5;
      update orders set note = 'secret other change' where id = 30; insert into orders values (901, 1, 'secret new')`);
    const { orders, tables } = await run('broken-fourth', { resume: 'broken-third' });
    expect(tables.find(({ name }) => name === 'customers')).toMatchObject({
      status: 'consistent',
      transient: 1,
      findings: {},
    });
    expect(orders).toMatchObject({
      unsettled: 0,
      findings: { missing_in_target: 2, extra_in_target: 1, field_mismatch: 1 },
    });
    const [mismatch] = (await found('broken-fourth')).filter((row) => row['inconsistency_type'] === 'field_mismatch');
    expect(mismatch?.['differences']).toContain('secret other change');
  });

  it('compares a table anew that would be compared differently now', async () => {
    await fails(33);
    await run('broken-fifth', {});
    await mended();
    await world.target.query(
      'alter table orders add column extra int; alter table customers drop constraint customers_pkey cascade; alter table customers add primary key (id)',
    );
    const { result, orders } = await run('broken-sixth', { resume: 'broken-fifth' });
    expect(result.status).toBe('inconsistent');
    expect(orders?.notes).toContain('compared anew: nothing of run broken-fifth could be taken over');
    expect((await chunks('broken-sixth')).filter(({ status }) => status === 'done')).toHaveLength(
      (await chunks('broken-fifth')).length,
    );
  });

  it('is one that left something out', async () => {
    await run('broken-good', {});
    const refused = async (resume: string, id: string) => {
      const handle = await world.startReconcile({ resume }, id);
      await expect(handle.result()).rejects.toMatchObject({
        cause: { cause: { type: expect.stringMatching(/^RUN_NOT_/) as string } },
      });
      return (await world.target.query('select error_code, error_message from trueup.run where run_id = $1', [id]))[0];
    };
    expect(await refused('broken-good', 'broken-no-1')).toMatchObject({ error_code: 'RUN_NOT_RESUMABLE' });
    expect(await refused('no-such-run', 'broken-no-2')).toMatchObject({ error_code: 'RUN_NOT_FOUND' });
    expect(await refused('broken-no-1', 'broken-no-3')).toMatchObject({ error_code: 'RUN_NOT_RESUMABLE' });
  });
});
