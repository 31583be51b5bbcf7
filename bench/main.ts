// Measures Trueup on real servers: npm run bench -- --help
import { applyLines, measureApply, type ApplyResult } from './apply';
import { gather } from './contestants';
import type { Contestant, ContestantName } from './contestants/contestant';
import type { Sizes } from './home';
import { eachTable } from './loaded';
import { describeMachine, machineLines } from './machine';
import { measureMemory, memoryLines, type MemoryResult } from './memory';
import { readOptions, type BenchOptions } from './options';
import { measureCli, measureTable, ratioLines, type TableResult } from './ratios';
import { RELADIFF_VERSION } from './reladiff-tool';
import { scaleLines } from './scale';
import { checkSpace } from './space';
import type { Spread } from './statistics';
import { EMPTY_TARGET, MEMORY_TABLES } from './table';
import { World } from './world';

const onStep = (line: string) => void process.stderr.write(`${line}\n`);

interface Outcome {
  readonly results: readonly (TableResult | MemoryResult | ApplyResult)[];
  readonly cli?: Spread | null;
  readonly lines: readonly string[];
}

/** Which tables at which sizes a mode measures, in this order. */
function sizesOf({ mode, tables, rows, scale }: BenchOptions): Sizes {
  switch (mode) {
    case 'ratios':
      return tables.map((table) => ({ table, rows }));
    case 'memory':
      return MEMORY_TABLES.map((table) => ({ table, rows }));
    case 'apply':
      return [{ table: EMPTY_TARGET, rows }];
    case 'scale':
      return tables.flatMap((table) => scale.map((size) => ({ table, rows: size })));
  }
}

function contestantsOf({ mode, contestants }: BenchOptions): readonly ContestantName[] {
  if (mode === 'apply') return [];
  return mode === 'memory' ? ['run'] : contestants;
}

async function measure(world: World, options: BenchOptions, sizes: Sizes): Promise<Outcome> {
  if (options.mode === 'apply') return measureInserts(world, options, sizes);
  const contestants = await gather(world, contestantsOf(options), onStep);
  try {
    return options.mode === 'memory'
      ? await measureWorker(world, contestants, options, sizes)
      : await measureTables(world, contestants, options, sizes);
  } finally {
    await Promise.all(contestants.map((contestant) => contestant.close()));
  }
}

async function measureTables(
  world: World,
  contestants: readonly Contestant[],
  options: BenchOptions,
  sizes: Sizes,
): Promise<Outcome> {
  const results: TableResult[] = [];
  let cli: Spread | null = null;
  await world.restartWorker();
  await eachTable(world, sizes, options, onStep, async (table) => {
    // A worker's first run makes its pools and its ledger; after that a run has nothing to warm but the table.
    const cold = ['limit', 'engine', ...(results.length === 0 ? ['run'] : [])];
    const warmUp = contestants.filter(({ name }) => cold.includes(name));
    results.push(await measureTable(contestants, warmUp, table, options.rounds, onStep, () => world.processorTime()));
    if (options.mode === 'ratios' && options.contestants.includes('run')) {
      cli ??= await measureCli(world, table, options.rounds);
    }
  });
  return { results, cli, lines: options.mode === 'scale' ? scaleLines(results) : ratioLines(results, cli) };
}

async function measureWorker(
  world: World,
  contestants: readonly Contestant[],
  options: BenchOptions,
  sizes: Sizes,
): Promise<Outcome> {
  const results: MemoryResult[] = [];
  await eachTable(world, sizes, options, onStep, async (table) => {
    for (const run of contestants) results.push(await measureMemory(world, run, table));
  });
  return { results, lines: memoryLines(results) };
}

async function measureInserts(world: World, options: BenchOptions, sizes: Sizes): Promise<Outcome> {
  const results: ApplyResult[] = [];
  await eachTable(world, sizes, options, onStep, async (table) => {
    results.push(await measureApply(world, table, options.rounds, onStep));
  });
  return { results, lines: results.flatMap(applyLines) };
}

/** Whether every answer of Trueup's own was right; what reladiff answers is only printed. */
function isRight(results: Outcome['results']): boolean {
  const ours = results.flatMap(({ wrong }) => wrong ?? []).filter((why) => !why.startsWith('reladiff'));
  return ours.length === 0;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(3));
  const sizes = sizesOf(options);
  checkSpace(sizes, options.dataDir);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const world = await World.start({ sizes, dataDir: options.dataDir, onStep });
  try {
    const { results, cli, lines } = await measure(world, options, sizes);
    const reladiff = contestantsOf(options).includes('reladiff') ? RELADIFF_VERSION : null;
    const machine = await describeMachine(world.urls, world.cli, reladiff);
    const { mode, rounds } = options;
    if (options.json) console.log(JSON.stringify({ mode, rounds, machine, results, ...(cli ? { cli } : {}) }));
    else console.log([...machineLines(machine), '', ...lines].join('\n'));
    if (!isRight(results)) process.exitCode = 1;
  } finally {
    await world.stop();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
