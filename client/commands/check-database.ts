import type { Config } from '../../config/config';
import { Database, type Queryable } from '../../database/connection';
import { failed, failedBy, passed, type Check } from './check';
import { checkTables, pairsOf } from './check-tables';

const OLDEST_SERVER = 140_000;
const OLDEST_NAME = '14';

/** Checks every connection of the config, the tables behind it and the room for the ledger. */
export async function checkDatabases(config: Config): Promise<readonly Check[]> {
  const used = usedConnections(config);
  const pairs = await pairsOf(config);
  const checks: Check[] = [];
  const encodings = new Map<string, string>();
  for (const name of used) {
    let database: Database;
    try {
      database = new Database({ name, url: config.connectionUrl(name), maxConnections: 2, statementTimeoutMs: 20_000 });
    } catch (error) {
      checks.push(failedBy(`connection ${name}`, error));
      continue;
    }
    try {
      const { check, encoding, isStandby } = await checkServer(database, name);
      checks.push(check);
      encodings.set(name, encoding);
      checks.push(...(await checkTables(database, pairs, name, config.tables === null)));
      const counts = isTarget(config, name) && !isStandby ? await checkCounters(database, name) : null;
      if (counts !== null) checks.push(counts);
      if (name === config.ledger.connection || (isTarget(config, name) && !isStandby)) {
        checks.push(await checkLedgerSchema(database, name, config.ledger.schema));
      }
    } catch (error) {
      checks.push(failedBy(`connection ${name}`, error));
    } finally {
      await database.close();
    }
  }
  const encodingCheck = checkEncodings(encodings);
  return encodingCheck === null ? checks : [...checks, encodingCheck];
}

/** Connections that a table, the ledger or a default names, in the order of the file. */
function usedConnections({ connectionNames, ledger, defaults, tables }: Config): readonly string[] {
  const used = new Set([ledger.connection]);
  for (const pair of tables ?? []) used.add(pair.source.connection).add(pair.target.connection);
  if (tables === null) for (const name of [defaults.source, defaults.target]) if (name !== null) used.add(name);
  return connectionNames.filter((name) => used.has(name));
}

function isTarget({ defaults, tables }: Config, name: string): boolean {
  return tables === null ? defaults.target === name : tables.some((pair) => pair.target.connection === name);
}

async function checkServer(
  db: Queryable,
  name: string,
): Promise<{ readonly check: Check; readonly encoding: string; readonly isStandby: boolean }> {
  const { rows } = await db.query<{
    number: string;
    version: string;
    encoding: string;
    user: string;
    database: string;
    standby: string;
  }>(
    `select current_setting('server_version_num') as number, current_setting('server_version') as version,
            current_setting('server_encoding') as encoding, current_user as user, current_database() as database,
            pg_is_in_recovery() as standby`,
  );
  const { number = '0', version = '?', encoding = '?', user = '?', database = '?', standby } = rows[0] ?? {};
  const isStandby = standby === 't';
  const kind = isStandby
    ? '; a standby: differences count once it has replayed what it had received, and it takes no corrections'
    : '';
  const title = `connection ${name}`;
  const check =
    Number(number) < OLDEST_SERVER
      ? failed(title, `PostgreSQL ${version}`, `Use PostgreSQL ${OLDEST_NAME} or newer.`)
      : passed(title, `PostgreSQL ${version}, database ${database}, user ${user}${kind}`);
  return { check, encoding, isStandby };
}

/** Whether the server counts what a correction changes; null: it does, or the user may have it do so. */
async function checkCounters(db: Queryable, connection: string): Promise<Check | null> {
  const { rows } = await db.query<{ off: string }>(
    `select current_setting('track_counts') = 'off' and not rolsuper as off from pg_roles where rolname = current_user`,
  );
  if (rows[0]?.off !== 't') return null;
  return failed(
    `${connection}: track_counts`,
    'off, so nobody can tell what a correction changes beside the plan: corrections would fail',
    'Switch it on for the user: alter role … set track_counts = on; or for the server.',
  );
}

/** The ledger's schema, and beside the data of a target its before-images: there and usable, or to be made. */
async function checkLedgerSchema(db: Queryable, connection: string, schema: string): Promise<Check> {
  const name = `${connection}: schema ${schema}`;
  const { rows } = await db.query<{
    present: string;
    usable: string | null;
    creatable: string;
    grant_statement: string;
  }>(
    `select (n.oid is not null) as present,
            has_schema_privilege(n.oid, 'USAGE') and has_schema_privilege(n.oid, 'CREATE') as usable,
            has_database_privilege(current_database(), 'CREATE') as creatable,
            case when n.oid is null then format('grant create on database %I to %I;', current_database(), current_user)
                 else format('grant usage, create on schema %I to %I;', $1::text, current_user) end as grant_statement
       from (select $1::text as name) as wanted left join pg_namespace n on n.nspname = wanted.name`,
    [schema],
  );
  const { present, usable, creatable, grant_statement: grant = '' } = rows[0] ?? {};
  if (present === 't') {
    return usable === 't'
      ? passed(name, 'there, and usable')
      : failed(name, 'there, and the user may not use it', `Grant it: ${grant}`);
  }
  return creatable === 't'
    ? passed(name, 'not there yet; the first worker makes it')
    : failed(name, 'not there, and the user may not create it', `Create it, or grant it: ${grant}`);
}

function checkEncodings(encodings: ReadonlyMap<string, string>): Check | null {
  if (encodings.size < 2) return null;
  const different = new Set(encodings.values());
  const found = [...encodings].map(([name, encoding]) => `${name} ${encoding}`).join(', ');
  if (different.size === 1) return passed('encodings', `equal: ${found}`);
  return failed('encodings', found, 'Text hashes alike only in one encoding: move the databases to UTF8.');
}
