import { breachesWithin, scopeOf } from '../contracts/approval';
import type { AuditProblem } from '../contracts/audit';
import { breachText } from '../contracts/guard';
import type { Decision } from '../contracts/messages';
import { isSamePerson } from '../contracts/person';
import type { Queryable } from '../database/connection';
import type { AuditedRun } from './audited-run';
import { streamRows } from './cursor';
import { readDecision } from './decision';
import { readPlanLines } from './plan';
import { digestPlan } from './plan-digest';
import { readRunBlocked } from './run';

/** Whether every correction is one of the plan, as it was planned, and covered by the decision that was accepted. */
export async function* auditPlan(session: Queryable, run: AuditedRun): AsyncGenerator<AuditProblem> {
  const decision = await readDecision(session, run.runId);
  yield* planDigest(session, run);
  yield* decisions(session, run, decision);
  const approval = decision?.decision === 'approve' ? decision : null;
  yield* corrections(session, run, approval);
  if (approval !== null) yield* decidedTooLate(session, run);
  if (wentToItsEnd(run)) yield* lacking(session, run.runId);
}

/** A plan that an earlier version froze has the digest of that version. */
async function* planDigest(session: Queryable, run: AuditedRun): AsyncGenerator<AuditProblem> {
  if (run.planDigest === null || !run.chained) return;
  const now = await digestPlan(session, run.runId);
  if (now === run.planDigest) return;
  yield { type: 'plan_altered', what: 'plan', seq: null, found: `the digest ${now}`, expected: run.planDigest };
}

async function* decisions(
  session: Queryable,
  run: AuditedRun,
  decision: Decision | null,
): AsyncGenerator<AuditProblem> {
  const { rows } = await session.query<{ n: string }>(
    'select count(*) as n from decision where run_id = $1 and accepted',
    [run.runId],
  );
  const accepted = Number(rows[0]?.n ?? 0);
  if (accepted > 1) {
    yield {
      type: 'decisions_conflict',
      what: 'run',
      seq: null,
      found: `${accepted} accepted decisions`,
      expected: 'one',
    };
  }
  if (decision === null) return;
  const what = `decision to ${decision.decision} by ${decision.approver}`;
  if (run.planDigest !== null && decision.planDigest !== run.planDigest) {
    const found = `the plan ${decision.planDigest}`;
    yield { type: 'decision_of_other_plan', what, seq: null, found, expected: run.planDigest };
  }
  if (decision.decision !== 'approve') return;
  const { requestedBy, config, kind } = run;
  // A reviewer's resolution is request and decision in one.
  if (config.fourEyes === true && kind !== 'review' && requestedBy !== null) {
    if (isSamePerson(requestedBy, decision.approver)) {
      const expected = `anybody but ${requestedBy}, who requested the run`;
      yield { type: 'four_eyes', what, seq: null, found: `approved by ${decision.approver}`, expected };
    }
  }
  if (decision.override === true) return;
  const [lines, blocked] = [await readPlanLines(session, run.runId), await readRunBlocked(session, run.runId)];
  for (const breach of breachesWithin(scopeOf(decision), lines, blocked)) {
    yield { type: 'override_missing', what, seq: null, found: breachText(breach), expected: 'an override' };
  }
}

interface CorrectionRow {
  readonly seq: string;
  readonly what: string;
  readonly status: string;
  readonly approver: string | null;
  readonly expected_approver: string | null;
  readonly planned: string;
  readonly unplanned: string;
  readonly unlike: string;
  readonly wrong_mode: string;
  readonly not_approved: string;
  readonly approver_differs: string;
  readonly why: string | null;
}

const NAMED = `'correction ' || c.seq || ' (' || c.operation || ' ' || c.table_name || ' ' || c.record_key::text || ')' as what`;

async function* corrections(
  session: Queryable,
  run: AuditedRun,
  approval: Decision | null,
): AsyncGenerator<AuditProblem> {
  // What an undo refuses is entered without being planned. The others are held against their item; what goes with a
  // delete is covered where the delete is.
  const query = `
    select * from (
      select c.seq, ${NAMED}, c.status, c.approver, p.expected_approver,
             concat_ws(' ', p.operation, p.table_name, p.record_key::text) as planned,
             p.seq is null and not ($2 = 'undo' and c.status = 'SKIPPED_STALE') as unplanned,
             p.seq is not null and row(c.table_name, c.operation, c.record_key, c.before_data, c.after_data, c.forced)
               is distinct from row(p.table_name, p.operation, p.record_key, p.before_data, p.after_data, p.forced) as unlike,
             (c.status = 'DRY_RUN') = $3::boolean as wrong_mode,
             c.status <> 'DRY_RUN' and p.why is not null as not_approved, p.why,
             c.status <> 'DRY_RUN' and p.seq is not null and p.why is null
               and c.approver is distinct from p.expected_approver as approver_differs
        from correction_log c left join lateral (
               select i.*, case when i.needs_approval then $5::text end as expected_approver,
                      case when not $4::boolean and exists (select 1 from plan_item n where n.run_id = $1 and n.needs_approval)
                             then 'no approval of the plan'
                           when i.left_out then 'left out, as it was not approved'
                           when i.needs_approval and not coalesce(coalesce(d.table_name, i.table_name) = any ($6::text[]), true)
                             then 'an approval of other tables'
                           when i.needs_approval and not coalesce(coalesce(d.operation, i.operation) = any ($7::text[]), true)
                             then 'an approval of other operations'
                      end as why
                 from plan_item i left join plan_item d on d.run_id = i.run_id and d.seq = i.effect_of
                where i.run_id = c.run_id and i.seq = c.seq) as p on true
       where c.run_id = $1) as checked
     where unplanned or unlike or wrong_mode or not_approved or approver_differs
     order by seq`;
  const { tables = null, operations = null } = approval ?? {};
  const values = [run.runId, run.kind, run.apply, approval !== null, approval?.approver ?? null, tables, operations];
  for await (const row of streamRows<CorrectionRow>(session, 'corrections', query, values)) {
    const { seq, what } = row;
    const says = (type: AuditProblem['type'], found: string, expected: string) => ({
      type,
      what,
      seq,
      found,
      expected,
    });
    if (row.unplanned === 't') yield says('entry_unplanned', 'a correction that is not in the plan', 'one of the plan');
    if (row.unlike === 't') {
      yield says(
        'entry_unlike_plan',
        'other values, another key, table or operation',
        `what was planned: ${row.planned}`,
      );
    }
    if (row.wrong_mode === 't') {
      yield says('entry_of_wrong_mode', row.status, run.apply ? 'no DRY_RUN in a run that applies' : 'DRY_RUN');
    }
    if (row.not_approved === 't') yield says('not_approved', row.why ?? '', 'a decision that approves it');
    if (row.approver_differs === 't') {
      yield says(
        'approver_differs',
        `approver ${row.approver ?? 'none'}`,
        row.expected_approver ?? 'none: it needs no approval',
      );
    }
  }
}

async function* decidedTooLate(session: Queryable, { runId }: AuditedRun): AsyncGenerator<AuditProblem> {
  const { rows } = await session.query<{ seq: string; what: string; chain_no: string; decided: string }>(
    `select c.seq, ${NAMED}, c.chain_no, d.decided
       from (select min(chain_no) as decided from decision where run_id = $1 and accepted) as d, correction_log c
            join plan_item p using (run_id, seq)
      where c.run_id = $1 and c.chain_no < d.decided
      order by c.chain_no limit 1`,
    [runId],
  );
  for (const { seq, what, chain_no: found, decided } of rows) {
    const expected = `an entry after that of the decision, ${decided}`;
    yield { type: 'decided_too_late', what, seq, found: `entry ${found}`, expected };
  }
}

/** Whether each correction of the plan has to have an entry by now. */
function wentToItsEnd({ apply, status, ended }: AuditedRun): boolean {
  if (!ended || status === 'incomplete') return ended;
  return apply ? status === 'applied' : status === 'consistent' || status === 'inconsistent';
}

async function* lacking(session: Queryable, runId: string): AsyncGenerator<AuditProblem> {
  const query = `
    select c.seq, ${NAMED} from plan_item c
     where c.run_id = $1 and not c.left_out
       and not exists (select 1 from correction_log e where e.run_id = $1 and e.seq = c.seq)
     order by c.seq`;
  for await (const { seq, what } of streamRows<{ seq: string; what: string }>(session, 'lacking', query, [runId])) {
    yield { type: 'entry_lacking', what, seq, found: 'no entry', expected: 'one' };
  }
}
