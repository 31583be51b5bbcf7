import { readFileSync } from 'node:fs';
import type { Contestant } from './contestants/contestant';
import type { LoadedTable } from './load';
import { markdownTable } from './markdown';
import type { World } from './world';

export interface MemoryResult {
  readonly table: string;
  readonly rows: number;
  readonly seconds: number;
  /** Resident megabytes (2^20 bytes) of the worker when it was ready; null where the system does not tell. */
  readonly readyMb: number | null;
  /** The most that it ever had, at the end of the run. */
  readonly peakMb: number | null;
  readonly wrong: string | null;
}

/** One run by a worker of its own, and what memory that worker has had at the most. */
export async function measureMemory(world: World, run: Contestant, table: LoadedTable): Promise<MemoryResult> {
  const { pid } = await world.restartWorker();
  const readyMb = megabytes(pid, 'VmRSS');
  const { seconds, wrong } = await run.measure(table);
  return { table: table.table.name, rows: table.rows, seconds, readyMb, peakMb: megabytes(pid, 'VmHWM'), wrong };
}

export function memoryLines(results: readonly MemoryResult[]): readonly string[] {
  const mb = (value: number | null) => (value === null ? '–' : value.toFixed(0));
  const rows = results.map(({ table, rows, seconds, readyMb, peakMb }) => [
    table,
    (rows / 1e6).toString(),
    seconds.toFixed(1),
    mb(readyMb),
    mb(peakMb),
  ]);
  return [
    markdownTable(['table', 'million rows', 'run s', 'worker MB at rest', 'worker MB at the most'], rows),
    ...results.flatMap(({ table, wrong }) => (wrong === null ? [] : [`WRONG ANSWER: ${table}: ${wrong}`])),
  ];
}

/** A field of /proc/PID/status in megabytes; null where there is no such file. */
export function megabytes(pid: number, field: 'VmRSS' | 'VmHWM'): number | null {
  try {
    const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(
      readFileSync(`/proc/${pid}/status`, 'utf8'),
    )?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) / 1_024;
  } catch {
    return null;
  }
}
