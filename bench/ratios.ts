import { cliOverhead } from './cli-overhead';
import type { Contestant, ContestantName } from './contestants/contestant';
import type { Expected, LoadedTable } from './load';
import { markdownTable } from './markdown';
import type { ProcessorTime } from './processor-time';
import { measureRounds, type Round } from './rounds';
import { spreadOf, spreadText, type Spread } from './statistics';
import type { World } from './world';

/** `ratios` are made within each round, so that a slow moment of the machine is on both sides of the division. */
export interface TableResult {
  readonly table: string;
  readonly rows: number;
  /** Size of one side without its index. */
  readonly bytes: number;
  readonly expected: Expected;
  readonly rounds: readonly Round[];
  readonly seconds: Readonly<Partial<Record<ContestantName | 'waited', Spread>>>;
  readonly ratios: Readonly<Record<RatioName, Spread | null>>;
  /** Answers that were not the right ones. */
  readonly wrong: readonly string[];
}

const RATIOS = {
  'run ÷ limit': (round: Round) => divided(round.run?.seconds, round.limit?.seconds),
  'run less its wait ÷ limit': (round: Round) => divided(busy(round), round.limit?.seconds),
  'engine ÷ limit': (round: Round) => divided(round.engine?.seconds, round.limit?.seconds),
  'run less its wait ÷ engine': (round: Round) => divided(busy(round), round.engine?.seconds),
  'reladiff ÷ run': (round: Round) => divided(round.reladiff?.seconds, round.run?.seconds),
  'reladiff ÷ limit': (round: Round) => divided(round.reladiff?.seconds, round.limit?.seconds),
} as const;
type RatioName = keyof typeof RATIOS;
const RATIO_NAMES = Object.keys(RATIOS) as readonly RatioName[];

/** Seconds of a run without those in which it waits on purpose before it reads again what differs. */
function busy({ run }: Round): number | undefined {
  return run && run.seconds - (run.waited ?? 0);
}

function divided(a: number | undefined, b: number | undefined): number | null {
  return a === undefined || b === undefined ? null : a / b;
}

function spreadOrNull(numbers: readonly (number | null)[]): Spread | null {
  const known = numbers.filter((n) => n !== null);
  return known.length === 0 ? null : spreadOf(known);
}

/** Measures one table. */
export async function measureTable(
  contestants: readonly Contestant[],
  warmUp: readonly Contestant[],
  loaded: LoadedTable,
  rounds: number,
  onStep: (line: string) => void,
  readTime?: () => ProcessorTime | null,
): Promise<TableResult> {
  const measured = await measureRounds(contestants, warmUp, loaded, rounds, onStep, readTime);
  const seconds: Partial<Record<ContestantName | 'waited', Spread>> = {};
  for (const { name } of contestants) {
    // A wrong answer has no time.
    const right = measured.flatMap((round) => (round[name]?.wrong === null ? [round[name].seconds] : []));
    if (right.length > 0) seconds[name] = spreadOf(right);
  }
  const waited = measured.flatMap(({ run }) => (run?.waited === undefined ? [] : [run.waited]));
  if (waited.length > 0) seconds.waited = spreadOf(waited);
  const valid = measured.map(onlyRight);
  const ratios = Object.fromEntries(
    RATIO_NAMES.map((name) => [name, spreadOrNull(valid.map((round) => RATIOS[name](round)))]),
  ) as Record<RatioName, Spread | null>;
  const wrong = measured.flatMap((round) =>
    Object.entries(round).flatMap(([name, result]) => (result.wrong === null ? [] : [`${name}: ${result.wrong}`])),
  );
  const { table, rows, bytes, expected } = loaded;
  return { table: table.name, rows, bytes, expected, rounds: measured, seconds, ratios, wrong: [...new Set(wrong)] };
}

function onlyRight(round: Round): Round {
  return Object.fromEntries(Object.entries(round).filter(([, result]) => result.wrong === null));
}

/** What `trueup run` costs beside the run, measured as often as everything else. */
export async function measureCli(world: World, table: LoadedTable, rounds: number): Promise<Spread> {
  const seconds: number[] = [];
  for (let no = 0; no < rounds; no += 1) seconds.push(await cliOverhead(world, table));
  return spreadOf(seconds);
}

export function ratioLines(results: readonly TableResult[], cli: Spread | null): readonly string[] {
  const ratios = results.map(({ table, ratios }) => [table, ...RATIO_NAMES.map((name) => spreadText(ratios[name]))]);
  const seconds = results.map(({ table, rows, bytes, expected, seconds }) => [
    table,
    (rows / 1e6).toString(),
    (bytes / 1e6).toFixed(0),
    String(Object.values(expected).reduce((sum, n) => sum + n, 0)),
    ...([seconds.limit, seconds.engine, seconds.run, seconds.waited, seconds.reladiff] as const).map((spread) =>
      spreadText(spread ?? null),
    ),
  ]);
  const head = ['table', 'million rows', 'MB a side', 'differ', 'limit s', 'engine s', 'run s', 'of it waits s'];
  return [
    'Ratios, median (least–greatest) of the rounds:',
    '',
    markdownTable(['table', ...RATIO_NAMES], ratios),
    '',
    'Seconds:',
    '',
    markdownTable([...head, 'reladiff s'], seconds),
    ...processorLines(results),
    ...(cli === null ? [] : ['', `\`trueup run --json\` takes ${spreadText(cli)} s longer than its run.`]),
    ...results.flatMap(({ table, wrong }) => wrong.map((why) => `WRONG ANSWER: ${table}: ${why}`)),
  ];
}

const PROFILED: readonly ContestantName[] = ['limit', 'engine', 'run'];

/** Who takes the processors' time: medians over the rounds, in seconds. */
function processorLines(results: readonly TableResult[]): readonly string[] {
  const parts = [
    ...new Set(results.flatMap(({ rounds }) => rounds.flatMap((round) => Object.keys(round.run?.processor ?? {})))),
  ];
  if (parts.length === 0) return [];
  const rows = results.flatMap(({ table, rounds }) =>
    PROFILED.flatMap((name) => {
      const times = rounds.flatMap((round) => (round[name]?.processor ? [round[name].processor] : []));
      if (times.length === 0) return [];
      const medians = parts.map((part) => spreadOf(times.map((time) => time[part] ?? 0)).median);
      const all = medians.reduce((sum, n) => sum + n, 0);
      return [[`${table}, ${name}`, ...[...medians, all].map((n) => n.toFixed(2))]];
    }),
  );
  return ['', 'Seconds of processor time, medians:', '', markdownTable(['who', ...parts, 'all'], rows)];
}
