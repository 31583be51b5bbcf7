import type { RunSideEffect, SideEffect } from '../contracts/side-effect';
import type { Queryable } from '../database/connection';
import { quoteQualified } from '../database/identifier';

interface Row {
  schema_name: string;
  table_name: string;
  inserted: string;
  updated: string;
  deleted: string;
  truncated: string;
}

function toSideEffect(row: Row): SideEffect {
  return {
    schema: row.schema_name,
    table: row.table_name,
    inserted: Number(row.inserted),
    updated: Number(row.updated),
    deleted: Number(row.deleted),
    truncated: row.truncated === 't',
  };
}

const COLUMNS = 'schema_name, table_name, inserted, updated, deleted, truncated';

/** Adds what a transaction of a run changed beside the plan; to be called in it, in the target. */
export async function addSideEffects(
  target: Queryable,
  schema: string,
  runId: string,
  effects: readonly SideEffect[],
): Promise<void> {
  await target.query(
    `insert into ${quoteQualified(schema, 'side_effect')} as s (run_id, ${COLUMNS})
     select $1, e ->> 'schema', e ->> 'table', sum((e ->> 'inserted')::bigint), sum((e ->> 'updated')::bigint),
            sum((e ->> 'deleted')::bigint), bool_or((e ->> 'truncated')::boolean)
       from jsonb_array_elements($2::jsonb) as t(e) group by 1, 2, 3
     on conflict (run_id, schema_name, table_name) do update
        set inserted = s.inserted + excluded.inserted, updated = s.updated + excluded.updated,
            deleted = s.deleted + excluded.deleted, truncated = s.truncated or excluded.truncated`,
    [runId, JSON.stringify(effects)],
  );
}

/** What the transactions of a run have changed beside the plan, as a target has it. */
export async function readTargetSideEffects(
  target: Queryable,
  schema: string,
  runId: string,
): Promise<readonly SideEffect[]> {
  const { rows: found } = await target.query<{ relation: string | null }>('select to_regclass($1)::text as relation', [
    quoteQualified(schema, 'side_effect'),
  ]);
  // A target that no correction was made in since this version has no such table.
  if (found[0]?.relation == null) return [];
  const { rows } = await target.query<Row>(
    `select ${COLUMNS} from ${quoteQualified(schema, 'side_effect')} where run_id = $1 order by 1, 2`,
    [runId],
  );
  return rows.map(toSideEffect);
}

/** Enters in the ledger what a target has of a run; entering it again changes nothing. */
export async function setSideEffects(
  ledger: Queryable,
  runId: string,
  connection: string,
  effects: readonly SideEffect[],
): Promise<void> {
  if (effects.length === 0) return;
  await ledger.query(
    `insert into run_side_effect as s (run_id, connection, ${COLUMNS})
     select $1, $2, e ->> 'schema', e ->> 'table', (e ->> 'inserted')::bigint, (e ->> 'updated')::bigint,
            (e ->> 'deleted')::bigint, (e ->> 'truncated')::boolean
       from jsonb_array_elements($3::jsonb) as t(e)
     -- Of two workers that copy at once the later one may have read earlier; counts only grow.
     on conflict (run_id, connection, schema_name, table_name) do update
        set inserted = greatest(s.inserted, excluded.inserted), updated = greatest(s.updated, excluded.updated),
            deleted = greatest(s.deleted, excluded.deleted), truncated = s.truncated or excluded.truncated`,
    [runId, connection, JSON.stringify(effects)],
  );
}

/** What a run has changed beside its plan, as far as its steps have entered it. */
export async function listSideEffects(ledger: Queryable, runId: string): Promise<readonly RunSideEffect[]> {
  const { rows } = await ledger.query<Row & { connection: string }>(
    `select connection, ${COLUMNS} from run_side_effect where run_id = $1 order by connection, schema_name, table_name`,
    [runId],
  );
  return rows.map((row) => ({ connection: row.connection, ...toSideEffect(row) }));
}
