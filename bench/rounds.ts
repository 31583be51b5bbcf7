import type { Contestant, ContestantName, Measured } from './contestants/contestant';
import type { LoadedTable } from './load';
import { timeBetween, type ProcessorTime } from './processor-time';

/** What every contestant needed in one round; all of a round were measured one right after the other. */
export type Round = Readonly<Partial<Record<ContestantName, Measured>>>;

/**
 * Measures all contestants on one table, `rounds` times, each round beginning with another one. Before the first round
 * `warmUp` go once without being measured, so that no one pays for reading the table from the disk. `readTime` says what
 * processor time was taken so far.
 */
export async function measureRounds(
  contestants: readonly Contestant[],
  warmUp: readonly Contestant[],
  table: LoadedTable,
  rounds: number,
  onStep: (line: string) => void,
  readTime: () => ProcessorTime | null = () => null,
): Promise<readonly Round[]> {
  for (const contestant of warmUp) await contestant.measure(table);
  const measured: Round[] = [];
  for (let no = 0; no < rounds; no += 1) {
    const first = no % contestants.length;
    const round: Partial<Record<ContestantName, Measured>> = {};
    for (const contestant of [...contestants.slice(first), ...contestants.slice(0, first)]) {
      const before = readTime();
      const result = await contestant.measure(table);
      const after = readTime();
      round[contestant.name] = before && after ? { ...result, processor: timeBetween(before, after) } : result;
      const wrong = result.wrong === null ? '' : ` WRONG: ${result.wrong}`;
      onStep(`${table.name}, round ${no + 1}: ${contestant.name} ${result.seconds.toFixed(2)} s${wrong}`);
    }
    measured.push(round);
  }
  return measured;
}
