import { DEFAULT_CHECKS, type BusinessRule, type TableChecks } from '../contracts/check';
import { TrueupError } from '../contracts/errors';
import type { SampleWish } from '../contracts/sample';
import type { SideEffectPolicy } from '../contracts/side-effect';
import { named } from '../contracts/named';
import type { RunConfig, TablePair, TableRef } from '../contracts/table-pair';
import type { Throttle } from '../contracts/throttle';
import { DEFAULTS, defaultMaxConnections, pairOf, type Config, type Defaults, type PairDefaults } from './config';
import type { Problem } from './problem';
import type { ConfigFile, TableEntry } from './schema';
import { nearest } from './near-miss';
import type { Path } from './path';
import { parseTableName, TABLE_NAME_FORM, type TableName } from './table-name';

export type Resolved = Omit<Config, 'path' | 'connectionUrl'>;

type Side = 'source' | 'target';

const MIN_PAUSE_EVERY_MS = 100;

/** Puts the defaults in and follows every reference; what leads nowhere is a problem, and all of them are reported. */
export function resolveConfig(file: ConfigFile): { readonly config: Resolved; readonly problems: readonly Problem[] } {
  const connectionNames = Object.keys(file.connections);
  const problems: Problem[] = [];
  const checkConnection = (name: string | undefined, path: Path): void => {
    if (name === undefined || !connectionNames.includes(name)) {
      problems.push({ path, allowed: `the name of a connection: ${connectionNames.join(', ')}` });
    }
  };

  const defaults = resolveDefaults(file);
  if (file.defaults?.source !== undefined) checkConnection(file.defaults.source, ['defaults', 'source']);
  if (file.defaults?.target !== undefined) checkConnection(file.defaults.target, ['defaults', 'target']);

  const ledgerConnection = file.ledger?.connection ?? file.defaults?.target;
  if (file.ledger?.connection !== undefined || file.defaults?.target === undefined) {
    checkConnection(file.ledger?.connection, ['ledger', 'connection']);
  }

  if (file.throttle?.pauseWhile) {
    checkConnection(file.throttle.pauseWhile.connection, ['throttle', 'pauseWhile', 'connection']);
  }

  const refOf = (entry: TableEntry, index: number, side: Side, fallback: () => TableName | null) => {
    const given = entry[side];
    if (given?.connection !== undefined) checkConnection(given.connection, ['tables', index, side, 'connection']);
    else if (file.defaults?.[side] === undefined) checkConnection(undefined, ['defaults', side]);
    const name = given === undefined ? fallback() : parseTableName(given.table);
    return {
      connection: given?.connection ?? file.defaults?.[side] ?? '',
      schema: name?.schema ?? '',
      table: name?.table ?? '',
    };
  };
  const resolvePair = (entry: TableEntry, index: number): TablePair => {
    const source = refOf(entry, index, 'source', () => {
      const name = parseTableName(entry.name);
      const allowed = `${TABLE_NAME_FORM}; or any name beside a source`;
      if (name === null) problems.push({ path: ['tables', index, 'name'], allowed });
      return name;
    });
    const target = refOf(entry, index, 'target', () => source);
    if (sameTable(source, target)) {
      problems.push({
        path: ['tables', index, 'target'],
        found: 'found the source table itself',
        allowed: 'a table of another connection, or another table',
      });
    }
    return withEntry(pairOf(defaults, { name: entry.name, source, target }), entry);
  };
  const tables = file.tables?.map(resolvePair) ?? null;

  if (tables === null) {
    for (const side of ['source', 'target'] as const) {
      if (file.defaults?.[side] === undefined) checkConnection(undefined, ['defaults', side]);
    }
    if (defaults.source !== null && defaults.source === defaults.target) {
      problems.push({ path: ['defaults', 'target'], allowed: 'another connection than the source' });
    }
  }
  problems.push(...repeatedNames(file.tables, 'tables'), ...repeatedNames(file.rules, 'rules'));
  problems.push(...unknownParents(file.tables));
  const rules = (file.rules ?? []).map((entry, index): BusinessRule => {
    for (const side of ['source', 'target'] as const) {
      if (entry[side] !== undefined) checkConnection(entry[side], ['rules', index, side]);
      else if (file.defaults?.[side] === undefined) checkConnection(undefined, ['defaults', side]);
    }
    return {
      name: entry.name,
      sourceQuery: entry.sourceQuery,
      targetQuery: entry.targetQuery,
      tolerance: entry.tolerance === undefined ? DEFAULTS.ruleTolerance : String(entry.tolerance),
      source: entry.source ?? defaults.source ?? '',
      target: entry.target ?? defaults.target ?? '',
      timeoutMs: entry.timeout ?? DEFAULTS.ruleTimeoutMs,
    };
  });

  const config: Resolved = {
    connectionNames,
    ledger: {
      connection: ledgerConnection ?? '',
      schema: file.ledger?.schema ?? DEFAULTS.ledgerSchema,
      retentionMs: file.ledger?.retention ?? null,
    },
    defaults,
    throttle: resolveThrottle(file),
    tables,
    rules,
    schedules: file.schedules ?? {},
    maxConnections: (name) => file.connections[name]?.maxConnections ?? defaultMaxConnections(defaults.concurrency),
    timeZone: (name) => file.connections[name]?.timeZone,
    runConfig: (tableNames, discovered) => runConfigOf(config, tableNames ?? [], discovered),
  };
  return { config, problems };
}

function resolveThrottle({ throttle }: ConfigFile): Throttle {
  const given = throttle?.pauseWhile;
  return {
    maxChunksPerConnection: throttle?.maxChunksPerConnection ?? null,
    pauseWhile: given
      ? {
          name: given.name ?? given.connection,
          connection: given.connection,
          query: given.query,
          above: given.above,
          // A query at every turn of the clock would be a load of its own.
          everyMs: Math.max(MIN_PAUSE_EVERY_MS, given.every ?? DEFAULTS.pauseEveryMs),
        }
      : null,
  };
}

function resolveDefaults(file: ConfigFile): Defaults {
  const given = file.defaults;
  return {
    source: given?.source ?? null,
    target: given?.target ?? null,
    exclude: given?.exclude ?? DEFAULTS.exclude,
    chunkRows: given?.chunkRows ?? DEFAULTS.chunkRows,
    concurrency: given?.concurrency ?? DEFAULTS.concurrency,
    statementTimeoutMs: given?.statementTimeout ?? DEFAULTS.statementTimeoutMs,
    settle: settleOf(DEFAULTS.settle, given?.settle),
    ...(given?.overlap === undefined ? {} : { overlapMs: given.overlap }),
    sample: defined(given?.sample ?? {}),
    approvalTimeoutMs: given?.approvalTimeout ?? DEFAULTS.approvalTimeoutMs,
    corrections: correctionsOf(DEFAULTS.corrections, given?.corrections),
    ...(given?.keySpelling === undefined ? {} : { keySpelling: given.keySpelling }),
    guard: guardOf(DEFAULTS.guard, given?.guard),
    ...(given?.sideEffects === undefined ? {} : { sideEffects: sideEffectsOf(given.sideEffects) }),
    fourEyes: given?.fourEyes ?? DEFAULTS.fourEyes,
    undo: given?.undo ?? DEFAULTS.undo,
  };
}

function defined(wish: NonNullable<NonNullable<ConfigFile['defaults']>['sample']>): SampleWish {
  return Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined));
}

function withEntry(pair: TablePair, entry: TableEntry): TablePair {
  return {
    ...pair,
    key: entry.key ?? pair.key,
    columns: entry.columns ?? pair.columns,
    exclude: entry.exclude ?? pair.exclude,
    ...(entry.tolerance === undefined ? {} : { tolerance: entry.tolerance }),
    ...(entry.text === undefined ? {} : { text: entry.text }),
    where: entry.where ?? pair.where,
    critical: entry.critical ?? pair.critical,
    ...(entry.updatedAt === undefined ? {} : { updatedAt: entry.updatedAt }),
    ...(entry.timeZone === undefined ? {} : { timeZone: entry.timeZone }),
    ...(entry.overlap === undefined ? {} : { overlapMs: entry.overlap }),
    ...(entry.checks === undefined ? {} : { checks: checksOf(entry.checks) }),
    corrections: correctionsOf(pair.corrections, entry.corrections),
    ...(entry.keySpelling === undefined ? {} : { keySpelling: entry.keySpelling }),
    guard: guardOf(pair.guard ?? DEFAULTS.guard, entry.guard),
    ...(entry.sideEffects === undefined ? {} : { sideEffects: sideEffectsOf(entry.sideEffects) }),
    chunkRows: entry.chunkRows ?? pair.chunkRows,
    settle: settleOf(pair.settle, entry.settle),
  };
}

/** The schema has seen to the names. */
function sideEffectsOf(given: NonNullable<TableEntry['sideEffects']>): SideEffectPolicy {
  if (typeof given === 'string') return given;
  return { allow: given.allow.flatMap((name) => parseTableName(name) ?? []) };
}

function checksOf(given: NonNullable<TableEntry['checks']>): TableChecks {
  return {
    order: (given.order ?? []).map(orderOf),
    notFuture: given.notFuture ?? DEFAULT_CHECKS.notFuture,
    notBefore: given.notBefore ?? DEFAULT_CHECKS.notBefore,
    monotonic: given.monotonic ?? DEFAULT_CHECKS.monotonic,
    groupBy: given.groupBy ?? DEFAULT_CHECKS.groupBy,
    sums: given.sums ?? DEFAULT_CHECKS.sums,
    countHigh: given.countHigh ?? DEFAULT_CHECKS.countHigh,
    references: (given.references ?? []).map(({ columns, parent, parentColumns }) => ({
      columns,
      parent,
      parentColumns: parentColumns ?? null,
    })),
  };
}

/** `created_at <= shipped_at`; the schema has seen to its form. */
function orderOf(condition: string): TableChecks['order'][number] {
  const [, left = '', operator = '', right = ''] = /^([^<>=]+)(<=|>=|<|>|=)([^<>=]+)$/.exec(condition) ?? [];
  return { left: left.trim(), operator, right: right.trim() };
}

function unknownParents(tables: readonly TableEntry[] | undefined): Problem[] {
  const names = (tables ?? []).map(({ name }) => name);
  return (tables ?? []).flatMap(({ checks }, index) =>
    (checks?.references ?? []).flatMap(({ parent }, at) =>
      names.includes(parent)
        ? []
        : [
            {
              path: ['tables', index, 'checks', 'references', at, 'parent'],
              allowed: 'the name of a table of this file',
            },
          ],
    ),
  );
}

function correctionsOf(
  base: PairDefaults['corrections'],
  given: TableEntry['corrections'],
): PairDefaults['corrections'] {
  return {
    missing: given?.missing ?? base.missing,
    mismatched: given?.mismatched ?? base.mismatched,
    extra: given?.extra ?? base.extra,
  };
}

function guardOf(base: PairDefaults['guard'], given: TableEntry['guard']): PairDefaults['guard'] {
  return {
    rows: given?.rows ?? base.rows,
    percent: given?.percent ?? base.percent,
    wipe: given?.wipe ?? base.wipe ?? DEFAULTS.guard.wipe,
  };
}

function settleOf(base: PairDefaults['settle'], given: TableEntry['settle']): PairDefaults['settle'] {
  return { delayMs: given?.delay ?? base.delayMs, attempts: given?.attempts ?? base.attempts };
}

function sameTable(a: TableRef, b: TableRef): boolean {
  return a.connection !== '' && a.connection === b.connection && a.schema === b.schema && a.table === b.table;
}

function repeatedNames(entries: readonly { readonly name: string }[] | undefined, list: string): Problem[] {
  const seen = new Set<string>();
  const problems: Problem[] = [];
  for (const [index, { name }] of (entries ?? []).entries()) {
    const allowed = `a name that no other of the ${list} has`;
    if (seen.has(name)) problems.push({ path: [list, index, 'name'], allowed });
    seen.add(name);
  }
  return problems;
}

function runConfigOf(config: Resolved, asked: readonly string[], discovered?: readonly TablePair[]): RunConfig {
  const known = config.tables ?? discovered;
  if (known === undefined) {
    throw new TrueupError('INTERNAL', 'the config names no tables, and none were looked up in the databases');
  }
  const unknown = asked.filter((name) => !known.some((pair) => pair.name === name));
  if (unknown.length > 0) throw tableUnknown(unknown, known);
  return {
    tables: asked.length === 0 ? known : known.filter((pair) => asked.includes(pair.name)),
    concurrency: config.defaults.concurrency,
    throttle: config.throttle,
    approvalTimeoutMs: config.defaults.approvalTimeoutMs,
    guard: config.defaults.guard,
    fourEyes: config.defaults.fourEyes,
    ledgerSchema: config.ledger.schema,
  };
}

/** Tables named in a message at the most: a database may have thousands. */
const MOST_NAMED = 20;

function tableUnknown(unknown: readonly string[], known: readonly TablePair[]): TrueupError {
  const names = known.map((pair) => pair.name);
  const asked = unknown.map((name) => {
    const near = nearest(name, names);
    return near === null ? JSON.stringify(name) : `${JSON.stringify(name)} (did you mean ${near}?)`;
  });
  const existing = names.length === 0 ? 'there are none' : `there are ${named(names, MOST_NAMED)}`;
  return new TrueupError('TABLE_UNKNOWN', `no table pair ${asked.join(', ')}; ${existing}`);
}
