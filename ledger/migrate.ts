import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TrueupError } from '../contracts/errors';
import type { Database } from '../database/connection';
import { quoteIdentifier } from '../database/identifier';

/** Which of the two sets: the ledger itself, or the before-images that live beside the data they back up. */
export type MigrationSet = 'ledger' | 'target';

const FOLDER: Readonly<Record<MigrationSet, string>> = { ledger: 'migrations', target: 'target-migrations' };

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

function readMigrations(set: MigrationSet): readonly Migration[] {
  const folder = join(__dirname, FOLDER[set]);
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => ({ number: Number(file.slice(0, 4)), name: file, sql: readFileSync(join(folder, file), 'utf8') }));
}

/**
 * Brings a schema up to date. An advisory lock makes two workers that start at once take turns; all missing
 * migrations go in one transaction, so a crash leaves the schema as it was.
 *
 * @throws LEDGER_INCOMPATIBLE when the schema was migrated by a newer version.
 */
export async function migrate(database: Database, schema: string, set: MigrationSet): Promise<void> {
  const migrations = readMigrations(set);
  const newest = migrations.at(-1)?.number ?? 0;
  const quoted = quoteIdentifier(schema);
  await database.withTransaction('read write', async (session) => {
    await session.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`trueup migrate ${schema}`]);
    const existing = await session.query<{ migrated: string | null }>('select to_regclass($1)::text as migrated', [
      `${quoted}.migration`,
    ]);
    if (existing.rows[0]?.migrated == null) {
      // `create schema if not exists` would demand the CREATE privilege even where the schema is there already.
      const schemas = await session.query('select 1 from pg_namespace where nspname = $1', [schema]);
      if (schemas.rows.length === 0) await session.query(`create schema ${quoted}`);
      await session.query(
        `create table ${quoted}.migration (
           set text not null, number integer not null, name text not null,
           applied_at timestamptz not null default clock_timestamp(), primary key (set, number))`,
      );
    }
    const done = await session.query<{ number: string }>(`select number from ${quoted}.migration where set = $1`, [
      set,
    ]);
    const applied = new Set(done.rows.map((row) => Number(row.number)));
    const unknown = Math.max(0, ...applied);
    if (unknown > newest) {
      throw new TrueupError(
        'LEDGER_INCOMPATIBLE',
        `schema ${schema} is at migration ${unknown}, this Trueup knows ${newest}`,
      );
    }
    const missing = migrations.filter((migration) => !applied.has(migration.number));
    if (missing.length === 0) return;
    await session.query(`set local search_path to ${quoted}`);
    for (const migration of missing) {
      await session.query(migration.sql);
      await session.query('insert into migration (set, number, name) values ($1, $2, $3)', [
        set,
        migration.number,
        migration.name,
      ]);
    }
  });
}
