import { z } from 'zod';
import { DURATION_FORM, parseDuration } from '../contracts/duration';
import type { CorrectionPolicy } from '../contracts/correction';
import { MOST_SAMPLE_ROWS } from '../contracts/sample';
import { KEY_SPELLINGS } from '../contracts/table-pair';
import { UNDO_POLICIES } from '../contracts/undo';
import { isIdentifier, parseTableName, TABLE_NAME_FORM } from './table-name';
import { parseTolerance, TEXT_RULES, TOLERANCE_FORM } from './tolerance';

/*
 * The shape of trueup.yaml. Every schema's error message is what is allowed there, in words: problem.ts puts what was
 * found in front of it.
 */

const POLICIES = ['auto', 'approve', 'review', 'ignore'] as const satisfies readonly CorrectionPolicy[];

/** A map with known fields only. */
function fields<Shape extends z.core.$ZodShape>(shape: Shape, short?: string) {
  const names = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? names : `${short ?? 'a map'} with the fields ${names}`),
  });
}

function text(allowed: string, holds: (value: string) => boolean = () => true) {
  return z
    .string({ error: allowed })
    .refine((value) => value.trim() !== '' && !value.includes('\0') && holds(value), { error: allowed });
}

/** A number, or a text of one: `"${CHUNK_ROWS}"` arrives as a text. */
function number<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => {
    return typeof value === 'string' && /^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : value;
  }, schema);
}

function wholeNumber(from: number, to: number) {
  const error = `a whole number from ${from} to ${to}`;
  return number(z.int({ error }).min(from, { error }).max(to, { error }));
}

const nonNegative = number(
  z.number({ error: 'a number, zero or more' }).nonnegative({ error: 'a number, zero or more' }),
);

/** Milliseconds. */
const duration = z
  .string({ error: DURATION_FORM })
  .refine((value) => parseDuration(value) !== null, { error: DURATION_FORM })
  .transform((value) => parseDuration(value) ?? 0);

const RETENTION_FORM = `${DURATION_FORM}; or null: before-images are kept for ever`;

/** Milliseconds; null: for ever. */
const retention = z
  .string({ error: RETENTION_FORM })
  .refine((value) => (parseDuration(value) ?? 0) > 0, { error: RETENTION_FORM })
  .transform((value) => parseDuration(value) ?? 0)
  .nullable();

const column = text('the name of a column', isIdentifier);

function columns(allowed: string) {
  return z
    .array(column, { error: allowed })
    .refine((names) => new Set(names).size === names.length, { error: `${allowed}, each of them once` });
}

const table = text(TABLE_NAME_FORM, (value) => parseTableName(value) !== null);
const connectionName = text('the name of a connection');

const tableRef = z.preprocess(
  (value) => (typeof value === 'string' ? { table: value } : value),
  fields({ connection: connectionName.optional(), table }, `${TABLE_NAME_FORM}; or a map`),
);

const policy = z.enum(POLICIES, { error: POLICIES.join(', ') });
const corrections = fields({
  missing: policy.optional(),
  mismatched: policy.optional(),
  extra: policy.optional(),
});

const keySpelling = z.enum(KEY_SPELLINGS, { error: KEY_SPELLINGS.join(', ') });

const PERCENT_FORM = 'a number from 0 to 100';
const percent = number(
  z.number({ error: PERCENT_FORM }).min(0, { error: PERCENT_FORM }).max(100, { error: PERCENT_FORM }),
);
const guard = fields({
  rows: wholeNumber(0, 1_000_000_000_000).optional(),
  percent: percent.optional(),
  wipe: percent.optional(),
});

const SIDE_EFFECTS_FORM = 'record, forbid, or { allow: [a list of tables of the target] }';
const sideEffects = z.union([z.enum(['record', 'forbid']), z.strictObject({ allow: z.array(table).min(1) })], {
  error: SIDE_EFFECTS_FORM,
});

const settle = fields({ delay: duration.optional(), attempts: wholeNumber(1, 20).optional() });
const SHARE_FORM = 'a number above 0 and below 1, such as 0.95';
const share = number(z.number({ error: SHARE_FORM }).gt(0, { error: SHARE_FORM }).lt(1, { error: SHARE_FORM }));
const sample = fields({
  rows: wholeNumber(1, MOST_SAMPLE_ROWS).optional(),
  confidence: share.optional(),
  margin: share.optional(),
  seed: wholeNumber(0, Number.MAX_SAFE_INTEGER).optional(),
});
const chunkRows = wholeNumber(1, 10_000_000);
const exclude = columns('a list of column names');

const tolerance = z.unknown().transform((value, context) => {
  const parsed = parseTolerance(value);
  if (parsed === null) context.addIssue({ code: 'custom', message: TOLERANCE_FORM });
  return parsed ?? z.NEVER;
});

const TEXT_RULE_FORM = Object.keys(TEXT_RULES).join(', ');
const textRule = z.unknown().transform((value, context) => {
  const rule = typeof value === 'string' && Object.hasOwn(TEXT_RULES, value) ? TEXT_RULES[value] : undefined;
  if (rule === undefined) context.addIssue({ code: 'custom', message: TEXT_RULE_FORM });
  return rule ?? z.NEVER;
});

const orderCheck = text('two columns and how they compare, such as created_at <= shipped_at', (value) =>
  /^[^<>=]+(<=|<|>=|>|=)[^<>=]+$/.test(value),
);
const reference = fields({
  columns: columns('a list of column names').min(1, { error: 'at least one column name' }),
  parent: text('the name of a table of this file'),
  parentColumns: columns('a list of column names').min(1, { error: 'at least one column name' }).optional(),
});
const checks = fields({
  order: z.array(orderCheck, { error: 'a list of comparisons such as created_at <= shipped_at' }).optional(),
  notFuture: columns('a list of column names').optional(),
  notBefore: z
    .record(column, text("a time such as '2015-01-01'"), { error: 'a map of column names to times such as 2015-01-01' })
    .optional(),
  monotonic: columns('a list of column names').optional(),
  groupBy: z
    .array(text('a column or an SQL expression'), { error: 'a list of columns or SQL expressions' })
    .min(1, { error: 'at least one column or SQL expression' })
    .optional(),
  sums: columns('a list of names of numeric columns').optional(),
  countHigh: wholeNumber(0, 1_000_000_000_000).optional(),
  references: z.array(reference, { error: 'a list of references: columns, parent, parentColumns' }).optional(),
});

// Names go into the ledger and into messages; a URL there would be a secret in the wrong place.
const NAME_FORM = 'a name of 1 to 200 characters, without line breaks or other control characters';
function nameText() {
  return text(NAME_FORM, (value) => value.length <= 200 && !/\p{Cc}|:\/\//u.test(value));
}

/** Whether the databases know it is asked when a run begins. */
const timeZone = text('the name of a time zone as in pg_timezone_names, such as America/New_York or UTC', (value) =>
  /^[A-Za-z][\w+-]*(\/[\w+-]+)*$/.test(value),
);

const tableEntry = z.preprocess(
  (value) => (typeof value === 'string' ? { name: value } : value),
  fields(
    {
      name: nameText(),
      source: tableRef.optional(),
      target: tableRef.optional(),
      key: columns('a list of column names')
        .min(1, { error: 'at least one column name; leave key out for the primary key' })
        .optional(),
      columns: z.record(column, column, { error: 'a map of source column names to target column names' }).optional(),
      exclude: exclude.optional(),
      tolerance: z.record(column, tolerance, { error: 'a map of column names to numbers or durations' }).optional(),
      text: z.record(column, textRule, { error: `a map of column names to ${TEXT_RULE_FORM}` }).optional(),
      where: text('an SQL condition').optional(),
      updatedAt: column.optional(),
      overlap: duration.optional(),
      timeZone: timeZone.optional(),
      critical: z.boolean({ error: 'true or false' }).optional(),
      chunkRows: chunkRows.optional(),
      settle: settle.optional(),
      corrections: corrections.optional(),
      keySpelling: keySpelling.optional(),
      guard: guard.optional(),
      sideEffects: sideEffects.optional(),
      checks: checks.optional(),
    },
    'the name of a table, or a map',
  ),
);

const rule = fields({
  name: nameText(),
  sourceQuery: text('an SQL query'),
  targetQuery: text('an SQL query'),
  source: connectionName.optional(),
  target: connectionName.optional(),
  tolerance: nonNegative.optional(),
  timeout: duration.optional(),
});

const SCHEDULE_FORM = 'an interval such as every 15m, or five cron fields such as 0 2 * * *';
const schedule = text(SCHEDULE_FORM, (value) => {
  const every = /^every\s+(\S+)$/.exec(value.trim());
  if (every) return (parseDuration(every[1] ?? '') ?? 0) >= 1_000;
  return /^([\d*,/-]|[A-Z]{3})+(\s+([\d*,/-]|[A-Z]{3})+){4}$/i.test(value.trim());
});

const CONNECTIONS_FORM = 'a map of connection names (letters, digits, _ and -) to { url: "${NAME}" }';

/** The whole of trueup.yaml, as it is written: defaults are put in by resolve.ts. */
export const configSchema = fields({
  connections: z
    .record(
      text(CONNECTIONS_FORM, (name) => /^[A-Za-z_][\w-]*$/.test(name)),
      fields({
        url: text('a PostgreSQL URL, best from the environment: "${NAME}"'),
        maxConnections: wholeNumber(6, 1_000).optional(),
        timeZone: timeZone.optional(),
      }),
      { error: CONNECTIONS_FORM },
    )
    .refine((connections) => Object.keys(connections).length > 0, { error: CONNECTIONS_FORM }),
  ledger: fields({
    connection: connectionName.optional(),
    schema: text('the name of a schema, of at most 63 bytes', isIdentifier).optional(),
    retention: retention.optional(),
  }).optional(),
  defaults: fields({
    source: connectionName.optional(),
    target: connectionName.optional(),
    exclude: exclude.optional(),
    chunkRows: chunkRows.optional(),
    concurrency: wholeNumber(1, 64).optional(),
    statementTimeout: duration.optional(),
    settle: settle.optional(),
    overlap: duration.optional(),
    sample: sample.optional(),
    approvalTimeout: duration.optional(),
    corrections: corrections.optional(),
    keySpelling: keySpelling.optional(),
    guard: guard.optional(),
    sideEffects: sideEffects.optional(),
    fourEyes: z.boolean({ error: 'true or false' }).optional(),
    undo: z.enum(UNDO_POLICIES, { error: UNDO_POLICIES.join(', ') }).optional(),
  }).optional(),
  throttle: fields({
    maxChunksPerConnection: wholeNumber(1, 64).optional(),
    pauseWhile: fields({
      name: nameText().optional(),
      connection: connectionName,
      query: text('an SQL query that gives one number'),
      above: number(z.number({ error: 'a number' })),
      every: duration.optional(),
    }).optional(),
  }).optional(),
  tables: z
    .array(tableEntry, { error: 'a list of tables; leave it out for all tables that have the same name on both sides' })
    .min(1, { error: 'at least one table; leave it out for all tables that have the same name on both sides' })
    .optional(),
  rules: z.array(rule, { error: 'a list of rules' }).optional(),
  schedules: fields({
    quick: schedule.optional(),
    comprehensive: schedule.optional(),
    deep: schedule.optional(),
    businessRules: schedule.optional(),
  }).optional(),
});

export type ConfigFile = z.output<typeof configSchema>;
export type TableEntry = NonNullable<ConfigFile['tables']>[number];
export type RuleEntry = NonNullable<ConfigFile['rules']>[number];
export type Schedules = NonNullable<ConfigFile['schedules']>;
