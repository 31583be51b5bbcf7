import { TrueupError } from '../contracts/errors';
import type { RunMode } from '../contracts/check';
import type { Comparison, HashMethod, Unread } from '../contracts/comparison';
import type { TablePair } from '../contracts/table-pair';
import type { Database } from '../database/connection';
import { readForeignKeys } from '../database/foreign-key';
import { readSight } from '../database/sight';
import { readTableShape, type TableShape } from '../database/table-shape';
import { assertCorrectable } from '../engine/apply';
import { changeTimeOf } from '../engine/change-time';
import { resolveComparison } from '../engine/comparison';
import { withReferences } from '../engine/reference-column';
import type { Zones } from '../engine/zone';
import { parentsFirst } from '../engine/table-order';
import { migrate } from '../ledger/migrate';
import type { Resources } from './resources';
import { TimeZones } from './time-zones';

const OLDEST_SERVER = 140_000;

/**
 * How table pairs are compared, by both catalogs as they are now, parents before children. Where corrections are to be
 * applied, privileges are checked too, and before-images have a place to go to. A pair that cannot be read as a whole says
 * so ({@link Comparison.unread}), and the others go on.
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
  const zones = new TimeZones(resources);
  for (const pair of pairs) {
    comparisons.push(await inspect(resources, pair, { apply, hashMethod, zones }, mode));
  }
  // Where nothing at all can be read there is no run.
  if (comparisons.every(({ unread }) => unread?.code === 'PRIVILEGE_MISSING')) needRead(comparisons);
  const foreignKeys = [];
  const referring = new Map<string, Comparison>();
  for (const target of new Set(pairs.map((pair) => pair.target.connection))) {
    const database = resources.database(target, 'target');
    const ofTarget = await readForeignKeys(database);
    foreignKeys.push(...ofTarget);
    const here = comparisons.filter(({ pair }) => pair.target.connection === target);
    for (const found of withReferences(here, ofTarget)) referring.set(found.pair.name, found);
    const isWritten = comparisons.some(({ pair, unread }) => !unread && pair.target.connection === target);
    if (apply && isWritten) await migrate(database, resources.config().ledger.schema, 'target');
  }
  const ordered = parentsFirst(
    comparisons
      .map((comparison) => referring.get(comparison.pair.name) ?? comparison)
      .map((comparison) => ({ name: comparison.pair.name, target: comparison.pair.target, comparison })),
    foreignKeys,
  );
  return ordered.map(({ comparison }) => comparison);
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
  {
    apply,
    hashMethod,
    zones,
  }: { readonly apply: boolean; readonly hashMethod: HashMethods; readonly zones: TimeZones },
  mode?: RunMode,
): Promise<Comparison> {
  const source = await shapeOf(resources, pair, 'source');
  const target = await shapeOf(resources, pair, 'target');
  const { unread, notes } = await lookAt(resources, pair, apply);
  if (apply && !unread) needPrivileges(pair, target, neededToCorrect(pair));
  const inZones = await zones.of(pair);
  const resolved = resolveComparison(pair, source, target, await hashMethod(pair), inZones);
  const comparison = { ...resolved, notes: [...resolved.notes, ...notes] };
  if (unread) return { ...comparison, unread };
  if (apply) assertCorrectable(comparison);
  const changeTime = changeTimeIn(mode, pair, source, target, inZones);
  return changeTime ? { ...comparison, changeTime } : comparison;
}

/** A full run can do without it: it only sets the watermark that the next incremental run goes by. */
function changeTimeIn(
  mode: RunMode | undefined,
  pair: TablePair,
  source: TableShape,
  target: TableShape,
  zones: Zones,
) {
  if (pair.updatedAt === undefined || (mode !== 'incremental' && mode !== 'full')) return null;
  try {
    return changeTimeOf(pair, source, target, zones);
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

function needPrivileges(pair: TablePair, target: TableShape, needed: readonly string[]): void {
  const missing = needed.filter((privilege) => !target.privileges.has(privilege));
  if (missing.length === 0) return;
  throw new TrueupError(
    'PRIVILEGE_MISSING',
    `table ${pair.name}: the user of connection ${pair.target.connection} lacks ${missing.join(', ')} on ${target.schema}.${target.name}`,
  );
}

/** What both sides' users see of a pair's tables: why they do not see everything, and what its reader should know. */
async function lookAt(
  resources: Resources,
  pair: TablePair,
  apply: boolean,
): Promise<{ readonly unread: Unread | null; readonly notes: readonly string[] }> {
  let unread: Unread | null = null;
  const notes: string[] = [];
  for (const role of ['source', 'target'] as const) {
    const { connection, schema, table } = pair[role];
    const sight = await readSight(resources.database(connection, role), schema, table);
    if (!sight) continue;
    if (apply && role === 'target' && sight.standby) {
      const message = `table ${pair.name}: connection ${connection} is a standby, which takes no corrections`;
      throw new TrueupError('READ_ONLY', message, { retryable: false });
    }
    notes.push(...sight.beyond.map((what) => `the ${role} ${what}`));
    const { blindness } = sight;
    if (!blindness || unread) continue;
    const message = `table ${pair.name}: the user of connection ${connection} ${blindness.why}`;
    unread = { code: blindness.code, message: `${message}; what helps: ${blindness.remedy}` };
  }
  return { unread, notes };
}

/**
 * Throws where a pair cannot be read.
 *
 * @throws ROW_SECURITY, PRIVILEGE_MISSING
 */
export function needRead(comparisons: readonly Comparison[]): void {
  for (const { unread } of comparisons) if (unread) throw new TrueupError(unread.code, unread.message);
}
