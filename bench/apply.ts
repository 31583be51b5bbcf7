import { startReconcile } from '../client/temporal/start';
import type { ReconcileResult } from '../contracts/messages';
import type { RunReport } from '../contracts/run';
import { quoteIdentifier } from '../database/identifier';
import { openLedger } from '../ledger/open';
import { readRunReport } from '../ledger/report';
import { timed, wrongAnswer } from './contestants/contestant';
import { copyThrough } from './copy-through';
import { onSession, type LoadedTable } from './load';
import { markdownTable } from './markdown';
import { megabytes } from './memory';
import { timeBetween, type ProcessorTime } from './processor-time';
import { activitySpans } from './spans';
import { spreadOf, spreadText, type Spread } from './statistics';
import type { World } from './world';

/** What one round measured: a run that inserts every row of an empty table, and COPY of the same rows. */
export interface ApplyRound {
  readonly runSeconds: number;
  readonly copySeconds: number;
  /** Seconds of each phase of the run, by the ledger. */
  readonly phases: Readonly<Record<string, number>>;
  /** Seconds from the first to the last of each of the run's activities. */
  readonly spans: Readonly<Record<string, number>>;
  /** The most resident megabytes that the worker ever had; null where the system does not tell. */
  readonly peakMb: number | null;
  readonly processor?: Readonly<Record<'run' | 'copy', ProcessorTime>>;
  readonly wrong: string | null;
}

export interface ApplyResult {
  readonly table: string;
  readonly rows: number;
  readonly rounds: readonly ApplyRound[];
  readonly ratios: Readonly<Record<ApplyRatio, Spread | null>>;
  readonly wrong: readonly string[];
}

const RATIOS = {
  'apply ÷ COPY': ({ phases, copySeconds }: ApplyRound) => (phases['applying'] ?? NaN) / copySeconds,
  'run ÷ COPY': ({ runSeconds, copySeconds }: ApplyRound) => runSeconds / copySeconds,
} as const;
type ApplyRatio = keyof typeof RATIOS;
const RATIO_NAMES = Object.keys(RATIOS) as readonly ApplyRatio[];

/** Rounds one right after the other, every second one beginning with COPY; each run has a worker and a ledger of its own. */
export async function measureApply(
  world: World,
  table: LoadedTable,
  rounds: number,
  onStep: (line: string) => void,
): Promise<ApplyResult> {
  const measured: ApplyRound[] = [];
  for (let no = 0; no < rounds; no += 1) {
    const round = await measureRound(world, table, no % 2 === 1);
    const { phases, runSeconds, copySeconds, wrong } = round;
    const applied = `applied in ${(phases['applying'] ?? 0).toFixed(2)} s of ${runSeconds.toFixed(2)} s`;
    const verdict = wrong === null ? '' : ` WRONG: ${wrong}`;
    onStep(`${table.name}, round ${no + 1}: ${applied}, COPY ${copySeconds.toFixed(2)} s${verdict}`);
    measured.push(round);
  }
  return summarize(table, measured);
}

/** A round with a wrong answer has no ratio. */
export function summarize({ table, rows }: LoadedTable, rounds: readonly ApplyRound[]): ApplyResult {
  const right = rounds.filter(({ wrong }) => wrong === null);
  const ratios = Object.fromEntries(
    RATIO_NAMES.map((name) => [name, right.length === 0 ? null : spreadOf(right.map(RATIOS[name]))]),
  ) as ApplyResult['ratios'];
  return { table: table.name, rows, rounds, ratios, wrong: rounds.flatMap(({ wrong }) => wrong ?? []) };
}

async function measureRound(world: World, table: LoadedTable, copyFirst: boolean): Promise<ApplyRound> {
  const worker = await world.restartWorker();
  const clocked = async <T>(work: () => Promise<T>) => {
    await settleServers(world);
    const before = world.processorTime();
    const { seconds, result } = await timed(work);
    const after = world.processorTime();
    return { seconds, result, processor: before && after ? timeBetween(before, after) : null };
  };
  const copied = copyFirst ? await measureCopy(world, table, clocked) : null;
  await onSession(world.urls.target, (client) => client.query(`truncate ${quoteIdentifier(table.name)}`));
  const run = await clocked(async () => {
    const { workflowId } = await startReconcile(world.temporal, { tables: [table.name], apply: true });
    await world.temporal.client.workflow.getHandle<() => Promise<ReconcileResult>>(workflowId).result();
    return workflowId;
  });
  const peakMb = megabytes(worker.pid, 'VmHWM');
  const report = await reportOf(world, run.result);
  const wrong = await wrongRun(world, table, report);
  const copy = copied ?? (await measureCopy(world, table, clocked));
  return {
    runSeconds: run.seconds,
    copySeconds: copy.seconds,
    phases: Object.fromEntries(Object.entries(report?.phases ?? {}).map(([phase, ms]) => [phase, ms / 1_000])),
    spans: await activitySpans(world.temporal, [run.result, `${run.result}/${table.name}`]),
    peakMb,
    ...(run.processor && copy.processor ? { processor: { run: run.processor, copy: copy.processor } } : {}),
    wrong: wrong ?? copy.result,
  };
}

type Clocked = <T>(
  work: () => Promise<T>,
) => Promise<{ readonly seconds: number; readonly result: T; readonly processor: ProcessorTime | null }>;

/** COPY of the source's rows into an empty table with the target's columns and indexes; null as `result`: all arrived. */
async function measureCopy({ urls }: World, table: LoadedTable, clocked: Clocked) {
  const to = `${table.name}_copy`;
  const run = (sql: string) => onSession(urls.target, (client) => client.query<{ n: string }>(sql));
  await run(`drop table if exists ${quoteIdentifier(to)}`);
  await run(`create table ${quoteIdentifier(to)} (like ${quoteIdentifier(table.name)} including all)`);
  try {
    const copied = await clocked(() => copyThrough(urls, table.name, to));
    const { rows } = await run(`select count(*) as n from ${quoteIdentifier(to)}`);
    const found = { copied: Number(rows[0]?.n) };
    return { ...copied, result: wrongAnswer({ copied: table.expected.missing_in_target }, found) };
  } finally {
    await run(`drop table ${quoteIdentifier(to)}`);
  }
}

/** What was written before is on the disk: nobody pays for what another one left to be written. */
async function settleServers({ urls }: World): Promise<void> {
  await Promise.all([urls.source, urls.target].map((url) => onSession(url, (client) => client.query('checkpoint'))));
}

async function reportOf({ urls }: World, workflowId: string): Promise<RunReport | null> {
  const ledger = openLedger({ name: 'target', url: urls.target, schema: 'trueup' });
  try {
    return await readRunReport(ledger, workflowId);
  } finally {
    await ledger.close();
  }
}

/** Every row is there, with its marker and its entry in the log, and the run says so. */
async function wrongRun({ urls }: World, table: LoadedTable, report: RunReport | null): Promise<string | null> {
  const missing = table.expected.missing_in_target;
  const { rows } = await onSession(urls.target, (client) =>
    client.query<{ rows: string; markers: string }>(
      `select (select count(*) from ${quoteIdentifier(table.name)}) as rows,
              (select count(*) from trueup.before_image) as markers`,
    ),
  );
  const found = { rows: Number(rows[0]?.rows), markers: Number(rows[0]?.markers) };
  const { status, corrections, verified } = report ?? {};
  return wrongAnswer(
    {
      status: 'applied',
      corrections: { SUCCESS: missing },
      verified: { checked: missing, differing: 0 },
      rows: missing,
      markers: missing,
    },
    { status, corrections, verified, ...found },
  );
}

export function applyLines({ table, rows, rounds, ratios, wrong }: ApplyResult): readonly string[] {
  const spread = (pick: (round: ApplyRound) => number) => spreadText(spreadOf(rounds.map(pick)));
  const peaks = rounds.flatMap(({ peakMb }) => peakMb ?? []);
  const peak = peaks.length === 0 ? '–' : Math.max(...peaks).toFixed(0);
  const head = ['table', 'million rows', 'apply s', 'run s', 'COPY s', ...RATIO_NAMES, 'worker MB at the most'];
  const seconds = [
    spread(({ phases }) => phases['applying'] ?? NaN),
    spread(({ runSeconds }) => runSeconds),
    spread(({ copySeconds }) => copySeconds),
  ];
  return [
    markdownTable(head, [
      [table, (rows / 1e6).toString(), ...seconds, ...RATIO_NAMES.map((name) => spreadText(ratios[name])), peak],
    ]),
    ...namedSeconds('Seconds of each phase:', 'phase', rounds, (round) => round.phases),
    ...namedSeconds('Seconds from the first to the last of an activity:', 'activity', rounds, (round) => round.spans),
    ...processorLines(rounds),
    ...wrong.map((why) => `WRONG ANSWER: ${table}: ${why}`),
  ];
}

function namedSeconds(
  title: string,
  what: string,
  rounds: readonly ApplyRound[],
  pick: (round: ApplyRound) => Readonly<Record<string, number>>,
): readonly string[] {
  const names = [...new Set(rounds.flatMap((round) => Object.keys(pick(round))))];
  const rows = names.map((name) => [name, spreadText(spreadOf(rounds.map((round) => pick(round)[name] ?? 0)))]);
  return ['', title, '', markdownTable([what, 's'], rows)];
}

function processorLines(rounds: readonly ApplyRound[]): readonly string[] {
  const times = rounds.flatMap(({ processor }) => processor ?? []);
  const [first] = times;
  if (first === undefined) return [];
  const parts = Object.keys(first.run);
  const rows = (['run', 'copy'] as const).map((who) => {
    const medians = parts.map((part) => spreadOf(times.map((time) => time[who][part] ?? 0)).median);
    return [who, ...[...medians, medians.reduce((sum, n) => sum + n, 0)].map((n) => n.toFixed(2))];
  });
  return ['', 'Seconds of processor time, medians:', '', markdownTable(['who', ...parts, 'all'], rows)];
}
