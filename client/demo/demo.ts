import { TrueupError } from '../../contracts/errors';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import type { RunReport } from '../../contracts/run';
import { Context } from '../commands/context';
import { endedReport } from '../commands/ended';
import { followRun, type FrozenPlan } from '../commands/follow';
import { askAtGate, gateLines } from '../commands/gate';
import type { Io } from '../commands/io';
import { exitCodeOfReport, remainingOf } from '../commands/outcome';
import { startStack, type EmbeddedStack } from '../embedded/stack';
import { progressView } from '../render/progress-view';
import { summaryLines } from '../render/summary';
import { duration, plural } from '../render/text';
import type { RunHandle } from '../temporal/run-handle';
import { startReconcile } from '../temporal/start';
import { checkDemo } from './check';
import { driftFound, driftLeft, driftLines, foundPlantedDrift } from './drift-report';
import { createDemoDatabases, exportLines, makeHome, type DemoHome } from './home';
import { plantedDifferences, type DemoInventory } from './inventory';
import { checkTable, foundWhatWasPlanted, plantedTable } from './report';
import { seedDemo } from './seed';
import { Cleanup, orAborted, Steps } from './steps';
import { startWorker } from './worker-child';

export interface DemoOptions {
  /** Approves the plan by itself. */
  readonly yes: boolean;
  /** Leaves everything up until Ctrl-C. */
  readonly keep: boolean;
  readonly scale: number;
}

interface Stage {
  readonly io: Io;
  readonly options: DemoOptions;
  readonly context: Context;
  readonly home: DemoHome;
  readonly inventory: DemoInventory;
  readonly signal: AbortSignal;
}

/** Two databases that disagree, one run that mends them, and a check of it; leaves nothing behind. */
export async function runDemo(io: Io, options: DemoOptions, signal: AbortSignal): Promise<ExitCode> {
  const cleanup = new Cleanup();
  try {
    const stage = await setUp(io, options, signal, cleanup);
    const code = await reconcile(stage);
    if (options.keep && !signal.aborted) await keepUp(stage);
    return code;
  } catch (error) {
    if (!signal.aborted) throw error;
    io.err.line('\nStopped.');
    return EXIT.failed;
  } finally {
    await cleanup.run();
  }
}

async function setUp(io: Io, options: DemoOptions, signal: AbortSignal, cleanup: Cleanup): Promise<Stage> {
  const steps = new Steps(io);
  const stack = await steps.step('Temporal and PostgreSQL are up', () => startServers(steps, signal, cleanup));
  io.out.line(`  Temporal Web: ${stack.temporal.uiUrl}`);
  const home = makeHome(stack, io.env);
  cleanup.add(() => Promise.resolve(home.remove()));
  const inventory = await steps.step('Two databases, legacy and modern, are filled', () =>
    orAborted(signal, seedBoth(stack, home, options)),
  );
  const rows = Object.values(inventory.tables).reduce((sum, table) => sum + table.rowsSource, 0);
  io.out.line(
    `  ${plural(rows, 'row')} in legacy; modern disagrees in ${plural(plantedDifferences(inventory), 'row')}`,
  );
  // A worker of the user's own may serve its metrics at the address that the environment names.
  const env = { ...home.env, TRUEUP_METRICS_ADDRESS: undefined };
  const worker = await steps.step('A worker is ready', () => startWorker(env, signal));
  cleanup.add(() => worker.stop());
  const context = new Context({ ...io, env: home.env }, home.configPath);
  cleanup.add(() => context.close());
  return { io, options, context, home, inventory, signal };
}

/** Starting cannot be cut short, but whatever has been started by then is stopped. */
async function startServers(steps: Steps, signal: AbortSignal, cleanup: Cleanup): Promise<EmbeddedStack> {
  const starting = startStack({ onStep: (line) => steps.note(line) });
  cleanup.add(async () => (await starting.catch(() => null))?.stop());
  return await orAborted(signal, starting);
}

async function seedBoth(stack: EmbeddedStack, home: DemoHome, { scale }: DemoOptions): Promise<DemoInventory> {
  await createDemoDatabases(stack);
  return await seedDemo({ sourceUrl: home.legacyUrl, targetUrl: home.modernUrl, scale });
}

async function reconcile(stage: Stage): Promise<ExitCode> {
  const { io, context, signal } = stage;
  const run = await startReconcile(await context.temporal(), { apply: true, requestedBy: 'trueup demo' });
  io.out.line(`Run ${io.colors.bold(run.workflowId)} started.`);
  const link = await context.webLink(run.workflowId);
  if (link !== null) io.out.line(`  Temporal Web: ${link}`);
  const view = progressView(io.out);
  let gateShown = false;
  for (;;) {
    const end = await followRun(run, view, signal).finally(() => view.stop());
    if (end.kind === 'left') throw signal.reason;
    if (end.kind === 'closed') return await conclude(stage, run, await endedReport(context, run, end.description));
    const went = await passGate(stage, run, end.plan, gateShown);
    if (went === 'left') return EXIT.awaitingApproval;
    gateShown = true;
  }
}

async function passGate(stage: Stage, run: RunHandle, plan: FrozenPlan, shown: boolean): Promise<'moved' | 'left'> {
  const { io, options, signal, home } = stage;
  if (options.yes) {
    gateLines(io, plan).forEach((line) => io.out.line(line));
    const answer = await run.decide({ decision: 'approve', approver: 'demo', planDigest: plan.plan.digest });
    if (answer.kind !== 'recorded') {
      const why = answer.kind === 'refused' ? answer.message : `the run did not answer (${answer.kind})`;
      throw new TrueupError('DECISION_REFUSED', why);
    }
    io.out.line(`Approved by demo (--yes).\n`);
    return 'moved';
  }
  if (io.interactive) {
    const went = await askAtGate(io, run, plan, signal);
    signal.throwIfAborted();
    if (went === 'left' && !options.keep) io.out.line('\nNot decided. The demo ends here and cleans up after itself.');
    if (went === 'moved' || !options.keep) return went;
  } else if (!shown) {
    gateLines(io, plan).forEach((line) => io.out.line(line));
  }
  if (!options.keep) {
    io.out.line('Nobody can be asked here: this is no terminal. `trueup demo --yes` approves by itself.');
    return 'left';
  }
  io.out.line('The run goes on waiting. To decide from another terminal:');
  [...exportLines(home.exports), ...plan.howToApprove.map((line) => `  ${line}`)].forEach((line) => io.out.line(line));
  await untilDecided(run, signal);
  return 'moved';
}

async function untilDecided(run: RunHandle, signal: AbortSignal): Promise<void> {
  for (;;) {
    await orAborted(signal, new Promise((resolve) => setTimeout(resolve, 1_000)));
    const progress = await run.progress();
    if (progress !== null && progress.status !== 'awaiting_approval') return;
  }
}

async function conclude(stage: Stage, run: RunHandle, report: RunReport): Promise<ExitCode> {
  const { io, context, home, inventory, signal } = stage;
  const say = (...lines: readonly string[]) => lines.forEach((line) => io.out.line(line));
  say('', ...summaryLines(report, io.colors));
  say('', 'Found, of what was planted:', plantedTable(report, inventory, io.colors));
  const drift = await driftFound(context.ledger, report.runId);
  say('', ...driftLines(drift, inventory.drift, io.colors));
  const link = await context.webLink(run.workflowId);
  if (link !== null) say('', `The run in Temporal Web: ${link}`);

  if (report.status !== 'applied') return exitCodeOfReport(report) || EXIT.inconsistent;
  const startedAt = Date.now();
  const checks = await orAborted(signal, checkDemo({ legacy: home.legacyUrl, modern: home.modernUrl }));
  say('', 'Both databases, compared by plain SQL outside of Trueup:', checkTable(checks, io.colors));
  say(io.colors.dim(`(${duration(Date.now() - startedAt)})`));
  const isRight =
    foundWhatWasPlanted(report, inventory) &&
    foundPlantedDrift(drift, inventory.drift) &&
    remainingOf(report) === driftLeft(drift) &&
    checks.every((check) => check.equal);
  const mended = 'All planted differences were found, and all rows mended.';
  say(isRight ? io.colors.green(mended) : io.colors.red('NOT all is right.'));
  return isRight ? EXIT.ok : EXIT.inconsistent;
}

async function keepUp({ io, home, signal }: Stage): Promise<void> {
  io.out.line('\nEverything stays up until Ctrl-C. From another terminal:');
  exportLines(home.exports).forEach((line) => io.out.line(line));
  io.out.line(`Temporal Web: ${home.exports.TRUEUP_TEMPORAL_UI ?? ''}`);
  await orAborted(signal, new Promise(() => setInterval(() => undefined, 60_000))).catch(() => undefined);
}
