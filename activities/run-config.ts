import { createHash } from 'node:crypto';
import type { Config } from '../config/config';
import { pairOf } from '../config/config';
import { TrueupError } from '../contracts/errors';
import { CHECK_KINDS, MODES, type CheckKind } from '../contracts/check';
import type { CorrectionPolicy } from '../contracts/correction';
import { named } from '../contracts/named';
import { DEFAULT_SAMPLE } from '../contracts/sample';
import type { ReconcileInput } from '../contracts/messages';
import type { RunConfig, TablePair } from '../contracts/table-pair';
import type { Database } from '../database/connection';
import { listTables } from '../database/table-shape';
import { readRunConfig } from '../ledger/run';
import type { Resources } from './resources';

/** What a run checks beside the rows, each once, in the order of the kinds. */
export function checksOf({ mode = 'full', checks = [] }: ReconcileInput): readonly CheckKind[] {
  return CHECK_KINDS.filter((kind) => MODES[mode].checks.includes(kind) || checks.includes(kind));
}

/** The config of the run that an input asks for. Throws TABLE_UNKNOWN, CONFIG_INVALID. */
export async function configOfRun(
  resources: Resources,
  config: Config,
  input: ReconcileInput,
  names: readonly string[] | undefined,
): Promise<RunConfig> {
  const mode = input.mode ?? 'full';
  const discovered = await discoveredIn(resources, config);
  const all = config.runConfig(names, discovered);
  const marked = all.tables.filter(({ critical }) => critical);
  // A config that calls none critical does not say that none matters.
  const asked = input.critical === true && marked.length > 0 ? marked : all.tables;
  const tables = mode === 'rules' ? [] : input.unapproved === 'queue' ? asked.map(queued) : asked;
  const rules = checksOf(input).includes('rules') ? config.rules : [];
  if (mode === 'rules' && rules.length === 0) {
    throw new TrueupError('CONFIG_INVALID', 'rules: found none, and they are what this run is to check');
  }
  if (mode === 'incremental' && input.resume === undefined) needUpdatedAt(tables, input.tables !== undefined);
  const every = mode === 'rules' ? [] : config.runConfig(undefined, discovered).tables;
  const others = every.filter(({ name }) => !tables.some((pair) => pair.name === name));
  return {
    ...all,
    tables,
    ...(others.length === 0 ? {} : { others }),
    mode,
    rules,
    ...(input.job === undefined ? {} : { job: input.job }),
  };
}

/** A run that goes on from another one looks at its tables in the same way. */
export async function resumedInput(ledger: Database, input: ReconcileInput, earlier: string): Promise<ReconcileInput> {
  const config = await readRunConfig(ledger, earlier);
  const mode = config?.mode ?? 'full';
  if (input.mode !== undefined && input.mode !== mode) {
    throw new TrueupError('INPUT_INVALID', `mode: found ${input.mode}, allowed with resume of run ${earlier}: ${mode}`);
  }
  const drawn = config?.tables.find(({ sample }) => sample !== undefined)?.sample;
  return { ...input, mode, ...(drawn ? { sample: drawn } : {}) };
}

/** The config of a run by sample. Without a seed it gets one of its own, by which the sample can be drawn again. */
export function sampled(
  asked: RunConfig,
  config: Config,
  firstExecutionRunId: string,
  input: ReconcileInput,
): RunConfig {
  const digest = createHash('sha256').update(firstExecutionRunId).digest();
  const sample = { ...DEFAULT_SAMPLE, seed: digest.readUInt32BE(0), ...config.defaults.sample, ...input.sample };
  return { ...asked, tables: asked.tables.map((pair) => ({ ...pair, sample })) };
}

/** Throws UPDATED_AT_UNUSABLE where tables that are asked for by name, or all tables, cannot be told by their changes. */
function needUpdatedAt(tables: readonly TablePair[], isNamed: boolean): void {
  const lacking = tables.filter(({ updatedAt }) => updatedAt === undefined).map(({ name }) => name);
  if (lacking.length === 0 || (!isNamed && lacking.length < tables.length)) return;
  throw new TrueupError(
    'UPDATED_AT_UNUSABLE',
    `updatedAt is missing for ${named(lacking, MOST_NAMED)}: mode incremental finds changed rows by it`,
  );
}

/** Tables named in a message at the most. */
const MOST_NAMED = 20;

/** The pair with a policy that waits for nobody: what would need approval goes to the review queue. */
function queued(pair: TablePair): TablePair {
  const { missing, mismatched, extra } = pair.corrections;
  const unattended = (policy: CorrectionPolicy) => (policy === 'approve' ? 'review' : policy);
  return {
    ...pair,
    corrections: { missing: unattended(missing), mismatched: unattended(mismatched), extra: unattended(extra) },
  };
}

/** The config of a run over the tables that are asked for; see {@link Config.runConfig}. Throws TABLE_UNKNOWN. */
export async function runConfigOf(
  resources: Resources,
  config: Config,
  names: readonly string[] | undefined,
): Promise<RunConfig> {
  return config.runConfig(names, await discoveredIn(resources, config));
}

/** The pairs of a config that names none: what both databases have. Undefined: it names them itself. */
async function discoveredIn(resources: Resources, config: Config): Promise<readonly TablePair[] | undefined> {
  if (config.tables !== null) return undefined;
  const { source, target } = config.defaults;
  if (source === null || target === null) {
    throw new TrueupError('CONFIG_INVALID', 'tables: left out, which needs defaults.source and defaults.target');
  }
  const ofTarget = await listTables(resources.database(target, 'target'));
  const known = new Set(ofTarget.map((table) => JSON.stringify([table.schema, table.name])));
  const ofSource = await listTables(resources.database(source, 'source'));
  return ofSource
    .filter(({ schema, name }) => schema !== config.ledger.schema && known.has(JSON.stringify([schema, name])))
    .map(({ schema, name }) =>
      pairOf(config.defaults, {
        name: schema === 'public' ? name : `${schema}.${name}`,
        source: { connection: source, schema, table: name },
        target: { connection: target, schema, table: name },
      }),
    );
}
