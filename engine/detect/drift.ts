import type { TablePair } from '../../contracts/table-pair';
import type { Database } from '../../database/connection';
import { quoteQualified } from '../../database/identifier';
import { readKnown } from '../../database/known-name';
import { readTableDefinition, type TableDefinition } from '../../database/table-definition';
import { TrueupError } from '../../contracts/errors';
import { pairColumns } from '../column-pair';
import type { Zones } from '../zone';
import { columnDrift } from './column-drift';
import { constraintDrift, parentOf } from './constraint-drift';
import { DriftContext, type Drift, type DriftObject } from './drift-context';
import { keyDrift } from './key-drift';

export interface DriftSides {
  readonly source: Database;
  readonly target: Database;
}

/** What was looked at, in numbers, and how it differs. */
export interface FoundDrift {
  readonly drifts: readonly Drift[];
  readonly columns: number;
  readonly constraints: number;
  readonly indexes: number;
  /** What cannot be compared, and why. */
  readonly notes: readonly string[];
}

/** Statements in this order can be carried out one after the other. */
const ORDER: readonly DriftObject[] = [
  'table',
  'column',
  'primary key',
  'unique key',
  'check',
  'exclusion',
  'foreign key',
  'index',
];

/**
 * How the definition of the target's table differs from the source's, as both catalogs are now; in the order in which the
 * statements that are suggested can be carried out. `zones` are those of the comparison. `pairs` say where the parents of foreign keys are in the target.
 *
 * @throws TABLE_NOT_FOUND, COLUMN_NOT_FOUND: a side has no such table any more, or lacks a column that the config maps.
 */
export async function findDrift(
  pair: TablePair,
  pairs: readonly TablePair[],
  databases: DriftSides,
  signal?: AbortSignal,
  zones?: Zones,
): Promise<FoundDrift> {
  const source = await read(databases.source, pair, 'source', signal);
  const target = await read(databases.target, pair, 'target', signal);
  const columns = pairColumns(pair, source, target);
  const unknown = { types: new Set<string>(), collations: new Set<string>(), relations: new Set<string>() };
  const context = new DriftContext(pair, pairs, source, target, columns, unknown);
  const known = await readNames(databases.target, context);
  const drifts = drift(new DriftContext(pair, pairs, source, target, columns, known, zones));
  const notes = [source.kind, target.kind].some((kind) => kind.includes('view'))
    ? ['of a view, columns and their types alone are compared']
    : [];
  return {
    drifts,
    columns: source.columns.length,
    constraints: source.constraints.length,
    indexes: source.definedIndexes.length,
    notes,
  };
}

/** See {@link findDrift}. */
export function drift(context: DriftContext): readonly Drift[] {
  const isTable = [context.source.kind, context.target.kind].every((kind) => !kind.includes('view'));
  const found = [
    ...tableDrift(context),
    ...columnDrift(context),
    ...(isTable ? [...keyDrift(context), ...constraintDrift(context)] : []),
  ];
  // A column that goes takes along what was made of it.
  const goes = ({ object, source }: Drift) => object === 'column' && source === null;
  const place = (each: Drift) => (goes(each) ? ORDER.length : ORDER.indexOf(each.object));
  return found.sort((a, b) => place(a) - place(b));
}

/** Kind and partitioning: worth knowing, and changed by no statement. */
function tableDrift({ source, target }: DriftContext): readonly Drift[] {
  const text = ({ kind, partitioning }: TableDefinition) =>
    partitioning === null ? kind : `${kind} by ${partitioning}`;
  if (text(source) === text(target)) return [];
  return [
    {
      object: 'table',
      name: target.name,
      what: 'kind',
      source: text(source),
      target: text(target),
      severity: 'low',
      meaning: 'the two sides store their rows in other ways',
      comparison: null,
      ddl: [],
    },
  ];
}

async function read(database: Database, pair: TablePair, role: 'source' | 'target', signal?: AbortSignal) {
  const { connection, schema, table } = pair[role];
  const found = await database.withTransaction(
    'repeatable read, read only',
    (session) => readTableDefinition(session, schema, table),
    signal,
  );
  if (found) return found;
  throw new TrueupError(
    'TABLE_NOT_FOUND',
    `table ${pair.name}: connection ${connection} has no table ${schema}.${table}`,
  );
}

/** Which of the names that the target's DDL may need are there. */
async function readNames(database: Database, context: DriftContext) {
  const both = (names: readonly (string | null | undefined)[]) => [
    ...new Set(names.flatMap((name) => (name == null ? [] : [name, context.moved(name)]))),
  ];
  const { columns, constraints } = context.source;
  const parents = constraints.flatMap(({ foreignKey }) => (foreignKey ? [parentOf(context, foreignKey)] : []));
  return {
    types: await readKnown(database, 'type', both(columns.flatMap((column) => [column.domain?.name, column.enumType]))),
    collations: await readKnown(database, 'collation', both(columns.map((column) => column.declaredCollation))),
    relations: await readKnown(
      database,
      'relation',
      parents.map(({ schema, table }) => quoteQualified(schema, table)),
    ),
  };
}

/** What stands in a finding's detail: what it means, what it does to the comparison, what would mend it. */
export function driftText({ meaning, comparison, ddl }: Drift): string {
  const compared = comparison ?? 'rows are compared all the same';
  const suggested = ddl.length === 0 ? 'no statement alone mends it' : `suggested for the target: ${ddl.join('; ')}`;
  return `${meaning}; ${compared}; ${suggested}`;
}
