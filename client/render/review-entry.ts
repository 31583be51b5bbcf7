import type { TextRow } from '../../contracts/finding';
import type { ReviewEntry } from '../../contracts/review';
import { drawTable } from './table';
import { count, instant, keyText, printable, value } from './text';

/** A row as each side has it now: null where there is none. */
export interface RowsNow {
  readonly source: TextRow | null;
  readonly target: TextRow | null;
}

/** One entry on one line, in columns that line up without knowing the other lines. */
export function reviewLine(entry: ReviewEntry): string {
  const what = entry.columns.map(({ name, source, target }) => {
    return `${printable(name)}: source ${value(source, 40)}, target ${value(target, 40)}`;
  });
  const fields = [
    entry.id.padStart(6),
    stateOf(entry).padEnd(8),
    entry.table.padEnd(20),
    entry.type.padEnd(18),
    entry.severity.padEnd(8),
    keyText(entry.key),
    what.join('; '),
  ];
  return fields
    .filter((field) => field !== '')
    .join('  ')
    .trimEnd();
}

function stateOf({ status, resolution, resolvedBy }: ReviewEntry): string {
  if (status === 'REVIEWED') return `${status} ${resolution ?? ''}`;
  return status === 'PENDING' && resolvedBy !== null ? 'PENDING (being resolved)' : status;
}

/** One entry in full: what is known of it, and its fields as they were seen and as they are now. */
export function reviewLines(entry: ReviewEntry, now: RowsNow | string): readonly string[] {
  const { id, table, type, severity, key } = entry;
  return [
    `Entry ${id}: ${table} ${type}, ${keyText(key)}`,
    `${stateOf(entry)}, severity ${severity}`,
    `Entered ${instant(entry.createdAt)} by run ${entry.firstRun ?? '(dropped)'}`,
    `Seen last ${instant(entry.lastSeenAt)} by run ${entry.lastRun ?? '(dropped)'}, ${count(entry.timesSeen)} times in all; its values changed last at ${entry.changedAt}`,
    ...storyOf(entry),
    ...(entry.counts === null
      ? []
      : [`Equal rows: ${entry.counts.source} in the source, ${entry.counts.target} in the target; no key names them`]),
    '',
    fieldTable(entry, typeof now === 'string' ? null : now),
    ...(typeof now === 'string' ? [now] : []),
  ];
}

function storyOf(entry: ReviewEntry): readonly string[] {
  const { resolution, reviewer, notes, reviewedAt, resolvedBy, lastAttempt, healedAt, healedBy, undoneBy } = entry;
  const by = `${resolution ?? ''} by ${printable(reviewer ?? '')}, run ${resolvedBy ?? '(dropped)'}`;
  return [
    ...(reviewedAt !== null ? [`Resolved ${instant(reviewedAt)}: ${by}`] : []),
    ...(reviewedAt === null && resolvedBy !== null ? [`Being resolved: ${by}`] : []),
    ...(notes === null ? [] : [`Notes: ${printable(notes)}`]),
    ...(lastAttempt === null ? [] : [`Last attempt: ${printable(lastAttempt)}`]),
    ...(healedAt === null ? [] : [`Healed: run ${healedBy ?? ''} no longer found it, ${instant(healedAt)}`]),
    ...(undoneBy === null ? [] : [`Undone by run ${undoneBy}`]),
  ];
}

/** Field by field; of a mismatch the columns that differ, else all of the row. `now` null: not known. */
function fieldTable(entry: ReviewEntry, now: RowsNow | null): string {
  const fields: readonly { readonly source: string | null; readonly target: string | null }[] =
    entry.columns.length > 0
      ? entry.columns.map((column) => ({ source: column.name, target: column.targetName }))
      : [
          ...Object.keys(entry.source ?? {}).map((name) => ({ source: name, target: null })),
          ...Object.keys(entry.target ?? {}).map((name) => ({ source: null, target: name })),
        ];
  const cell = (row: TextRow | null, name: string | null) =>
    name === null ? '' : row === null ? '(no row)' : Object.hasOwn(row, name) ? value(row[name], 40) : '(no column)';
  return drawTable(
    [
      { head: 'column' },
      { head: 'source then' },
      { head: 'target then' },
      ...(now === null ? [] : [{ head: 'source now' }, { head: 'target now' }]),
    ],
    fields.map(({ source, target }) => [
      printable(source ?? target ?? ''),
      cell(entry.source, source),
      cell(entry.target, target),
      ...(now === null ? [] : [cell(now.source, source ?? target), cell(now.target, target ?? source)]),
    ]),
  );
}
