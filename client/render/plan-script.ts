import type { TextRow } from '../../contracts/finding';
import type { PlanItem } from '../../contracts/plan-item';
import type { RunReport } from '../../contracts/run';
import type { BesidePlan } from '../../ledger/beside-plan';
import { PINNED_SETTINGS } from '../../database/settings';
import { quoteLiteral } from '../../database/identifier';
import { planItemLines } from './plan-item';
import { SESSION_BEGIN, SESSION_CHECK } from './plan-script-session';
import { comment, dollarQuoted } from './plan-script-text';
import { blockedLines, decisionLine, planTable } from './plan-table';
import { instant, plural } from './text';

/** Settings beside those that every session of Trueup has; whoever runs a script may change them. */
const SCRIPT_SETTINGS: Readonly<Record<string, string>> = {
  lock_timeout: '5s',
  statement_timeout: '15min',
  client_min_messages: 'notice',
  // Rows that row security hides are an error rather than gone.
  row_security: 'off',
};

/** What a script is made of beside the plan itself. */
export interface ScriptHead {
  readonly report: RunReport;
  readonly madeAt: string;
  readonly connection: string;
  readonly database: string;
  /** When the first and the last finding was entered; null: there are none. */
  readonly read: { readonly from: string; readonly to: string } | null;
}

/** A statement that a script makes corrections by. */
export interface ScriptStatement {
  readonly id: number;
  readonly table: string;
  readonly operation: string;
  readonly text: string;
  /** By columns: what the row is held against. */
  readonly checks: Readonly<Record<string, string>>;
}

/** An item as a script lists it. */
export interface ScriptItem {
  readonly item: PlanItem;
  readonly statement: number;
  readonly key: readonly (string | null)[];
  readonly own: readonly (string | null)[] | null;
  /** What further columns must come to. */
  readonly wanted: TextRow | null;
}

function headLines({ report, madeAt, connection, database, read }: ScriptHead): readonly string[] {
  const { runId, status, planDigest, plan, blocked, decision, leftOut } = report;
  const corrections = plan.reduce((sum, line) => sum + line.rows, 0) - leftOut;
  return [
    `Plan of run ${runId} (${status}), as a script for psql.`,
    `Digest: ${planDigest ?? ''}`,
    `Made at ${instant(madeAt)} for the database ${database} of the connection ${connection}.`,
    '',
    ...planTable(plan).split('\n'),
    ...blockedLines(blocked),
    ...(decision === null ? [] : [decisionLine(decision, leftOut)]),
    '',
    'To run it, in one session and without --single-transaction:',
    `  psql -X -v ON_ERROR_STOP=1${blocked.length > 0 ? ' -v trueup_override=1' : ''} -f FILE DATABASE`,
    '',
    `It makes ${plural(corrections, 'correction')} as \`trueup run --apply\` would, each batch of at most 500 in a transaction of its`,
    'own, with constraints, foreign keys and triggers on. Each row is locked and compared with the plan first, in all its',
    'columns. After its change it is read back: what a trigger, a rule or a type made of it otherwise is taken back and left.',
    'A row that is not as planned is skipped and reported (SKIPPED_STALE); rows that a delete would take with it are',
    'changed before it, and if they are not those of the plan, the delete is not made. What the database refuses is left, and',
    'the others are made; what another row is in the way of is tried again at the end. Rows that fit together only (that swap a',
    'unique value, or refer to each other in a ring) are then made in one transaction where the constraint is deferrable; where',
    'it is not, Trueup can do that, and the script cannot. Sequences are moved past what was inserted.',
    'The end says how many corrections were made, and names those that were left (LEFT) with the reason, and what the run found',
    'that the plan does not correct (NOT IN THE PLAN); where there is any of either, psql ends with 3.',
    'At an error that is not about a row the script stops; what was committed stays. It can be run again in any case: what is',
    'done is not done twice.',
    '',
    read === null
      ? 'The source is not asked: what it holds by now is not known here.'
      : `The source is not asked: it was read at ${instant(read.from)} to ${instant(read.to)}; what changed since is not seen.`,
    'Nothing is entered in the ledger, so `trueup undo` cannot take it back, and a run that waits for a decision on this plan',
    'goes on waiting: reject it. But each row is kept in trueup_script.change, as it was and as it was left. This gives back',
    'all rows that are still as they were left, by the same checks, and leaves the others alone:',
    '  psql -X -v ON_ERROR_STOP=1 -v trueup_give_back=1 -f FILE DATABASE',
    'To run the script again after that, delete its entries there first, once nobody needs them any more:',
    `  delete from trueup_script.change where run_id = ${quoteLiteral(runId)};`,
  ];
}

const BLOCKED =
  'trueup: the plan deletes or overwrites more than the guard allows; read it, then add -v trueup_override=1';

/** psql's variable of that name, or false where none was given. */
const flag = (name: string) => [`\\if :{?${name}}`, '\\else', `  \\set ${name} 0`, '\\endif'];

/** What makes the corrections begins; a plan that is over its guard is not run unless psql is told to. */
export function scriptApply({ blocked }: RunReport): string {
  const refusal = `do ${dollarQuoted(` begin raise exception ${quoteLiteral(BLOCKED)}; end `)};`;
  const override = ['\\if :trueup_override', '\\else', refusal, '\\endif'];
  return ['', '\\if :trueup_give_back', '\\else', ...(blocked.length > 0 ? override : []), ''].join('\n');
}

/** What stands before everything else. */
export function scriptHead(head: ScriptHead): string {
  const settings = { ...PINNED_SETTINGS, ...SCRIPT_SETTINGS };
  return [
    comment(headLines(head)),
    '',
    ...['ON_ERROR_STOP on', 'ON_ERROR_ROLLBACK off', 'AUTOCOMMIT on', 'SINGLELINE off', 'QUIET on'].map(
      (set) => `\\set ${set}`,
    ),
    '\\encoding UTF8',
    ...SESSION_BEGIN,
    ...Object.entries(settings).map(([name, value]) => `set ${name} = ${quoteLiteral(value)};`),
    ...flag('trueup_give_back'),
    ...flag('trueup_override'),
    '',
  ].join('\n');
}

export interface ScriptTable {
  readonly name: string;
  readonly relation: string;
  readonly columns: Readonly<Record<string, string>>;
  readonly read: string;
}

/** Enters a table, with the statement that locks and reads its rows. */
export function scriptTableText({ name, relation, columns, read }: ScriptTable): string {
  const values = [name, relation, JSON.stringify(columns)].map(quoteLiteral).join(', ');
  return `insert into pg_temp.trueup_table (name, relation, columns, read) values\n(${values}, ${dollarQuoted(`\n${read}\n`)});\n`;
}

/** Enters statements before the first batch that needs them. */
export function scriptStatementText({ id, table, operation, text, checks }: ScriptStatement): string {
  const values = [String(id), quoteLiteral(table), quoteLiteral(operation), json(checks)].join(', ');
  return `insert into pg_temp.trueup_statement (id, tab, operation, checks, change) values\n(${values}, ${dollarQuoted(`\n${text}\n`)});\n`;
}

const json = (value: unknown) => (value === null ? 'null' : quoteLiteral(JSON.stringify(value)));

/** Corrections of one batch: for each what it does field by field, then the row that says so to the script. */
export function scriptItemsText(items: readonly ScriptItem[]): string {
  const rows = items.map(({ item, statement, key, own, wanted }) => {
    const { seq, effectOf = seq, effectAlso, before, after } = item;
    const also = effectAlso ? `'{${effectAlso.join(',')}}'` : 'null';
    const values = [seq, effectOf, also, statement, json(key), json(before), json(after), json(own), json(wanted)].join(
      ', ',
    );
    const [head = '', ...fields] = planItemLines(item);
    return `${comment([`${seq}: ${head}`, ...fields], '  ')}\n  (${values})`;
  });
  return `insert into pg_temp.trueup_item (seq, root, also, statement, key, before, after, own, wanted) values\n${rows.join(',\n')};\n`;
}

export const BATCH_BEGIN = `\n${SESSION_CHECK}\nbegin;\n`;
export const BATCH_END = 'call pg_temp.trueup_apply();\ncommit;\n';

/** What gives back one operation on one table. */
export interface ScriptReverse extends ScriptStatement {
  /** The operation that is given back. */
  readonly of: string;
  readonly columns: readonly string[];
}

const MOST_BESIDE = 100;

/** Says what the run found that this plan does not correct. */
function besideText(beside: readonly BesidePlan[]): readonly string[] {
  const more = beside.length > MOST_BESIDE ? [`and ${beside.length - MOST_BESIDE} more kinds`] : [];
  const lines = beside.slice(0, MOST_BESIDE).map(({ what, n, mayFollow }) => {
    const follows = mayFollow ? ' (the corrections may have put it right: run again)' : '';
    return `${plural(n, 'difference')}: ${what}${follows}`;
  });
  return [...lines, ...more].map((line) => raised('warning', `trueup: NOT IN THE PLAN: ${line}`));
}

/** Ends psql with 3 where differences stay that no correction of the plan is for, and none can have put right. */
function besideError(beside: readonly BesidePlan[]): readonly string[] {
  const n = beside.filter(({ mayFollow }) => !mayFollow).reduce((sum, one) => sum + one.n, 0);
  if (n === 0) return [];
  const text = `trueup: the plan is carried out, and ${plural(n, 'difference')} that it does not correct ${n === 1 ? 'is' : 'are'} left: NOT IN THE PLAN, above`;
  return [raised('exception', text)];
}

function raised(level: 'warning' | 'exception', text: string): string {
  return `do ${dollarQuoted(` begin raise ${level} using message = ${quoteLiteral(text)}; end `)};`;
}

/** What stands after the last batch. */
export function scriptEnd(reverses: readonly ScriptReverse[], beside: readonly BesidePlan[]): string {
  const enter = reverses.map((reverse) => {
    const columns = `array[${reverse.columns.map(quoteLiteral).join(', ')}]::text[]`;
    const values = [quoteLiteral(reverse.table), quoteLiteral(reverse.of), reverse.id, columns].join(', ');
    const back = `insert into pg_temp.trueup_back (tab, operation, statement, columns) values (${values});`;
    return `${scriptStatementText(reverse)}${back}`;
  });
  return [
    '',
    comment(['What was left is tried again.']),
    ...['retry', 'sequences'].map((name) => `call pg_temp.trueup_${name}();`),
    ...besideText(beside),
    'call pg_temp.trueup_report();',
    ...besideError(beside),
    '\\endif',
    '',
    comment(['Gives back what the script did, as far as the rows are still as it left them.']),
    '\\if :trueup_give_back',
    ...enter,
    'call pg_temp.trueup_give_back();',
    '\\endif',
    '',
  ].join('\n');
}
