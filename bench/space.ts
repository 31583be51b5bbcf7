import { existsSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Sizes } from './home';

/** The write-ahead logs of both servers at the most. */
const LOG_BYTES = 2 * 8e9;

/** Throws when the disk has no room for the tables of `sizes` that are there at one time, on both sides. */
export function checkSpace(sizes: Sizes, dataDir: string | undefined): void {
  const each = sizes.map(({ table, rows }) => 2 * rows * table.rowBytes);
  const tables = dataDir === undefined ? Math.max(...each) : each.reduce((sum, bytes) => sum + bytes, 0);
  // Loading writes every row to the log too.
  const needed = tables + Math.min(LOG_BYTES, 2 * tables);
  const { bavail, bsize } = statfsSync(existingFolder(dataDir ?? tmpdir()));
  const free = bavail * bsize;
  if (needed <= free) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new Error(`the bench needs ${gigabytes(needed)} of disk, and ${gigabytes(free)} are free: choose fewer --rows`);
}

function existingFolder(path: string): string {
  for (let folder = resolve(path); ; folder = dirname(folder)) if (existsSync(folder)) return folder;
}
