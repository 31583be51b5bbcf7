import { DURATION_FORM, parseDuration } from './duration';
import type { ColumnDifference } from './difference';
import { INCONSISTENCY_TYPES, SEVERITIES, type InconsistencyType, type Severity, type TextRow } from './finding';
import { isObject, kindOf, problemOf, withoutNulls, type Checked, type FieldCheck } from './input';

/** The manual review queue: what stands in it, and what a reviewer may make of an entry. */

export const REVIEW_RESOLUTIONS = ['APPLY_SOURCE', 'KEEP_TARGET', 'CUSTOM_FIX'] as const;
export type ReviewResolution = (typeof REVIEW_RESOLUTIONS)[number];

/** HEALED: a later complete comparison no longer found the difference, and nobody had to decide. */
export const REVIEW_STATUSES = ['PENDING', 'REVIEWED', 'HEALED'] as const;
export type ReviewStatus = (typeof REVIEW_STATUSES)[number];

/** Which entries; a field that is absent does not narrow. */
export interface ReviewFilter {
  readonly table?: string;
  readonly type?: InconsistencyType;
  readonly severity?: Severity;
}

/** Which open entries a resolution is for: these IDs, or all that the filter holds. */
export type ReviewSelection = { readonly ids: readonly string[] } | { readonly filter: ReviewFilter };

/** Payload of the update `resolveReview`, and input of the workflow `resolveReviews` where it comes with its start. */
export interface ResolveMessage {
  readonly selection: ReviewSelection;
  readonly resolution: ReviewResolution;
  readonly reviewer: string;
  readonly notes: string | null;
  /** Target column to its text or null, for CUSTOM_FIX; null for the others. */
  readonly values: TextRow | null;
  /** ISO time: entries that were entered or have changed since were not seen by the reviewer, and are not resolved. */
  readonly asOf: string | null;
  /**
   * Digest of the plan that the reviewer has read; another plan is refused. Needed where deletes make the database delete or
   * change further rows: such a resolution is refused at first, and its plan stays to be read. Absent or null: none was.
   */
  readonly planDigest?: string | null;
  /** Whether it may delete or overwrite more of a table than its guard allows. */
  readonly override: boolean;
}

/** Input of the workflow `resolveReviews`: a resolution, or how long to wait for one by the update `resolveReview`. */
export interface ResolveReviewsInput {
  readonly message: ResolveMessage | null;
  readonly waitMs: number;
}

/** A resolution as it was recorded: what `resolveReview` returns. */
export interface RecordedResolution {
  readonly runId: string;
  readonly resolution: ReviewResolution;
  readonly reviewer: string;
  readonly notes: string | null;
  /** Entries that it is for. */
  readonly reviews: number;
  /** Entries of the filter that it cannot be for; they stay open. */
  readonly leftOut: number;
  /** Corrections of the target that were planned; none for KEEP_TARGET. */
  readonly corrections: number;
  readonly planDigest: string;
  readonly recordedAt: string;
}

/** One entry of the queue. Column names as in findings: `source` and key by source names, `target` by target names. */
export interface ReviewEntry {
  readonly id: string;
  readonly table: string;
  readonly type: InconsistencyType;
  readonly severity: Severity;
  readonly status: ReviewStatus;
  readonly key: TextRow;
  readonly source: TextRow | null;
  readonly target: TextRow | null;
  readonly columns: readonly ColumnDifference[];
  /** How many equal rows each side has of a row that no key names; such a row cannot be corrected. Else null. */
  readonly counts: { readonly source: number; readonly target: number } | null;
  /** The runs that found it first and last; null: dropped from the ledger since. */
  readonly firstRun: string | null;
  readonly lastRun: string | null;
  readonly createdAt: string;
  readonly lastSeenAt: string;
  readonly changedAt: string;
  readonly timesSeen: number;
  /** Whether the run that saw it last had compared the whole table; otherwise an extra row is not deleted. */
  readonly complete: boolean;
  readonly resolution: ReviewResolution | null;
  readonly reviewer: string | null;
  readonly notes: string | null;
  readonly reviewedAt: string | null;
  /** The run that carries the resolution out, or has done so. */
  readonly resolvedBy: string | null;
  /** What came of the last resolution that could not be carried out. */
  readonly lastAttempt: string | null;
  readonly healedAt: string | null;
  readonly healedBy: string | null;
  /** The undo that took the resolution back. */
  readonly undoneBy: string | null;
}

/** One line of `trueup report review`. */
export interface ReviewReportLine {
  readonly type: InconsistencyType;
  readonly severity: Severity;
  readonly status: ReviewStatus;
  readonly count: number;
  readonly oldest: string;
  readonly newest: string;
}

const MOST_IDS = 1_000;
const DEFAULT_WAIT_MS = 3_600_000;

const oneOf =
  (allowed: readonly string[]): FieldCheck =>
  (value) =>
    typeof value === 'string' && allowed.includes(value) ? null : `one of ${allowed.join(', ')}`;
const text: FieldCheck = (value) => (typeof value === 'string' && value.trim() !== '' ? null : 'a text');
const isId = (value: unknown) =>
  (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) ||
  (typeof value === 'string' && /^[1-9]\d{0,17}$/.test(value));

const FILTER_FIELDS: Readonly<Record<string, FieldCheck>> = {
  table: text,
  type: oneOf(INCONSISTENCY_TYPES),
  severity: oneOf(SEVERITIES),
};
const RESOLVE_FIELDS: Readonly<Record<string, FieldCheck>> = {
  reviewId: (value) => (isId(value) ? null : 'the ID of an entry, such as 42'),
  reviewIds: (value) =>
    Array.isArray(value) && value.length > 0 && value.length <= MOST_IDS && value.every(isId)
      ? null
      : `a list of 1 to ${MOST_IDS} IDs of entries`,
  filter: (value) => (isObject(value) ? null : `an object with ${Object.keys(FILTER_FIELDS).join(', ')}`),
  resolution: oneOf(REVIEW_RESOLUTIONS),
  reviewer: text,
  notes: (value) => (typeof value === 'string' ? null : 'a text'),
  values: (value) => (isObject(value) ? null : 'an object of column names to texts or null'),
  asOf: (value) =>
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT.*Z$/.test(value) && !Number.isNaN(Date.parse(value))
      ? null
      : 'a time such as 2026-03-01T12:00:05.123Z',
  planDigest: (value) =>
    typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? null : "a plan's digest, 64 hexadecimal digits",
  override: (value) => (typeof value === 'boolean' ? null : 'true or false'),
};
const WAIT_FIELDS: Readonly<Record<string, FieldCheck>> = {
  wait: (value) => (typeof value === 'string' && parseDuration(value) !== null ? null : DURATION_FORM),
};

/** Checks the payload of `resolveReview`. A problem names fields and forms, never a value that was given. */
export function checkResolveMessage(input: unknown): Checked<ResolveMessage> {
  const refuse = (problem: string): Checked<ResolveMessage> => ({ ok: false, problem });
  if (!isObject(input)) {
    return refuse(`found ${kindOf(input)}, allowed: one JSON object with ${Object.keys(RESOLVE_FIELDS).join(', ')}`);
  }
  const problem = problemOf(input, RESOLVE_FIELDS);
  if (problem !== null) return refuse(problem);
  const given = withoutNulls(input);
  for (const name of ['resolution', 'reviewer']) {
    if (given[name] === undefined) {
      return refuse(`${name} is missing, allowed: ${RESOLVE_FIELDS[name]?.(undefined) ?? ''}`);
    }
  }
  const named = ['reviewId', 'reviewIds', 'filter'].filter((name) => given[name] !== undefined);
  if (named.length !== 1) {
    return refuse(
      `found ${named.length === 0 ? 'none' : named.join(' and ')} of reviewId, reviewIds, filter; allowed: one of them`,
    );
  }
  const filter = (given['filter'] ?? {}) as Record<string, unknown>;
  const inFilter = problemOf(filter, FILTER_FIELDS);
  if (inFilter !== null) return refuse(`filter: ${inFilter}`);
  const values = given['values'] as Record<string, unknown> | undefined;
  const inValues = problemOfValues(given['resolution'] as ReviewResolution, values);
  if (inValues !== null) return refuse(inValues);
  if (given['resolution'] === 'KEEP_TARGET' && given['planDigest'] !== undefined) {
    return refuse('planDigest: found with KEEP_TARGET, which plans nothing; allowed: with APPLY_SOURCE and CUSTOM_FIX');
  }
  const ids = (given['reviewIds'] as unknown[] | undefined) ?? [given['reviewId']];
  return {
    ok: true,
    value: {
      selection:
        given['filter'] === undefined ? { ids: [...new Set(ids.map(String))] } : { filter: withoutNulls(filter) },
      resolution: given['resolution'] as ReviewResolution,
      reviewer: (given['reviewer'] as string).trim(),
      notes: (given['notes'] as string | undefined)?.trim() || null,
      values: (values as TextRow | undefined) ?? null,
      asOf: (given['asOf'] as string | undefined) ?? null,
      planDigest: (given['planDigest'] as string | undefined) ?? null,
      override: given['override'] === true,
    },
  };
}

function problemOfValues(resolution: ReviewResolution, values: Record<string, unknown> | undefined): string | null {
  if (resolution !== 'CUSTOM_FIX') {
    return values === undefined ? null : `values: found with ${resolution}, allowed: with CUSTOM_FIX only`;
  }
  if (values === undefined || Object.keys(values).length === 0) {
    return 'values: found none, allowed: at least one column of the target with its text or null';
  }
  const wrong = Object.entries(values).find(([, value]) => typeof value !== 'string' && value !== null);
  return wrong
    ? `values: ${JSON.stringify(wrong[0])}: found ${kindOf(wrong[1])}, allowed: a text in PostgreSQL's form, in quotes, or null`
    : null;
}

/** Checks the input of `resolveReviews`: nothing, `{"wait": "1h"}`, or a resolution. */
export function checkResolveReviewsInput(input: unknown): Checked<ResolveReviewsInput> {
  const given = isObject(input) ? withoutNulls(input) : input;
  if (
    given === undefined ||
    given === null ||
    (isObject(given) && Object.keys(given).every((name) => name === 'wait'))
  ) {
    const fields = given ?? {};
    const problem = problemOf(fields, WAIT_FIELDS);
    if (problem !== null) return { ok: false, problem };
    const waitMs = parseDuration((fields['wait'] as string | undefined) ?? '') ?? DEFAULT_WAIT_MS;
    return { ok: true, value: { message: null, waitMs } };
  }
  const checked = checkResolveMessage(given);
  return checked.ok ? { ok: true, value: { message: checked.value, waitMs: DEFAULT_WAIT_MS } } : checked;
}
