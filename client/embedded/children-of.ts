import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** The process ids of the direct children of `pid`. */
export function childrenOf(pid: number): number[] {
  return parents()
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child);
}

/** Every process with its parent: from /proc where there is one, for a small Linux image has no `ps`. */
function parents(): (readonly [number, number])[] {
  if (process.platform !== 'linux') {
    const listing = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).stdout;
    return listing.split('\n').map((line) => {
      const [child, parent] = line.trim().split(/\s+/);
      return [Number(child), Number(parent)] as const;
    });
  }
  const found: (readonly [number, number])[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      // pid (comm) state ppid …; comm may hold spaces and brackets.
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
      found.push([Number(entry), Number(parent)]);
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}
