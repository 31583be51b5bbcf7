import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TrueupError } from '../../contracts/errors';
import type { PostgresBinaries } from './postgres-binaries';
import { runTool } from './run-tool';

/** The password of the embedded server is kept here, beside the data that it protects, so that a later start has it. */
const PASSWORD_FILE = 'trueup.password';
const INITDB_LIMIT_MS = 120_000;

/**
 * Makes a new database cluster in `dataDir` unless there is one, and returns its superuser's password. The superuser
 * is `postgres`; every connection needs the password.
 */
export async function prepareCluster(binaries: PostgresBinaries, dataDir: string, password?: string): Promise<string> {
  const passwordFile = join(dataDir, PASSWORD_FILE);
  if (existsSync(join(dataDir, 'PG_VERSION'))) {
    if (password !== undefined) return password;
    if (existsSync(passwordFile)) return readFileSync(passwordFile, 'utf8');
    throw new TrueupError('EMBEDDED_POSTGRES_FAILED', `${dataDir} holds a cluster whose password is not known`);
  }
  const { uid, gid } = binaries.user;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  if (uid !== undefined && gid !== undefined) chownSync(dataDir, uid, gid);
  const chosen = password ?? randomBytes(18).toString('base64url');
  const handover = `${dataDir}.password`;
  writeFileSync(handover, chosen, { mode: 0o600 });
  try {
    if (uid !== undefined && gid !== undefined) chownSync(handover, uid, gid);
    const args = ['-D', dataDir, '-U', 'postgres', '--pwfile', handover, '--auth=scram-sha-256', '--no-sync'];
    const locale = ['--encoding=UTF8', '--locale=C'];
    const place = { ...binaries.user, cwd: '/' };
    const run = await runTool(binaries.initdb, [...args, ...locale], INITDB_LIMIT_MS, place);
    if (!run.ok) {
      throw new TrueupError('EMBEDDED_POSTGRES_FAILED', `initdb could not make a cluster in ${dataDir}: ${run.reason}`);
    }
  } finally {
    rmSync(handover, { force: true });
  }
  writeFileSync(passwordFile, chosen, { mode: 0o600 });
  return chosen;
}
