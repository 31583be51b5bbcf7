import { readFileSync } from 'node:fs';
import { childrenOf } from '../client/embedded/children-of';

/** Seconds of processor time of each part of the bench; fewer parts where the system does not tell. */
export type ProcessorTime = Readonly<Record<string, number>>;

/** Linux counts processor time in hundredths of a second. */
const TICKS = 100;

/** User and system time of a process in seconds, with that of the children that it has waited for; 0 when it is gone. */
function secondsOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // After the name, which may hold anything: state, parent, …; the 12th to the 15th are the times.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS;
  } catch {
    return 0;
  }
}

/** What the processes of each part and their children have taken so far, and this one; null where there is no /proc. */
export function readProcessorTime(parts: Readonly<Record<string, number>>): ProcessorTime | null {
  if (process.platform !== 'linux') return null;
  const { user, system } = process.cpuUsage();
  const all = Object.entries(parts).map(
    ([part, pid]) => [part, [pid, ...childrenOf(pid)].reduce((sum, each) => sum + secondsOf(each), 0)] as const,
  );
  return Object.fromEntries([...all, ['bench', (user + system) / 1e6] as const]);
}

export function timeBetween(before: ProcessorTime, after: ProcessorTime): ProcessorTime {
  return Object.fromEntries(Object.entries(after).map(([part, seconds]) => [part, seconds - (before[part] ?? 0)]));
}
