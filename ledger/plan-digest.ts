import { createHash } from 'node:crypto';
import type { Queryable } from '../database/connection';
import { PLAN_FORM } from './run';

/** Items whose hashes, of 32 bytes each, are read at once. */
const PAGE = 10_000;

const FIELDS = [
  ...['seq', 'table_name', 'operation', 'needs_approval', 'record_key', 'before_data', 'after_data', 'source_data'],
  ...['check_source', 'effect_of', 'constraint_name'],
].join(', ');

/** SQL for what an item says, by `run.plan_form`: PostgreSQL's binary form of a record, or its JSON in earlier versions. */
const CONTENT: Readonly<Record<string, string>> = {
  1: `convert_to((jsonb_build_array(${FIELDS})
                  || case when undoes is null then '[]'::jsonb else jsonb_build_array(undoes, forced) end)::text, 'UTF8')`,
  2: `record_send(row(${FIELDS}, undoes, forced))`,
  3: `record_send(row(${FIELDS}, undoes, forced, given))`,
};

/**
 * SHA-256 in hex over every item of a run's plan in order: what is done to which row, from which values to which. Equal
 * lists have equal digests; any other list has another one. Each item is hashed in the ledger, and jsonb writes equal values
 * alike: a plan of millions does not have to travel to be known again. A plan that is frozen keeps the form of its digest.
 */
export async function digestPlan(ledger: Queryable, runId: string): Promise<string> {
  const content = CONTENT[await readForm(ledger, runId)] ?? '';
  const hash = createHash('sha256');
  for (let after = '0'; ;) {
    const { rows } = await ledger.query<{ last: string | null; hashes: string | null }>(
      `select max(seq) as last, string_agg(encode(hash, 'hex'), '' order by seq) as hashes
         from (select seq, sha256(${content}) as hash
                 from plan_item where run_id = $1 and seq > $2 order by seq limit ${PAGE}) as page`,
      [runId, after],
    );
    const page = rows[0];
    if (!page?.last) return hash.digest('hex');
    hash.update(page.hashes ?? '', 'hex');
    after = page.last;
  }
}

async function readForm(ledger: Queryable, runId: string): Promise<string> {
  const { rows } = await ledger.query<{ form: string }>(
    `select case when plan_digest is null then ${PLAN_FORM} else plan_form end as form from run where run_id = $1`,
    [runId],
  );
  return rows[0]?.form ?? String(PLAN_FORM);
}
