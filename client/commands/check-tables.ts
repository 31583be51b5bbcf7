import type { Config } from '../../config/config';
import type { CorrectionPolicies } from '../../contracts/correction';
import type { TableRef } from '../../contracts/table-pair';
import { Database, type Queryable } from '../../database/connection';
import { readSight } from '../../database/sight';
import { listTables, readTableShape } from '../../database/table-shape';
import { failed, passed, type Check } from './check';

type Privilege = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';

/** What of a table pair decides what its user has to be able to do. */
interface Pair {
  readonly source: TableRef;
  readonly target: TableRef;
  readonly corrections: CorrectionPolicies;
}

/** The table pairs of the config, or those of the same name where it names none; none while a database is away. */
export async function pairsOf(config: Config): Promise<readonly Pair[]> {
  if (config.tables !== null) return config.tables;
  const { source, target, corrections } = config.defaults;
  if (source === null || target === null) return [];
  try {
    const [ofSource, ofTarget] = [await tablesOf(config, source), await tablesOf(config, target)];
    const known = new Set(ofTarget.map(({ schema, name }) => JSON.stringify([schema, name])));
    return ofSource
      .filter(({ schema, name }) => schema !== config.ledger.schema && known.has(JSON.stringify([schema, name])))
      .map(({ schema, name: table }) => ({
        source: { connection: source, schema, table },
        target: { connection: target, schema, table },
        corrections,
      }));
  } catch {
    // What is wrong with a connection is said of the connection.
    return [];
  }
}

async function tablesOf(config: Config, name: string) {
  const url = config.connectionUrl(name);
  const database = new Database({ name, url, readOnly: true, maxConnections: 1, statementTimeoutMs: 20_000 });
  try {
    return await listTables(database);
  } finally {
    await database.close();
  }
}

/** Checks what the user of a connection sees of the tables that it is used for, and may do; `inShort`: those that are well in one line. */
export async function checkTables(
  db: Queryable,
  pairs: readonly Pair[],
  connection: string,
  inShort: boolean,
): Promise<readonly Check[]> {
  const needed = new Map<string, { readonly ref: TableRef; readonly privileges: Set<Privilege> }>();
  const need = (ref: TableRef, privileges: readonly Privilege[]) => {
    if (ref.connection !== connection) return;
    const key = JSON.stringify([ref.schema, ref.table]);
    const entry = needed.get(key) ?? { ref, privileges: new Set<Privilege>() };
    privileges.forEach((privilege) => entry.privileges.add(privilege));
    needed.set(key, entry);
  };
  for (const pair of pairs) {
    need(pair.source, ['SELECT']);
    need(pair.target, ['SELECT', ...correcting(pair)]);
  }
  const checks: Check[] = [];
  for (const { ref, privileges } of needed.values()) checks.push(await checkTable(db, ref, [...privileges]));
  if (!inShort) return checks;
  const bad = checks.filter(({ ok }) => !ok);
  return [
    ...bad,
    passed(`${connection}: tables`, `${checks.length - bad.length} of ${checks.length} can be used as they are`),
  ];
}

/** What applying needs, and only where the policy can lead to it. */
function correcting({ corrections }: Pair): readonly Privilege[] {
  const may = (policy: string) => policy === 'auto' || policy === 'approve';
  return [
    ...(may(corrections.missing) ? (['INSERT'] as const) : []),
    ...(may(corrections.mismatched) ? (['UPDATE'] as const) : []),
    ...(may(corrections.extra) ? (['DELETE'] as const) : []),
  ];
}

async function checkTable(db: Queryable, ref: TableRef, privileges: readonly Privilege[]): Promise<Check> {
  const name = `${ref.connection}: table ${ref.schema}.${ref.table}`;
  const shape = await readTableShape(db, ref.schema, ref.table);
  const sight = await readSight(db, ref.schema, ref.table);
  if (shape === null || sight === null) {
    return failed(name, 'there is no such table', 'Check its schema and name in the config.');
  }
  const { blindness, beyond } = sight;
  // A right to read that is lacking is named below, with the others.
  if (blindness && (blindness.code !== 'PRIVILEGE_MISSING' || !blindness.isPlain)) {
    return failed(name, `${blindness.code}: the user ${blindness.why}`, `Run: ${blindness.remedy}`);
  }
  const lacking = privileges.filter((privilege) => !shape.privileges.has(privilege));
  if (lacking.length > 0) {
    const { rows } = await db.query<{ statement: string }>(
      `select format('grant ${lacking.join(', ').toLowerCase()} on %I.%I to %I;', $1::text, $2::text, current_user) as statement`,
      [ref.schema, ref.table],
    );
    return failed(name, `lacks ${lacking.join(', ')}`, `Grant it: ${rows[0]?.statement ?? ''}`);
  }
  return passed(name, [privileges.join(', ').toLowerCase(), ...beyond].join('; '));
}
