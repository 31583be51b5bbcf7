import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { startPostgres, type PostgresServer } from '../../client/embedded/postgres-server';
import type { ProgressAnswer } from '../../contracts/messages';
import { CLOCK_MARGIN_MS } from '../../engine/cold';
import { InProcess, quiet } from '../support/in-process';
import { servers } from '../support/servers';
import { testClient } from '../support/temporal';

// Of its own: dropping any database makes a checkpoint, and only the last one can prove anything.
let server: PostgresServer;
let client: Client;
let connection: NativeConnection;
let world: InProcess;

beforeAll(async () => {
  quiet();
  client = await testClient();
  connection = await NativeConnection.connect({ address: servers.temporalAddress });
  server = await startPostgres({});
  world = await InProcess.start({ client, connection, taskQueue: 'settle-at-once', server: server.url() });
});

afterAll(async () => {
  await world.stop();
  await server.remove();
  await connection.close();
  await client.connection.close();
});

/** How each candidate of a run settled: after how many readings. */
async function readings(runId: string): Promise<readonly string[]> {
  const rows = await world.target.query(
    `select table_name || ' ' || inconsistency_type || ' ' ||
            case state when 'settled' then 'proven at reading ' || attempts else state || ' to the end' end as line
       from trueup.candidate where run_id = $1 order by 1`,
    [runId],
  );
  return rows.map((row) => row['line'] ?? '');
}

const START = [
  'customers field_mismatch open to the end',
  'orders extra_in_target open to the end',
  'orders field_mismatch open to the end',
  'orders missing_in_target open to the end',
  'orders missing_in_target open to the end',
];

it('what was written a moment ago is waited for, what has stood still for the whole time is not', async () => {
  await world.reset();
  const hot = await world.startReconcile({}, 'settle-hot');
  expect(await hot.result()).toMatchObject({ status: 'inconsistent' });
  expect(await readings('settle-hot')).toEqual(START);

  await world.target.query('checkpoint');
  await sleep(CLOCK_MARGIN_MS + 1_500);
  await world.target.query(`update customers set name = 'secret change' where id = 6`);
  const cold = await world.startReconcile({}, 'settle-cold');
  await cold.result();
  // The ledger is written on the same server, so that a row's absence is not proven there.
  expect(await readings('settle-cold')).toEqual([
    ...START.slice(0, 1),
    'customers field_mismatch proven at reading 1',
    ...START.slice(1, 2),
    'orders field_mismatch proven at reading 1',
    ...START.slice(3),
  ]);
  const { tables } = await cold.query<ProgressAnswer>('progress');
  const said = '1 differences needed no further reading';
  for (const { notes } of tables) expect(notes).toEqual([expect.stringContaining(said)]);
  const found = (runId: string) =>
    world.target.query(
      `select table_name, inconsistency_type, record_key from trueup.reconciliation_log
        where run_id = $1 and record_key ->> 'id' <> '6' order by 1, 2, 3`,
      [runId],
    );
  expect(await found('settle-cold')).toEqual(await found('settle-hot'));
});
