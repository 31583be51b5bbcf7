import type { Operation } from '../contracts/correction';
import type { Queryable } from '../database/connection';

/** A reference of a table's rows to others of the same table: its columns, and those that they refer to. */
export interface SelfReference {
  readonly columns: readonly string[];
  readonly refersTo: readonly string[];
}

/** The tables and operations of a plan that take more than one row; rows are put in order within each. */
export async function listOrderable(ledger: Queryable, runId: string) {
  const { rows } = await ledger.query<{ table_name: string; operation: Extract<Operation, 'insert' | 'delete'> }>(
    `select table_name, operation from plan_item
      where run_id = $1 and operation in ('insert', 'delete') and effect_of is null
      group by table_name, operation having count(*) > 1 order by table_name, operation`,
    [runId],
  );
  return rows.map((row) => ({ table: row.table_name, operation: row.operation }));
}

export interface Orderable {
  readonly table: string;
  readonly operation: 'insert' | 'delete';
}

/** Whether the ledger's user may keep what ordering needs for the time being. */
export async function mayOrder(ledger: Queryable): Promise<boolean> {
  const { rows } = await ledger.query<{ may: string }>(
    `select has_database_privilege(current_database(), 'TEMP') as may`,
  );
  return rows[0]?.may === 't';
}

/** Makes the tables, gone with the transaction, in which rows of a plan are put in order. */
export async function beginOrder(session: Queryable): Promise<void> {
  await session.query('drop table if exists pg_temp.row_value, pg_temp.row_reference, pg_temp.row_waiting');
  await session.query('create temp table row_value (seq bigint not null, refers bigint, id bigint) on commit drop');
  await session.query('create temp table row_reference (parent bigint not null, child bigint not null) on commit drop');
  await session.query(
    `create temp table row_waiting (seq bigint not null, parents integer not null, level integer) with (fillfactor = 50)
       on commit drop`,
  );
}

/**
 * Notes which of the rows to be inserted, or deleted, refers to which other one. Values are told apart by a hash: two that
 * have the same one make an order that nothing needs, and nothing worse.
 */
export async function noteReferences(
  session: Queryable,
  runId: string,
  { table, operation }: Orderable,
  { columns, refersTo }: SelfReference,
): Promise<void> {
  const data = operation === 'insert' ? 'after_data' : 'before_data';
  const values = (names: string) =>
    `array(select ${data} ->> name from unnest(${names}::text[]) with ordinality as c(name, n) order by n)`;
  const hash = (names: string) =>
    `case when array_position(${names}, null) is null then hashtextextended(${names}::text collate "C", 0) end`;
  await session.query('truncate pg_temp.row_value');
  await session.query(
    `insert into row_value (seq, refers, id)
     select seq, ${hash('refers')}, ${hash('id')}
       from (select seq, ${values('$4')} as refers, ${values('$5')} as id
               from plan_item where run_id = $1 and table_name = $2 and operation = $3 and effect_of is null
             offset 0) as item`,
    [runId, table, operation, columns, refersTo],
  );
  // Or the planner takes the table for nearly empty, and compares every row with every other one.
  await session.query('analyze row_value');
  await session.query(
    `insert into row_reference (parent, child)
     select p.seq, c.seq from row_value c join row_value p on p.id = c.refers where p.seq <> c.seq`,
  );
}

/** Begins with the rows that refer to no other one; returns how many wait for some. */
export async function beginLevels(session: Queryable): Promise<number> {
  await session.query('create index on row_reference (parent) include (child)');
  await session.query('analyze row_reference');
  const { rowCount } = await session.query(
    `insert into row_waiting (seq, parents) select child, count(*) from row_reference group by child`,
  );
  await session.query('create unique index on row_waiting (seq)');
  await session.query('create index on row_waiting (level) where level is not null');
  await session.query('analyze row_waiting');
  return rowCount ?? 0;
}

/** Gives rows that wait only for rows of the level before their level; returns how many. Each reference is met once. */
export async function nextLevel(session: Queryable, level: number): Promise<number> {
  const isFirst = 'not exists (select 1 from row_waiting f where f.seq = r.parent)';
  const isNext = 'r.parent in (select f.seq from row_waiting f where f.level = $1::int - 1)';
  const { rows } = await session.query<{ n: string }>(
    `with met as (
       select r.child, count(*) as n from row_reference r where ${level === 1 ? isFirst : isNext} group by r.child),
     reached as (
       update row_waiting w set parents = w.parents - m.n, level = case w.parents when m.n then $1::int end
         from met m where w.seq = m.child returning w.level)
     select count(level) as n from reached`,
    [level],
  );
  return Number(rows[0]?.n ?? 0);
}

/**
 * Moves each row as many places as its level says: inserts after the rows that they refer to, deletes before them. What
 * has no level comes last, or first. Returns how many were moved.
 */
export async function moveByLevel(
  session: Queryable,
  runId: string,
  operation: Orderable['operation'],
  beyond: number,
): Promise<number> {
  const { rowCount } = await session.query(
    `update plan_item p set effect_level = $2::int * coalesce(w.level, $3::int)
       from row_waiting w where p.run_id = $1 and p.seq = w.seq`,
    [runId, operation === 'insert' ? -1 : 1, beyond],
  );
  return rowCount ?? 0;
}
