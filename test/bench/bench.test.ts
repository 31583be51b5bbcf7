import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Contestant } from '../../bench/contestants/contestant';
import type { LoadedTable } from '../../bench/load';
import { measureTable, ratioLines, type TableResult } from '../../bench/ratios';
import { spreadOf } from '../../bench/statistics';
import { TABLES } from '../../bench/table';
import { spawnNode } from '../support/process';

const CHECKOUT = join(__dirname, '..', '..');
const bench = (...args: string[]) => spawnNode('test/support/run-ts.js', { args: ['bench/main.ts', ...args] }).exited;

/** Answers with the given seconds, one a round; a negative number is a wrong answer. */
function contestant(name: Contestant['name'], seconds: readonly number[]): Contestant {
  const left = [...seconds];
  const measure = async () => {
    const next = left.shift() ?? 0;
    return { seconds: Math.abs(next), wrong: next < 0 ? 'expected 1, found 0' : null };
  };
  return { name, measure, close: async () => undefined };
}

describe('npm run bench', () => {
  it('measures the limit, the engine and a whole run, and checks their answers', async () => {
    execFileSync(process.execPath, ['scripts/build.js'], { cwd: CHECKOUT });
    const args = ['--rows', '2000', '--rounds', '1', '--only', 'identical,scattered', '--without', 'reladiff'];
    const { code, stdout, stderr } = await bench(...args, '--json');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringContaining('scattered_2000, round 1') as unknown,
    });
    const { mode, rounds, machine, results, cli } = JSON.parse(stdout) as Record<string, unknown> & {
      readonly machine: object;
      readonly results: readonly TableResult[];
    };
    expect({ mode, rounds }).toEqual({ mode: 'ratios', rounds: 1 });
    expect(machine).toMatchObject({ reladiff: null, postgres: expect.stringMatching(/^18\./) as unknown });
    expect(cli).toMatchObject({ median: expect.any(Number) as unknown });
    expect(results.map(({ table, wrong, expected }) => ({ table, wrong, ...expected }))).toEqual([
      { table: 'identical', wrong: [], field_mismatch: 0, missing_in_target: 0, extra_in_target: 0 },
      { table: 'scattered', wrong: [], field_mismatch: 250, missing_in_target: 50, extra_in_target: 50 },
    ]);
    for (const { seconds, ratios, rounds } of results) {
      if (process.platform === 'linux') {
        const parts = ['Temporal server', 'bench', 'source server', 'target server', 'worker'];
        expect(Object.keys(rounds[0]?.run?.processor ?? {}).sort()).toEqual(parts);
        expect(rounds[0]?.run?.processor?.['worker']).toBeGreaterThan(0);
      }
      expect(Object.keys(seconds).sort()).toEqual(['engine', 'limit', 'run', 'waited']);
      expect(ratios['run ÷ limit']?.median).toBeGreaterThan(0);
      expect(ratios['reladiff ÷ run']).toBeNull();
    }
    // What differs is read again after a delay, and the delay is told apart from the work.
    const [identical, scattered] = results;
    expect(identical?.seconds.waited?.median).toBe(0);
    expect(scattered?.seconds.waited?.median).toBeGreaterThan(1);
  });

  it('gives a wrong answer no time and no ratio, and says that it was wrong', async () => {
    const [table] = TABLES;
    if (table === undefined) throw new Error('no table');
    const expected = { field_mismatch: 1, missing_in_target: 0, extra_in_target: 0 };
    const loaded: LoadedTable = { table, rows: 10, name: 'identical_10', expected, bytes: 1 };
    const both = [contestant('limit', [2, 4, 5]), contestant('engine', [3, -1, 10])];
    const result = await measureTable(both, [], loaded, 3, () => undefined);
    expect(result.ratios['engine ÷ limit']).toEqual({ min: 1.5, median: 1.75, max: 2 });
    expect(result.seconds.engine).toEqual({ min: 3, median: 6.5, max: 10 });
    expect(result.wrong).toEqual(['engine: expected 1, found 0']);
    expect(ratioLines([result], null).at(-1)).toBe('WRONG ANSWER: identical: engine: expected 1, found 0');
  });

  it('tells the least, the middle and the greatest', () => {
    expect(spreadOf([10, 9, 100])).toEqual({ min: 9, median: 10, max: 100 });
    expect(() => spreadOf([])).toThrow('no numbers');
  });

  it.each([
    [['--rows', 'many'], 'whole number'],
    [['--only', 'nothing'], 'Not known: nothing'],
    [['--without', 'everybody'], 'Not known: everybody'],
    [['--skip-data'], '--skip-data needs --data'],
    [['--memory', '--scale'], 'cannot be used with'],
  ])('refuses %j', async (args, why) => {
    const { code, stderr } = await bench(...args);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(why) as unknown });
  });
});
