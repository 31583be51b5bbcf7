import type { Queryable } from './connection';
import { quoteQualified } from './identifier';

/** A collation of one database. */
export interface CollationShape {
  /** Schema-qualified and quoted: what stands after `collate`. */
  readonly sql: string;
  /** Two collations of equal orders sort alike, on whatever servers; null: nothing proves how this one sorts. */
  readonly order: string | null;
  /** The order of {@link BYTE_COLLATION} in this database: bytes mean the same in one encoding only. */
  readonly byteOrder: string;
  /** Whether it takes only equal bytes for equal; absent: yes. */
  readonly deterministic?: boolean;
}

/** The collation that sorts byte by byte, there on every server. */
export const BYTE_COLLATION = quoteQualified('pg_catalog', 'C');

const byteOrder = (encoding: string) => `bytes ${encoding}`;

/** Catalog rows as JSON: which columns they have depends on the server's version. */
interface CollationRow {
  oid: string;
  schema: string;
  name: string;
  details: string;
  version: string | null;
}

interface Ordering {
  /** `c` libc, `i` ICU, `b` built in. */
  readonly provider: string;
  readonly locale: string;
  /** Version of the library's rules as they are now, not as they were when the collation was made. */
  readonly version: string | null;
  readonly rules: string | null;
  readonly deterministic: boolean;
  readonly encoding: string;
}

/**
 * What an ordering is known by: a library's locale counts only together with the library's version, as sorting changes
 * between versions. PostgreSQL gives none for `C.*`, which sorts by code point everywhere.
 */
function orderOf({ provider, locale, version, rules, deterministic, encoding }: Ordering): string | null {
  const name = locale.toLowerCase().replaceAll('_', '-');
  if (provider === 'b' || (provider === 'c' && (name === 'c' || name === 'posix'))) return byteOrder(encoding);
  if (provider !== 'c' && provider !== 'i') return null;
  const codePoints = provider === 'c' && name.startsWith('c.');
  if (version === null && !codePoints) return null;
  const libc = name.replace('utf-8', 'utf8');
  return JSON.stringify([provider, provider === 'c' ? libc : name, version, rules, deterministic, encoding]);
}

/** The collations of the given OIDs; `default` as what it stands for in this database. */
export async function readCollations(
  db: Queryable,
  oids: readonly string[],
): Promise<ReadonlyMap<string, CollationShape>> {
  if (oids.length === 0) return new Map();
  const { rows } = await db.query<CollationRow>(
    `select c.oid, n.nspname as schema, c.collname as name, to_jsonb(c) as details,
            case when c.collprovider <> 'd' then pg_collation_actual_version(c.oid) end as version
       from pg_collation c join pg_namespace n on n.oid = c.collnamespace where c.oid = any ($1::oid[])`,
    [oids],
  );
  const base = await readDefault(db);
  return new Map(
    rows.map((row) => {
      const details = JSON.parse(row.details) as Record<string, string | boolean | null>;
      const ordering: Ordering =
        details['collprovider'] === 'd'
          ? base
          : {
              provider: text(details['collprovider']),
              locale: text(details['colllocale'] ?? details['colliculocale'] ?? details['collcollate']),
              version: row.version,
              rules: (details['collicurules'] as string | null | undefined) ?? null,
              deterministic: details['collisdeterministic'] === true,
              encoding: base.encoding,
            };
      const sql = quoteQualified(row.schema, row.name);
      const { deterministic, encoding } = ordering;
      return [row.oid, { sql, order: orderOf(ordering), byteOrder: byteOrder(encoding), deterministic }];
    }),
  );
}

/** The database's own ordering. */
async function readDefault(db: Queryable): Promise<Ordering> {
  const known = await db.query<{ known: string }>(
    `select to_regprocedure('pg_catalog.pg_database_collation_actual_version(oid)') is not null as known`,
  );
  // PostgreSQL 14 sorts by libc alone, and tells its version only of a collation.
  const version =
    known.rows[0]?.known === 't'
      ? 'pg_database_collation_actual_version(d.oid)'
      : `(select pg_collation_actual_version(c.oid) from pg_collation c
           where c.collprovider = 'c' and c.collcollate = d.datcollate and c.collencoding in (-1, d.encoding) limit 1)`;
  const { rows } = await db.query<{ details: string; encoding: string; version: string | null }>(
    `select to_jsonb(d) as details, pg_encoding_to_char(d.encoding) as encoding, ${version} as version
       from pg_database d where d.datname = current_database()`,
  );
  const details = JSON.parse(rows[0]?.details ?? '{}') as Record<string, string | null>;
  const provider = text(details['datlocprovider'] ?? 'c');
  return {
    provider,
    locale: text(provider === 'c' ? details['datcollate'] : (details['datlocale'] ?? details['daticulocale'])),
    version: rows[0]?.version ?? null,
    rules: details['daticurules'] ?? null,
    deterministic: true,
    encoding: rows[0]?.encoding ?? '',
  };
}

function text(value: string | boolean | null | undefined): string {
  return typeof value === 'string' ? value : '';
}
