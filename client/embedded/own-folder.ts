import { lstatSync } from 'node:fs';

/** Whether `path` is a real folder (no link) of this process's user that nobody else can write to. */
export function isOwnFolder(path: string): boolean {
  try {
    const found = lstatSync(path);
    const isMine = process.getuid === undefined || found.uid === process.getuid();
    return found.isDirectory() && isMine && (found.mode & 0o022) === 0;
  } catch {
    return false;
  }
}
