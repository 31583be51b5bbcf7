import { Command, InvalidArgumentError, Option } from 'commander';
import { CONTESTANTS, type ContestantName } from './contestants/contestant';
import { TABLES, type BenchTable } from './table';

export type Mode = 'ratios' | 'scale' | 'memory' | 'apply';

export interface BenchOptions {
  readonly mode: Mode;
  readonly rows: number;
  readonly rounds: number;
  readonly tables: readonly BenchTable[];
  readonly contestants: readonly ContestantName[];
  /** Row counts of `--scale`. */
  readonly scale: readonly number[];
  readonly dataDir: string | undefined;
  /** Fails rather than load a table that the data folder does not hold. */
  readonly skipData: boolean;
  readonly json: boolean;
}

const SCALE = [1_000_000, 5_000_000, 20_000_000];

interface Given {
  readonly rows?: number;
  readonly rounds: number;
  readonly only?: readonly string[];
  readonly without: readonly string[];
  readonly scale?: true | readonly number[];
  readonly memory?: true;
  readonly apply?: true;
  readonly data?: string;
  readonly skipData?: true;
  readonly json?: true;
}

const HELP = `
Without --scale, --memory and --apply it prints, for each table, what Trueup's engine, a whole run through Temporal and reladiff
need beside the limit: the servers' own hashing of both sides at once. Progress goes to stderr, the tables to stdout.

Exit codes: 0 all measured, 1 an answer was wrong or something failed.

Examples:
  npm run bench -- --rows 200000                 everything, in some minutes
  npm run bench -- --rows 200000 --only scattered --rounds 1 --without reladiff
  npm run bench -- --data /var/tmp/bench         keeps the databases for the next time
  npm run bench -- --scale                       seconds and µs a row for 1, 5 and 20 million rows
  npm run bench -- --memory                      the worker's greatest memory at 5 million differences
  npm run bench -- --apply --rounds 1            inserting a million missing rows, beside COPY of the same`;

/** Reads the command line. Commander ends the process at `--help` and at what it cannot read. */
export function readOptions(args: readonly string[]): BenchOptions {
  const program = new Command('npm run bench --')
    .description('Measure Trueup on this machine, beside the limit and beside reladiff.')
    .option('--rows <n>', 'rows of each table (default: 5000000; with --apply 1000000)', count)
    .option('--rounds <n>', 'how often everything is measured', count, 3)
    .addOption(new Option('--only <tables>', `of ${TABLES.map(({ name }) => name).join(', ')}`).argParser(tableNames))
    .addOption(
      new Option('--without <contestants>', `of ${CONTESTANTS.join(', ')}`).argParser(contestantNames).default([]),
    )
    .addOption(new Option('--scale [rows]', 'how the cost of a row changes with the table').argParser(counts))
    .addOption(new Option('--memory', "the worker's greatest memory").conflicts('scale'))
    .addOption(
      new Option('--apply', 'a run that inserts every row, beside COPY').conflicts([
        'scale',
        'memory',
        'only',
        'without',
      ]),
    )
    .option('--data <folder>', 'keep the databases in this folder, and use what is there')
    .addOption(new Option('--skip-data', 'load nothing: the folder of --data holds the tables'))
    .option('--json', 'print one JSON document')
    .addHelpText('after', HELP)
    .parse(args, { from: 'user' });
  const given = program.opts<Given>();
  if (given.skipData && given.data === undefined) program.error('error: --skip-data needs --data');
  const contestants = CONTESTANTS.filter((name) => !given.without.includes(name));
  if (contestants.length === 0) program.error('error: nobody is left to measure');
  return {
    mode: modeOf(given),
    rows: given.rows ?? (given.apply ? 1_000_000 : 5_000_000),
    rounds: given.rounds,
    tables: given.only === undefined ? TABLES : TABLES.filter(({ name }) => given.only?.includes(name)),
    contestants,
    scale: given.scale === undefined || given.scale === true ? SCALE : given.scale,
    dataDir: given.data,
    skipData: given.skipData === true,
    json: given.json === true,
  };
}

function modeOf({ scale, memory, apply }: Given): Mode {
  if (scale !== undefined) return 'scale';
  if (memory) return 'memory';
  return apply ? 'apply' : 'ratios';
}

function count(text: string): number {
  const n = Number(text.replaceAll('_', ''));
  if (!Number.isInteger(n) || n < 1 || n > 1_000_000_000) {
    throw new InvalidArgumentError('Allowed is a whole number from 1 to 1000000000.');
  }
  return n;
}

const counts = (text: string) => text.split(',').map(count);
const tableNames = (text: string) =>
  namesOf(
    text,
    TABLES.map(({ name }) => name),
  );
const contestantNames = (text: string) => namesOf(text, CONTESTANTS);

function namesOf(text: string, allowed: readonly string[]): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !allowed.includes(name));
  if (unknown.length > 0) throw new InvalidArgumentError(`Not known: ${unknown.join(', ')}.`);
  return names;
}
