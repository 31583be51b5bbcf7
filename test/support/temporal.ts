import { spawn } from 'node:child_process';
import { Client, Connection } from '@temporalio/client';
import { servers } from './servers';

/** A new connection to the shared dev server; the test closes it. */
export function testConnection(): Promise<Connection> {
  return Connection.connect({ address: servers.temporalAddress });
}

/** A client on a connection of its own: `await client.connection.close()` when done. */
export async function testClient(): Promise<Client> {
  return new Client({ connection: await testConnection() });
}

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real `temporal` CLI against the shared dev server, as a user would on a terminal. */
export function temporalCli(args: readonly string[], address = servers.temporalAddress): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, TEMPORAL_ADDRESS: address, NO_COLOR: '1' };
    const child = spawn(servers.temporalCli, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}
