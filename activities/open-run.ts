import type { Config } from '../config/config';
import { TrueupError } from '../contracts/errors';
import type { LedgerIdentity } from '../contracts/server';
import { MODES, type CheckKind } from '../contracts/check';
import { parseDuration } from '../contracts/duration';
import type { ReconcileInput } from '../contracts/messages';
import type { RunConfig } from '../contracts/table-pair';
import type { Database } from '../database/connection';
import { insertChecks } from '../ledger/check';
import { lockAgainstPurge, purgedText } from '../ledger/purged';
import { findEarlierRun, takeOver, type EarlierRun } from '../ledger/resume';
import { enterRefusedRun, insertRun, insertRunTables, type NewRun } from '../ledger/run';
import { readServers, setServers } from '../ledger/servers';
import { resolveTables } from './resolve-tables';
import type { Resources } from './resources';
import { checksOf, configOfRun, resumedInput, sampled } from './run-config';
import { openServers } from './servers';
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
  /** Where the run is entered; its steps are held to it. Absent in histories of earlier versions. */
  readonly ledger?: LedgerIdentity;
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

/** Checks everything that can be checked before work begins, and enters the run in the ledger. */
export async function openRun(resources: Resources, request: OpenRunInput): Promise<OpenedRun> {
  const config = await readConfig(resources, request);
  const ledger = await resources.ledger();
  try {
    return await open(resources, config, ledger, request);
  } catch (error) {
    const isOfRun = error instanceof TrueupError && error.code !== 'WRONG_DATABASE';
    if (isOfRun) await enterFailure(ledger, config, request, error);
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
  const runConfig = mode === 'sample' ? sampled(asked, config, request.firstExecutionRunId, input) : asked;
  const rules = runConfig.rules ?? [];
  const kinds = checksOf(input).filter((kind) => kind !== 'rules');
  if (apply && runConfig.fourEyes === true) needRequester(request.input);
  const { throttle } = config;
  const before = earlier && (await readServers(ledger, earlier.runId));
  const { servers, held } = await openServers(resources, runConfig, before);
  const pauseWhile = throttle.pauseWhile && { reason: await pauseReason(held, throttle.pauseWhile) };
  const comparisons = await resolveTables(held, runConfig.tables, apply, mode);
  const approvalTimeoutMs = timeoutOf(request.input, runConfig);
  const runId = await ledger.withTransaction('read write', async (session) => {
    const purged = earlier && (await lockAgainstPurge(session, earlier.runId, 'findings'));
    if (purged) {
      const what = `what run ${earlier.runId} had compared was ${purgedText(purged)}`;
      throw new TrueupError('RUN_NOT_RESUMABLE', `${what}: start a new one`);
    }
    const id = await insertRun(session, newRun(request, { ...runConfig, approvalTimeoutMs }));
    await setServers(session, id, servers);
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
    ledger: servers.ledger,
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

/** Where four eyes are needed, two of them have to be known. Throws INPUT_INVALID. */
function needRequester({ requestedBy }: ReconcileInput): void {
  if (requestedBy !== undefined && requestedBy.trim() !== '') return;
  throw new TrueupError(
    'INPUT_INVALID',
    'requestedBy is missing: defaults.fourEyes is on, so a run that applies has to say who requested it',
  );
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
