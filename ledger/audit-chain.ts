import type { AuditProblem } from '../contracts/audit';
import type { Queryable } from '../database/connection';
import type { AuditedRun } from './audited-run';
import { CORRECTION, DECISION, entryContent, genesis, type EntryKind } from './chain';
import { streamRows } from './cursor';

/** SQL for the digest that an entry ought to have, by what it says and by the digest that it holds of the one before. */
const digestOf = (kind: EntryKind, alias: string) =>
  `sha256(${alias}.previous_digest || convert_to(${entryContent(kind, alias)}, 'UTF8'))`;

/** The entries of the run $1, each with what it is called, and with the digest that it ought to have. */
const ENTRIES = `
  select c.chain_no, c.seq, c.previous_digest, c.entry_digest, ${digestOf(CORRECTION, 'c')} as own, false as refused,
         'correction ' || c.seq || ' (' || c.operation || ' ' || c.table_name || ' ' || c.record_key::text || ')' as what
    from correction_log c where c.run_id = $1
  union all
  select d.chain_no, null, d.previous_digest, d.entry_digest, ${digestOf(DECISION, 'd')}, not d.accepted,
         'decision ' || d.decision_no || ' (' || coalesce(d.decision, 'unclear') || ' by '
           || coalesce(d.approver, 'nobody') || case when d.accepted then '' else ', refused' end || ')'
    from decision d where d.run_id = $1`;

/** Whether the entries of a run are those of its chain, one after the other, and all of them. */
export async function* auditChain(
  session: Queryable,
  run: AuditedRun,
  keptHead: string | null,
): AsyncGenerator<AuditProblem> {
  if (run.chained !== (run.chain !== null)) {
    const [found, expected] = run.chained ? ['none', 'a chain'] : ['a chain', 'none, as the run says that it has none'];
    yield { type: 'chain_missing', what: 'run', seq: null, found, expected };
  }
  if (run.chained) yield* unchained(session, run.runId);
  else yield* unexpected(session, run.runId);
  yield* links(session, run);
  if (run.chain === null) {
    if (keptHead !== null) yield headUnknown(keptHead, 'no chain');
    return;
  }
  if (run.purged !== 'findings') yield* end(session, run, run.chain);
  if (run.ended && run.chain.sealed === null) {
    yield { type: 'chain_unsealed', what: 'run', seq: null, found: 'no seal', expected: 'the seal of the run’s end' };
  }
  if (keptHead !== null && run.purged !== 'findings' && !(await isHead(session, run.runId, keptHead))) {
    yield headUnknown(keptHead, `a chain that ends at ${run.chain.head}`);
  }
}

function headUnknown(expected: string, found: string): AuditProblem {
  return { type: 'head_unknown', what: 'run', seq: null, found, expected: `an entry with the digest ${expected}` };
}

/** Entries that nobody put into the chain. */
async function* unchained(session: Queryable, runId: string): AsyncGenerator<AuditProblem> {
  const query = `select e.seq, e.what from (${ENTRIES}) as e where e.chain_no is null order by e.what`;
  for await (const { seq, what } of streamRows<Named>(session, 'unchained', query, [runId])) {
    yield { type: 'entry_added', what, seq, found: 'no place in the chain', expected: 'a number and digests' };
  }
}

/** Of a run that says that it has no chain, the entries that have a place in one. */
async function* unexpected(session: Queryable, runId: string): AsyncGenerator<AuditProblem> {
  const query = `select e.seq, e.what from (${ENTRIES}) as e where e.chain_no is not null order by e.chain_no limit 1`;
  const { rows } = await session.query<Named>(query, [runId]);
  for (const { seq, what } of rows) {
    const expected = 'none, as the run says that it has no chain';
    yield { type: 'chain_missing', what, seq, found: 'a place in a chain', expected };
  }
}

interface Named {
  readonly seq: string | null;
  readonly what: string;
}

interface LinkRow extends Named {
  readonly chain_no: string;
  readonly before_no: string;
  readonly previous: string | null;
  readonly before: string;
  readonly digest: string | null;
  readonly own: string | null;
  readonly late: string | null;
}

async function* links(session: Queryable, run: AuditedRun): AsyncGenerator<AuditProblem> {
  // Each entry is held against its own digest and the one before it: where all agree from the first to the head, the
  // chain is what it was, and where one does not, that one is named.
  const query = `
    select chain_no, before_no, seq, what, encode(previous_digest, 'hex') as previous, encode(before_digest, 'hex') as before,
           encode(entry_digest, 'hex') as digest, encode(own, 'hex') as own, late
      from (select e.*, coalesce(lag(e.chain_no) over w, 0) as before_no,
                   coalesce(lag(e.entry_digest) over w, ${genesis('$1::text')}) as before_digest,
                   e.chain_no > $2::bigint and not e.refused as late
              from (${ENTRIES}) as e where e.chain_no is not null
            window w as (order by e.chain_no, e.what)) as linked
     where own is distinct from entry_digest or chain_no <> before_no + 1 or previous_digest is distinct from before_digest
           or late
     order by chain_no, what`;
  const sealed = run.chain?.sealed?.entries ?? null;
  for await (const row of streamRows<LinkRow>(session, 'links', query, [run.runId, sealed])) {
    const { seq } = row;
    const what = `entry ${row.chain_no}, ${row.what}`;
    if (row.own !== row.digest) {
      yield {
        type: 'entry_altered',
        what,
        seq,
        found: `the digest ${row.digest ?? 'none'}`,
        expected: row.own ?? 'one',
      };
    }
    // What a purge took is missing on purpose.
    if (run.purged !== 'findings') yield* linkProblem(row, what);
    if (row.late === 't') {
      const expected = `none after entry ${sealed ?? 0}, with which the run ended, but refused decisions`;
      yield { type: 'entry_after_end', what, seq, found: `entry ${row.chain_no}`, expected };
    }
  }
}

function* linkProblem(row: LinkRow, what: string): Generator<AuditProblem> {
  const { seq } = row;
  const [number, before] = [BigInt(row.chain_no), BigInt(row.before_no)];
  if (number > before + 1n) {
    const missing = number - before - 1n;
    const expected =
      missing === 1n ? `entry ${before + 1n} before it` : `entries ${before + 1n} to ${number - 1n} before it`;
    yield { type: 'entries_missing', what, seq, found: before === 0n ? 'no entry' : `entry ${before}`, expected };
  } else if (number !== before + 1n) {
    const found = number === before ? `a second entry ${number}` : `entry ${number} after entry ${before}`;
    yield { type: 'entry_moved', what, seq, found, expected: `entry ${before + 1n}` };
  } else if (row.previous !== row.before) {
    const found = `the digest ${row.previous ?? 'none'} of the entry before it`;
    yield { type: 'entry_moved', what, seq, found, expected: row.before };
  }
}

/** Whether the chain ends where the ledger says, and held at the end of the run what it said then. */
async function* end(
  session: Queryable,
  { runId }: AuditedRun,
  chain: NonNullable<AuditedRun['chain']>,
): AsyncGenerator<AuditProblem> {
  const last = await entryAt(session, runId, null);
  const found = `${last.entries} entries, the last one ${last.head}`;
  if (last.entries < chain.entries) {
    yield {
      type: 'entries_missing',
      what: 'run',
      seq: null,
      found,
      expected: `${chain.entries}, the last one ${chain.head}`,
    };
  } else if (last.entries > chain.entries || last.head !== chain.head) {
    yield {
      type: 'chain_end',
      what: 'run',
      seq: null,
      found,
      expected: `${chain.entries}, the last one ${chain.head}`,
    };
  }
  if (chain.sealed === null) return;
  const { entries, head } = chain.sealed;
  const sealed = await entryAt(session, runId, entries);
  if (sealed.entries === entries && sealed.head === head) return;
  const expected = `${entries} entries, the last one ${head}`;
  const was = `${sealed.entries} entries up to there, the last one ${sealed.head}`;
  yield { type: 'seal_broken', what: 'run', seq: null, found: was, expected };
}

/** The last entry up to a number (null: of all), or what stands before the first one. */
async function entryAt(session: Queryable, runId: string, number: number | null) {
  const { rows } = await session.query<{ chain_no: string; head: string }>(
    `select 0 as chain_no, encode(${genesis('$1::text')}, 'hex') as head
     union all
     select chain_no, coalesce(encode(entry_digest, 'hex'), 'none')
       from (select chain_no, entry_digest from correction_log where run_id = $1
             union all select chain_no, entry_digest from decision where run_id = $1) as e
      where chain_no <= coalesce($2::bigint, 9223372036854775807)
      order by chain_no desc limit 1`,
    [runId, number],
  );
  return { entries: Number(rows[0]?.chain_no ?? 0), head: rows[0]?.head ?? '' };
}

/** Whether a digest is that of an entry, or of the beginning. */
async function isHead(session: Queryable, runId: string, head: string): Promise<boolean> {
  const { rows } = await session.query(
    `select 1 from correction_log where run_id = $1 and entry_digest = decode($2, 'hex')
     union all select 1 from decision where run_id = $1 and entry_digest = decode($2, 'hex')
     union all select 1 where ${genesis('$1::text')} = decode($2, 'hex')
     limit 1`,
    [runId, head],
  );
  return rows.length > 0;
}
