import { createHash } from 'node:crypto';
import type { Config } from '../config/config';
import { pairOf } from '../config/config';
import { TrueupError } from '../contracts/errors';
import { CHECK_KINDS, MODES, type CheckKind, type RunMode } from '../contracts/check';
import type { CorrectionPolicy } from '../contracts/correction';
import type { Comparison, HashMethod } from '../contracts/comparison';
import { parseDuration } from '../contracts/duration';
import { DEFAULT_SAMPLE } from '../contracts/sample';
import type { ReconcileInput } from '../contracts/messages';
import type { RunConfig, TablePair } from '../contracts/table-pair';
import type { Database } from '../database/connection';
import { readForeignKeys } from '../database/foreign-key';
import { listTables, readTableShape, type TableShape } from '../database/table-shape';
import { assertCorrectable } from '../engine/apply';
import { changeTimeOf } from '../engine/change-time';
import { resolveComparison } from '../engine/comparison';
import { parentsFirst } from '../engine/table-order';
import { insertChecks } from '../ledger/check';
import { migrate } from '../ledger/migrate';
import { lockAgainstPurge, purgedText } from '../ledger/purged';
import { findEarlierRun, takeOver, type EarlierRun } from '../ledger/resume';
import { enterRefusedRun, readRunConfig, insertRun, insertRunTables, type NewRun } from '../ledger/run';
import { CHECKS } from './checks';
import type { Resources } from './resources';
import { pauseReason } from './throttle';

export interface OpenRunInput {
  readonly input: ReconcileInput;
  readonly workflowId: string;
  readonly firstExecutionRunId: string;
}

export interface OpenedTable {
  readonly name: string;
  readonly settle: { readonly delayMs: number; readonly attempts: number };
  /** What is checked of it beside its rows; absent in runs of earlier versions: nothing. */
  readonly checks?: readonly CheckKind[];
}

export interface OpenedRun {
  readonly runId: string;
  readonly tables: readonly OpenedTable[];
  readonly concurrency: number;
  readonly maxChunksPerConnection: number | null;
  /** Whether there is a query to pause by, and why it asks to pause right now. */
  readonly pauseWhile: { readonly reason: string | null } | null;
  readonly approvalTimeoutMs: number;
  /** Whether who requested the run may not approve it; absent in runs of earlier versions: they may. */
  readonly fourEyes?: boolean;
  readonly searchAttributes: boolean;
  /** Whether rows are compared; absent in runs of earlier versions: they are. */
  readonly rows?: boolean;
  /** The business rules that are checked, and how often at the most; absent: none. */
  readonly rules?: { readonly names: readonly string[]; readonly settle: OpenedTable['settle'] };
}

const OLDEST_SERVER = 140_000;

/** Checks everything that can be checked before work begins, and enters the run in the ledger. */
export async function openRun(resources: Resources, request: OpenRunInput): Promise<OpenedRun> {
  const config = await readConfig(resources, request);
  const ledger = await resources.ledger();
  try {
    return await open(resources, config, ledger, request);
  } catch (error) {
    if (error instanceof TrueupError) await enterFailure(ledger, config, request, error);
    throw error;
  }
}

/** Reads the config; where that fails, the run is noted as failed in the ledger of the config that was read before. */
async function readConfig(resources: Resources, request: OpenRunInput): Promise<Config> {
  try {
    return resources.readConfig();
  } catch (error) {
    if (error instanceof TrueupError) {
      const note = async () => enterFailure(await resources.ledger(), resources.config(), request, error);
      // A worker that never read a config knows of no ledger; the config's own failure is what there is to say.
      await note().catch(() => undefined);
    }
    throw error;
  }
}

async function open(resources: Resources, config: Config, ledger: Database, request: OpenRunInput) {
  const apply = request.input.apply === true;
  const earlier = request.input.resume === undefined ? null : await resumable(ledger, request.input.resume);
  const input = earlier ? await resumedInput(ledger, request.input, earlier.runId) : request.input;
  const mode = input.mode ?? 'full';
  const asked = await configOfRun(resources, config, input, earlier?.tables.map(({ name }) => name) ?? input.tables);
  const runConfig = mode === 'sample' ? sampled(asked, config, request, input) : asked;
  const rules = runConfig.rules ?? [];
  const kinds = checksOf(input).filter((kind) => kind !== 'rules' && kind in CHECKS);
  if (apply && runConfig.fourEyes === true) needRequester(request.input);
  const { throttle } = config;
  const pauseWhile = throttle.pauseWhile && { reason: await pauseReason(resources, throttle.pauseWhile) };
  const comparisons = await resolveTables(resources, runConfig.tables, apply, mode);
  const approvalTimeoutMs = timeoutOf(request.input, runConfig);
  const runId = await ledger.withTransaction('read write', async (session) => {
    const purged = earlier && (await lockAgainstPurge(session, earlier.runId, 'findings'));
    if (purged) {
      const what = `what run ${earlier.runId} had compared was ${purgedText(purged)}`;
      throw new TrueupError('RUN_NOT_RESUMABLE', `${what}: start a new one`);
    }
    const id = await insertRun(session, newRun(request, { ...runConfig, approvalTimeoutMs }));
    await insertRunTables(session, id, comparisons);
    await insertChecks(session, id, [
      ...runConfig.tables.flatMap(({ name }) => kinds.map((kind) => ({ kind, subject: name }))),
      ...rules.map(({ name }) => ({ kind: 'rules' as const, subject: name })),
    ]);
    if (earlier) await takeOver(session, id, earlier.runId);
    return id;
  });
  return {
    runId,
    tables: comparisons.map(({ pair }) => ({ name: pair.name, settle: pair.settle, checks: kinds })),
    concurrency: runConfig.concurrency,
    maxChunksPerConnection: throttle.maxChunksPerConnection,
    pauseWhile,
    approvalTimeoutMs,
    fourEyes: runConfig.fourEyes === true,
    searchAttributes: resources.searchAttributes,
    rows: MODES[mode].rows !== null,
    ...(rules.length === 0 ? {} : { rules: { names: rules.map(({ name }) => name), settle: config.defaults.settle } }),
  };
}

/** What a run checks beside the rows, each once, in the order of the kinds. */
function checksOf({ mode = 'full', checks = [] }: ReconcileInput): readonly CheckKind[] {
  return CHECK_KINDS.filter((kind) => MODES[mode].checks.includes(kind) || checks.includes(kind));
}

/** The config of the run that an input asks for. Throws TABLE_UNKNOWN, CONFIG_INVALID. */
async function configOfRun(
  resources: Resources,
  config: Config,
  input: ReconcileInput,
  names: readonly string[] | undefined,
): Promise<RunConfig> {
  const mode = input.mode ?? 'full';
  const all = await runConfigOf(resources, config, names);
  const marked = all.tables.filter(({ critical }) => critical);
  // A config that calls none critical does not say that none matters.
  const asked = input.critical === true && marked.length > 0 ? marked : all.tables;
  const tables = mode === 'rules' ? [] : input.unapproved === 'queue' ? asked.map(queued) : asked;
  const rules = checksOf(input).includes('rules') ? config.rules : [];
  if (mode === 'rules' && rules.length === 0) {
    throw new TrueupError('CONFIG_INVALID', 'rules: found none, and they are what this run is to check');
  }
  if (mode === 'incremental' && input.resume === undefined) needUpdatedAt(tables, input.tables !== undefined);
  const others = mode === 'rules' ? [] : await othersOf(resources, config, names ?? [], all.tables, tables);
  return {
    ...all,
    tables,
    ...(others.length === 0 ? {} : { others }),
    mode,
    rules,
    ...(input.job === undefined ? {} : { job: input.job }),
  };
}

/** The table pairs of the config that are not among those of the run. */
async function othersOf(
  resources: Resources,
  config: Config,
  names: readonly string[],
  known: readonly TablePair[],
  tables: readonly TablePair[],
): Promise<readonly TablePair[]> {
  const every = names.length === 0 ? known : (await runConfigOf(resources, config, undefined)).tables;
  return every.filter(({ name }) => !tables.some((pair) => pair.name === name));
}

/** A run that goes on from another one looks at its tables in the same way. */
async function resumedInput(ledger: Database, input: ReconcileInput, earlier: string): Promise<ReconcileInput> {
  const config = await readRunConfig(ledger, earlier);
  const mode = config?.mode ?? 'full';
  if (input.mode !== undefined && input.mode !== mode) {
    throw new TrueupError('INPUT_INVALID', `mode: found ${input.mode}, allowed with resume of run ${earlier}: ${mode}`);
  }
  const drawn = config?.tables.find(({ sample }) => sample !== undefined)?.sample;
  return { ...input, mode, ...(drawn ? { sample: drawn } : {}) };
}

/** The config of a run by sample. Without a seed it gets one of its own, by which the sample can be drawn again. */
function sampled(asked: RunConfig, config: Config, request: OpenRunInput, input: ReconcileInput): RunConfig {
  const digest = createHash('sha256').update(request.firstExecutionRunId).digest();
  const sample = { ...DEFAULT_SAMPLE, seed: digest.readUInt32BE(0), ...config.defaults.sample, ...input.sample };
  return { ...asked, tables: asked.tables.map((pair) => ({ ...pair, sample })) };
}

/** Throws UPDATED_AT_UNUSABLE where tables that are asked for by name, or all tables, cannot be told by their changes. */
function needUpdatedAt(tables: readonly TablePair[], isNamed: boolean): void {
  const lacking = tables.filter(({ updatedAt }) => updatedAt === undefined).map(({ name }) => name);
  if (lacking.length === 0 || (!isNamed && lacking.length < tables.length)) return;
  const more = lacking.length > MOST_NAMED ? ` and ${lacking.length - MOST_NAMED} more` : '';
  throw new TrueupError(
    'UPDATED_AT_UNUSABLE',
    `updatedAt is missing for ${lacking.slice(0, MOST_NAMED).join(', ')}${more}: mode incremental finds changed rows by it`,
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

/** Where four eyes are needed, two of them have to be known. Throws INPUT_INVALID. */
function needRequester({ requestedBy }: ReconcileInput): void {
  if (requestedBy !== undefined && requestedBy.trim() !== '') return;
  throw new TrueupError(
    'INPUT_INVALID',
    'requestedBy is missing: defaults.fourEyes is on, so a run that applies has to say who requested it',
  );
}

/** The config of a run over the tables that are asked for; see {@link Config.runConfig}. Throws TABLE_UNKNOWN. */
export async function runConfigOf(
  resources: Resources,
  config: Config,
  names: readonly string[] | undefined,
): Promise<RunConfig> {
  return config.runConfig(names, config.tables === null ? await discover(resources, config) : undefined);
}

/**
 * How table pairs are compared, by both catalogs as they are now, parents before children. Where corrections are to be
 * applied, privileges are checked too, and before-images have a place to go to.
 *
 * @throws TABLE_NOT_FOUND, PRIVILEGE_MISSING, SERVER_UNSUPPORTED, KEY_UNUSABLE and what {@link resolveComparison} throws.
 */
export async function resolveTables(
  resources: Resources,
  pairs: readonly TablePair[],
  apply: boolean,
  mode?: RunMode,
): Promise<readonly Comparison[]> {
  const comparisons: Comparison[] = [];
  const hashMethod = hashMethods(resources);
  for (const pair of pairs) {
    comparisons.push(await inspect(resources, pair, apply, hashMethod, mode));
  }
  const foreignKeys = [];
  for (const target of new Set(pairs.map((pair) => pair.target.connection))) {
    const database = resources.database(target, 'target');
    foreignKeys.push(...(await readForeignKeys(database)));
    if (apply) await migrate(database, resources.config().ledger.schema, 'target');
  }
  const ordered = parentsFirst(
    comparisons.map((comparison) => ({ name: comparison.pair.name, target: comparison.pair.target, comparison })),
    foreignKeys,
  );
  return ordered.map(({ comparison }) => comparison);
}

/** @throws RUN_NOT_FOUND, RUN_NOT_RESUMABLE */
async function resumable(ledger: Database, ref: string): Promise<EarlierRun> {
  const earlier = await findEarlierRun(ledger, ref);
  if (!earlier) throw new TrueupError('RUN_NOT_FOUND', `no run ${ref} in the ledger`);
  const refuse = (why: string) => new TrueupError('RUN_NOT_RESUMABLE', `run ${earlier.runId} ${why}`);
  if (earlier.kind === 'undo') throw refuse('is an undo');
  if (earlier.kind === 'review') throw refuse('carries out a review');
  if (earlier.tables.length === 0) throw refuse('ended before it came to its tables');
  const isWhole = earlier.tables.every(({ status }) => status === 'consistent' || status === 'inconsistent');
  if (isWhole) throw refuse('has compared everything');
  return earlier;
}

function timeoutOf(input: ReconcileInput, runConfig: RunConfig): number {
  return parseDuration(input.approvalTimeout ?? '') ?? runConfig.approvalTimeoutMs;
}

function newRun(request: OpenRunInput, config: RunConfig): NewRun {
  return {
    kind: 'reconcile',
    workflowId: request.workflowId,
    firstExecutionRunId: request.firstExecutionRunId,
    apply: request.input.apply === true,
    requestedBy: request.input.requestedBy ?? null,
    undoOf: null,
    config,
  };
}

async function enterFailure(ledger: Database, config: Config, request: OpenRunInput, error: TrueupError) {
  const empty: RunConfig = {
    tables: [],
    concurrency: config.defaults.concurrency,
    approvalTimeoutMs: config.defaults.approvalTimeoutMs,
    ledgerSchema: config.ledger.schema,
    ...(request.input.job === undefined ? {} : { job: request.input.job }),
  };
  await enterRefusedRun(ledger, newRun(request, empty), { code: error.code, message: error.message });
}

async function discover(resources: Resources, config: Config): Promise<readonly TablePair[]> {
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

type HashMethods = (pair: TablePair) => Promise<HashMethod>;

/** How rows are hashed on the connections of a table pair; each two of them are asked once. */
function hashMethods(resources: Resources): HashMethods {
  const known = new Map<string, Promise<HashMethod>>();
  return ({ source, target }) => {
    const id = JSON.stringify([source.connection, target.connection]);
    const method = known.get(id) ?? resources.hashMethod(source.connection, target.connection);
    known.set(id, method);
    return method;
  };
}

async function inspect(
  resources: Resources,
  pair: TablePair,
  apply: boolean,
  hashMethod: HashMethods,
  mode?: RunMode,
): Promise<Comparison> {
  const source = await shapeOf(resources, pair, 'source');
  const target = await shapeOf(resources, pair, 'target');
  needPrivileges(pair, 'source', source, ['SELECT']);
  needPrivileges(pair, 'target', target, ['SELECT', ...(apply ? neededToCorrect(pair) : [])]);
  const comparison = resolveComparison(pair, source, target, await hashMethod(pair));
  if (apply) assertCorrectable(comparison);
  const changeTime = changeTimeIn(mode, pair, source, target);
  return changeTime ? { ...comparison, changeTime } : comparison;
}

/** A full run can do without it: it only sets the watermark that the next incremental run goes by. */
function changeTimeIn(mode: RunMode | undefined, pair: TablePair, source: TableShape, target: TableShape) {
  if (pair.updatedAt === undefined || (mode !== 'incremental' && mode !== 'full')) return null;
  try {
    return changeTimeOf(pair, source, target);
  } catch (error) {
    if (mode === 'full' && error instanceof TrueupError) return null;
    throw error;
  }
}

async function shapeOf(resources: Resources, pair: TablePair, role: 'source' | 'target'): Promise<TableShape> {
  const ref = pair[role];
  const database = resources.database(ref.connection, role);
  await needVersion(database);
  const shape = await readTableShape(database, ref.schema, ref.table);
  if (shape) return shape;
  throw new TrueupError(
    'TABLE_NOT_FOUND',
    `table ${pair.name}: connection ${ref.connection} has no table ${ref.schema}.${ref.table}`,
  );
}

async function needVersion(database: Database): Promise<void> {
  const { rows } = await database.query<{ version: string }>(`select current_setting('server_version_num') as version`);
  const version = Number(rows[0]?.version ?? 0);
  if (version >= OLDEST_SERVER) return;
  throw new TrueupError(
    'SERVER_UNSUPPORTED',
    `connection ${database.name}: the server is version ${Math.floor(version / 10_000)}, 14 or newer is needed`,
  );
}

function neededToCorrect(pair: TablePair): readonly string[] {
  const acts = (policy: string) => policy === 'auto' || policy === 'approve';
  const { missing, mismatched, extra } = pair.corrections;
  return [
    ...(acts(missing) ? ['INSERT'] : []),
    // Locking a row before it is corrected takes UPDATE too.
    ...(acts(mismatched) || acts(extra) ? ['UPDATE'] : []),
    ...(acts(extra) ? ['DELETE'] : []),
  ];
}

function needPrivileges(pair: TablePair, role: 'source' | 'target', shape: TableShape, needed: readonly string[]) {
  const missing = needed.filter((privilege) => !shape.privileges.has(privilege));
  if (missing.length === 0) return;
  throw new TrueupError(
    'PRIVILEGE_MISSING',
    `table ${pair.name}: the user of connection ${pair[role].connection} lacks ${missing.join(', ')} on ${shape.schema}.${shape.name}`,
  );
}
