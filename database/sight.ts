import type { ErrorCode } from '../contracts/errors';
import { named } from '../contracts/named';
import type { Queryable } from './connection';
import { DatabaseFailure } from './failure';
import { quoteQualified } from './identifier';

/** Why a role does not see all of a table. Names only, for people. */
export interface Blindness {
  readonly code: Extract<ErrorCode, 'ROW_SECURITY' | 'PRIVILEGE_MISSING'>;
  /** What stands in the way, without the table's name: `lacks SELECT on public.t`. */
  readonly why: string;
  /** What whoever may has to run, as SQL. */
  readonly remedy: string;
  /** Whether all that lacks is the right to read the relation as a whole. */
  readonly isPlain: boolean;
}

/** What a role sees of a table, beside what it may write. */
export interface Sight {
  /** null: all that the relation itself gives. */
  readonly blindness: Blindness | null;
  /** What is not seen although the relation is read as a whole, for whoever reads a report; such as that it is a view. */
  readonly beyond: readonly string[];
  /** Whether the server is a standby. */
  readonly standby: boolean;
}

interface SightRow {
  role: string;
  kind: string;
  may_use_schema: string;
  may_read: string;
  readable: string;
  unreadable: string;
  is_filtered: string;
  policies: string;
  foreign_parts: string;
  foreign_server: string | null;
  standby: string;
  grants: string;
}

/** Names in a message at the most. */
const MOST_NAMED = 10;

/** Reads what the session's role sees of a table, a view or a foreign table; null: there is none of that name. */
export async function readSight(db: Queryable, schema: string, name: string): Promise<Sight | null> {
  const { rows } = await db.query<SightRow>(
    `with recursive relation as (
       select c.oid, c.relkind, n.oid as schema from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f')),
     -- The relation itself, and what stands under a view.
     behind (oid) as (
       select oid from relation
       union
       select d.refobjid from behind b join pg_class c on c.oid = b.oid and c.relkind = 'v'
         join pg_rewrite w on w.ev_class = c.oid
         join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
                         and d.refclassid = 'pg_class'::regclass),
     part (oid) as (
       select oid from relation union select i.inhrelid from part p join pg_inherits i on i.inhparent = p.oid)
     select current_user as role, r.relkind as kind, has_schema_privilege(r.schema, 'USAGE') as may_use_schema,
            pg_is_in_recovery() as standby,
            has_table_privilege(r.oid, 'SELECT') as may_read, row_security_active(r.oid) as is_filtered,
            to_json(array(select a.attname::text from pg_attribute a
                           where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
                             and has_column_privilege(r.oid, a.attnum, 'SELECT') order by a.attnum)) as readable,
            to_json(array(select a.attname::text from pg_attribute a
                           where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
                             and not has_column_privilege(r.oid, a.attnum, 'SELECT') order by a.attnum)) as unreadable,
            to_json(array(select p.polname || ' on ' || p.polrelid::regclass from pg_policy p join pg_class c on c.oid = p.polrelid
                           where c.relrowsecurity and p.polrelid in (select oid from behind) order by 1)) as policies,
            to_json(array(select c.oid::regclass::text from part join pg_class c using (oid)
                           where c.relkind = 'f' and c.oid <> r.oid order by 1)) as foreign_parts,
            (select s.srvname from pg_foreign_table f join pg_foreign_server s on s.oid = f.ftserver
              where f.ftrelid = r.oid) as foreign_server,
            json_build_object('schema', format('grant usage on schema %I to %I;', $1::text, current_user),
                              'select', format('grant select on %I.%I to %I;', $1::text, $2::text, current_user),
                              'bypass', format('alter role %I bypassrls;', current_user)) as grants
       from relation r`,
    [schema, name],
  );
  const row = rows[0];
  if (!row) return null;
  const isView = row.kind === 'v';
  const blindness = blindnessOf(row, schema, name) ?? (isView ? await probe(db, row, schema, name) : null);
  return { blindness, beyond: beyondOf(row), standby: row.standby === 't' };
}

function grantsOf({ grants }: SightRow): Readonly<Record<'schema' | 'select' | 'bypass', string>> {
  return JSON.parse(grants) as Record<'schema' | 'select' | 'bypass', string>;
}

function listOf(json: string): readonly string[] {
  return JSON.parse(json) as string[];
}

function blindnessOf(row: SightRow, schema: string, name: string): Blindness | null {
  const grants = grantsOf(row);
  if (row.may_use_schema !== 't') {
    return {
      code: 'PRIVILEGE_MISSING',
      why: `lacks USAGE on the schema ${schema}`,
      remedy: grants.schema,
      isPlain: false,
    };
  }
  if (row.may_read !== 't') {
    const [readable, unreadable] = [listOf(row.readable), listOf(row.unreadable)];
    const columns =
      readable.length === 0
        ? ''
        : `: it may not read the columns ${named(unreadable, MOST_NAMED)}, only ${named(readable, MOST_NAMED)}`;
    const why = `lacks SELECT on ${schema}.${name}${columns}`;
    return { code: 'PRIVILEGE_MISSING', why, remedy: grants.select, isPlain: readable.length === 0 };
  }
  return row.is_filtered === 't' ? rowSecurity(row) : null;
}

function rowSecurity(row: SightRow): Blindness {
  const policies = listOf(row.policies);
  const which =
    policies.length === 0 ? 'there is no policy, so no row is seen' : `policies: ${named(policies, MOST_NAMED)}`;
  return {
    code: 'ROW_SECURITY',
    why: `is subject to row security as role ${row.role}, and would not see all rows (${which})`,
    remedy: grantsOf(row).bypass,
    isPlain: false,
  };
}

/** Asks the server whether it lets a view be read: its tables are read with the rights of its owner, or of who asks. */
async function probe(db: Queryable, row: SightRow, schema: string, name: string): Promise<Blindness | null> {
  try {
    await db.query(`select from ${quoteQualified(schema, name)} where false`);
    return null;
  } catch (error) {
    if (!(error instanceof DatabaseFailure)) throw error;
    if (error.code === 'ROW_SECURITY') {
      const policies = listOf(row.policies);
      const which = policies.length === 0 ? '' : ` (policies: ${named(policies, MOST_NAMED)})`;
      const why = `reads the view ${schema}.${name} over a table whose row security would hide rows${which}`;
      const remedy =
        'alter role … bypassrls; for the owner of the view, or for who reads it where it has security_invoker';
      return { code: 'ROW_SECURITY', why, remedy, isPlain: false };
    }
    if (error.code !== 'PRIVILEGE_MISSING') throw error;
    const why = `reads the view ${schema}.${name}, and: ${error.serverMessage}`;
    const remedy =
      'grant select on that table to the owner of the view, or to who reads it where it has security_invoker';
    return { code: 'PRIVILEGE_MISSING', why, remedy, isPlain: false };
  }
}

function beyondOf(row: SightRow): readonly string[] {
  const parts = listOf(row.foreign_parts);
  const remote =
    "rows are read with the rights of the user mapping on another server, whose row security is not seen here (options '-c row_security=off' of the foreign server makes it refuse)";
  return [
    ...(row.standby === 't'
      ? [
          'is on a standby: it is seen as of what has been replayed, and what differs counts once all is replayed that had been received',
        ]
      : []),
    ...(row.kind === 'v' ? ['is a view: rows that it leaves out are not seen'] : []),
    ...(row.kind === 'm' ? ['is a materialized view: rows are seen as of when it was last refreshed'] : []),
    ...(row.kind === 'f' ? [`is a foreign table of the server ${row.foreign_server ?? '?'}: its ${remote}`] : []),
    ...(parts.length === 0
      ? []
      : [`has foreign tables among its parts (${named(parts, MOST_NAMED)}): their ${remote}`]),
  ];
}
