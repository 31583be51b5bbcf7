import { CHECK_KINDS, RUN_MODES } from './check';
import { OPERATIONS } from './correction';
import { DURATION_FORM, parseDuration } from './duration';
import { JOBS, type JobInput } from './job';
import type { ApprovalTerms, LateDecisionInput, ReconcileInput, TuneMessage, UndoInput } from './messages';
import type { PurgeInput } from './purge';
import { MOST_SAMPLE_ROWS } from './sample';

/** What a guard says of an input that anybody may have typed into a form: the input, or what is wrong with it. */
export type Checked<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

export type FieldCheck = (value: unknown) => string | null;

const text: FieldCheck = (value) => (typeof value === 'string' ? null : 'a text');
const SAMPLE_FORM = `an object with rows (1 to ${MOST_SAMPLE_ROWS}), confidence and margin (above 0 and below 1), seed (0 to 2^53 - 1)`;
const isShare = (value: unknown) => typeof value === 'number' && value > 0 && value < 1;
const isWhole = (value: unknown, from: number, to: number) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= from && value <= to;
const SAMPLE_FIELDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  rows: (value) => isWhole(value, 1, MOST_SAMPLE_ROWS),
  confidence: isShare,
  margin: isShare,
  seed: (value) => isWhole(value, 0, Number.MAX_SAFE_INTEGER),
};
const isSampleWish = (value: unknown) =>
  isObject(value) &&
  Object.entries(value).every(
    ([name, of]) => Object.hasOwn(SAMPLE_FIELDS, name) && (of === null || SAMPLE_FIELDS[name]?.(of) === true),
  );
const RECONCILE_FIELDS: Readonly<Record<string, FieldCheck>> = {
  tables: (value) =>
    Array.isArray(value) && value.every((name) => typeof name === 'string') ? null : 'a list of table names',
  mode: (value) => ((RUN_MODES as readonly unknown[]).includes(value) ? null : `one of ${RUN_MODES.join(', ')}`),
  checks: (value) =>
    Array.isArray(value) && value.every((kind) => (CHECK_KINDS as readonly unknown[]).includes(kind))
      ? null
      : `a list of ${CHECK_KINDS.join(', ')}`,
  sample: (value) => (isSampleWish(value) ? null : SAMPLE_FORM),
  critical: (value) => (typeof value === 'boolean' ? null : 'true or false'),
  unapproved: (value) => (value === 'wait' || value === 'queue' ? null : 'wait or queue'),
  apply: (value) => (typeof value === 'boolean' ? null : 'true or false'),
  requestedBy: text,
  approvalTimeout: (value) => (typeof value === 'string' && parseDuration(value) !== null ? null : DURATION_FORM),
  job: (value) => ((JOBS as readonly unknown[]).includes(value) ? null : `one of ${JOBS.join(', ')}`),
  resume: (value) => (typeof value === 'string' && value !== '' ? null : 'the ID of a run'),
};
const count: FieldCheck = (value) =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 64
    ? null
    : 'a whole number from 1 to 64';
const TUNE_FIELDS: Readonly<Record<string, FieldCheck>> = {
  concurrency: count,
  maxChunksPerConnection: count,
  pause: (value) => (typeof value === 'boolean' ? null : 'true or false'),
};
/** Corrections that one undo may name; whoever wants more of them wants a table, or the run. */
const MOST_CORRECTIONS = 1_000;
const isSeq = (value: unknown) =>
  (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) ||
  (typeof value === 'string' && /^[1-9]\d{0,17}$/.test(value));
const UNDO_FIELDS: Readonly<Record<string, FieldCheck>> = {
  runId: (value) => (typeof value === 'string' && value !== '' ? null : 'the ID of a run'),
  requestedBy: text,
  tables: (value) =>
    Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string')
      ? null
      : 'a list of table names; leave it out for all tables',
  corrections: (value) =>
    Array.isArray(value) && value.length > 0 && value.length <= MOST_CORRECTIONS && value.every(isSeq)
      ? null
      : `a list of 1 to ${MOST_CORRECTIONS} numbers of corrections; leave it out for all corrections`,
  force: (value) => (typeof value === 'boolean' ? null : 'true or false'),
  approvalTimeout: (value) => (typeof value === 'string' && parseDuration(value) !== null ? null : DURATION_FORM),
};
const texts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((name) => typeof name === 'string');
const TERMS_FIELDS: Readonly<Record<keyof ApprovalTerms, FieldCheck>> = {
  tables: (value) => (texts(value) ? null : 'a list of table names'),
  operations: (value) =>
    texts(value) && value.every((name) => (OPERATIONS as readonly string[]).includes(name))
      ? null
      : `a list of ${OPERATIONS.join(', ')}`,
  override: (value) => (typeof value === 'boolean' ? null : 'true or false'),
};
const anything: FieldCheck = () => null;
const APPROVAL_FIELDS: Readonly<Record<string, FieldCheck>> = {
  decision: anything,
  approver: anything,
  planDigest: anything,
  reason: anything,
  note: anything,
  ...TERMS_FIELDS,
};
/** Runs that one purge may name. */
const MOST_RUNS = 1_000;
const PURGE_FIELDS: Readonly<Record<string, FieldCheck>> = {
  olderThan: (value) => (typeof value === 'string' && (parseDuration(value) ?? -1) >= 0 ? null : DURATION_FORM),
  runs: (value) =>
    Array.isArray(value) && value.length > 0 && value.length <= MOST_RUNS && value.every((id) => typeof id === 'string')
      ? null
      : `a list of 1 to ${MOST_RUNS} IDs of runs; leave it out for all that are old enough`,
  findings: (value) => (typeof value === 'boolean' ? null : 'true or false'),
  apply: (value) => (typeof value === 'boolean' ? null : 'true or false'),
  digest: text,
  requestedBy: text,
};
const LATE_DECISION_FIELDS: Readonly<Record<string, FieldCheck>> = {
  runId: (value) => (typeof value === 'string' && value !== '' ? null : 'the ID of a run'),
  decision: (value) => (value === 'approve' || value === 'reject' ? null : 'approve or reject'),
  approver: text,
  planDigest: text,
  reason: text,
  ...TERMS_FIELDS,
};

const LONGEST_NAME = 60;

/** The first thing that is wrong with an input, or null. Values are not repeated: an input may hold anything. */
export function problemOf(input: Record<string, unknown>, fields: Readonly<Record<string, FieldCheck>>): string | null {
  for (const [name, value] of Object.entries(input)) {
    const check = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!check)
      return `unknown field ${JSON.stringify(name.slice(0, LONGEST_NAME))}; allowed: ${Object.keys(fields).join(', ')}`;
    // A form may send null for a field that was left empty.
    if (value === undefined || value === null) continue;
    const allowed = check(value);
    if (allowed !== null) return `${name}: found ${kindOf(value)}, allowed: ${allowed}`;
  }
  return null;
}

export function withoutNulls(input: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null && value !== undefined));
}

/** Checks the input of `reconcile`; nothing at all means `{}`. */
export function checkReconcileInput(input: unknown): Checked<ReconcileInput> {
  if (input === undefined || input === null) return { ok: true, value: {} };
  if (!isObject(input)) return { ok: false, problem: `found ${kindOf(input)}, allowed: one JSON object` };
  const problem = problemOf(input, RECONCILE_FIELDS);
  if (problem !== null) return { ok: false, problem };
  const value: ReconcileInput = withoutNulls(input);
  if (value.resume !== undefined && value.tables !== undefined) {
    return { ok: false, problem: 'tables: not together with resume, which takes the tables of the earlier run' };
  }
  if (value.sample !== undefined) {
    if (value.resume !== undefined) {
      return { ok: false, problem: 'sample: not together with resume, which takes the sample of the earlier run' };
    }
    if (value.mode !== 'sample') return { ok: false, problem: 'sample: allowed with mode sample only' };
    return { ok: true, value: { ...value, sample: withoutNulls(value.sample) } };
  }
  return { ok: true, value };
}

const { tables, apply, requestedBy, approvalTimeout, unapproved } = RECONCILE_FIELDS;
const JOB_FIELDS = { tables, apply, requestedBy, approvalTimeout, unapproved } as typeof RECONCILE_FIELDS;

/** Checks the input of a scheduled job; nothing at all means `{}`. */
export function checkJobInput(input: unknown): Checked<JobInput> {
  if (input === undefined || input === null) return { ok: true, value: {} };
  if (!isObject(input)) return { ok: false, problem: `found ${kindOf(input)}, allowed: one JSON object` };
  const problem = problemOf(input, JOB_FIELDS);
  return problem === null ? { ok: true, value: withoutNulls(input) } : { ok: false, problem };
}

/** Checks the payload of `tune`, which has to change something. */
export function checkTuneMessage(input: unknown): Checked<TuneMessage> {
  const allowed = `allowed: one JSON object with ${Object.keys(TUNE_FIELDS).join(', ')}`;
  if (!isObject(input)) return { ok: false, problem: `found ${kindOf(input)}, ${allowed}` };
  const problem = problemOf(input, TUNE_FIELDS);
  if (problem !== null) return { ok: false, problem };
  const value = withoutNulls(input);
  return Object.keys(value).length === 0
    ? { ok: false, problem: `found nothing to change, ${allowed}` }
    : { ok: true, value };
}

/**
 * Reads what an approval says beside who approves which plan. A field that is not known is a problem: a misspelt
 * `tables` would otherwise approve everything.
 */
export function checkApprovalTerms(message: unknown): Checked<ApprovalTerms> {
  if (!isObject(message)) return { ok: true, value: {} };
  const problem = problemOf(message, APPROVAL_FIELDS);
  if (problem !== null) return { ok: false, problem };
  const { tables, operations, override } = withoutNulls(message) as ApprovalTerms;
  return {
    ok: true,
    value: {
      ...(tables === undefined ? {} : { tables: [...new Set(tables)] }),
      ...(operations === undefined ? {} : { operations: [...new Set(operations)] }),
      ...(override === undefined ? {} : { override }),
    },
  };
}

/** Checks the input of `undo`. */
export function checkUndoInput(input: unknown): Checked<UndoInput> {
  const checked = checkWithRunId<UndoInput>(input, UNDO_FIELDS, 'the ID of the run to undo');
  if (!checked.ok || checked.value.corrections === undefined) return checked;
  // A form may send them as numbers.
  const corrections = [...new Set(checked.value.corrections.map(String))];
  return { ok: true, value: { ...checked.value, corrections } };
}

/** Checks the input of `lateDecision`. */
export function checkLateDecisionInput(input: unknown): Checked<LateDecisionInput> {
  return checkWithRunId<LateDecisionInput>(input, LATE_DECISION_FIELDS, 'the ID of the run that was decided on');
}

function checkWithRunId<T extends { readonly runId: string }>(
  input: unknown,
  fields: Readonly<Record<string, FieldCheck>>,
  which: string,
): Checked<T> {
  if (!isObject(input)) return { ok: false, problem: `found ${kindOf(input)}, allowed: {"runId": "…"}` };
  const problem = problemOf(input, fields);
  if (problem !== null) return { ok: false, problem };
  if (typeof input['runId'] !== 'string') return { ok: false, problem: `runId is missing: ${which}` };
  return { ok: true, value: withoutNulls(input) as unknown as T };
}

/** Checks the input of `purge`; nothing at all means `{}`. */
export function checkPurgeInput(input: unknown): Checked<PurgeInput> {
  if (input === undefined || input === null) return { ok: true, value: {} };
  if (!isObject(input)) return { ok: false, problem: `found ${kindOf(input)}, allowed: one JSON object` };
  const problem = problemOf(input, PURGE_FIELDS);
  return problem === null ? { ok: true, value: withoutNulls(input) } : { ok: false, problem };
}

/** A field of a message as text; null when it is absent, empty or no text. NUL, which no database takes, is replaced. */
export function textField(message: unknown, name: string): string | null {
  const value = isObject(message) ? message[name] : undefined;
  return typeof value === 'string' && value.trim() !== '' ? value.trim().replaceAll('\0', '\ufffd') : null;
}
