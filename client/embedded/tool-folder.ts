import { accessSync, constants, mkdirSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { isOwnFolder } from './own-folder';

/**
 * Trueup's private folder for the tools that it installs: `$TRUEUP_HOME`, else `trueup` in the user's cache, else (home
 * read-only or missing) one per user in the system's temporary folder. It exists and can be written when this returns.
 */
export function toolFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env['TRUEUP_HOME']) return created(env['TRUEUP_HOME']);
  try {
    return created(env['XDG_CACHE_HOME'] ? join(env['XDG_CACHE_HOME'], 'trueup') : join(homedir(), '.cache', 'trueup'));
  } catch {
    const folder = created(join(tmpdir(), `trueup-${userInfo().uid}`));
    // Anyone can make a folder in /tmp; a binary out of somebody else's folder must not be run.
    if (!isOwnFolder(folder))
      throw new Error(`${folder} belongs to somebody else: set TRUEUP_HOME to a folder of yours`);
    return folder;
  }
}

function created(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  accessSync(folder, constants.W_OK | constants.X_OK);
  return folder;
}
