import type { Comparison } from '../contracts/comparison';
import { named } from '../contracts/named';
import type { Queryable } from '../database/connection';
import { DatabaseFailure } from '../database/failure';
import { readRules } from '../database/rule';
import { readTableShape, type TableShape } from '../database/table-shape';
import { readTriggers } from '../database/trigger';
import { readTriggerAssignments } from '../database/trigger-assignment';
import type { WrittenRows, WrongRow } from './read-back';

/** Columns that a reason names, and triggers and rules. */
const MOST_NAMED = 5;

/** What of a table may have changed rows on their way in. */
interface Suspects {
  readonly shape: TableShape | null;
  /** `trigger "t_upper"`, `rule "r"`, with the columns that it is known to assign. */
  readonly others: readonly { readonly name: string; readonly assigns: readonly string[] }[];
}

/**
 * Why rows did not come out as their corrections say: for each the columns and what is likely to have changed them, without
 * any value. Asks the catalog, and what the columns' types make of the values.
 *
 * @returns reasons by the item's `seq`; `mayPass`: a trigger or a rule may decide otherwise once other rows are corrected.
 */
export async function reasonsFor(session: Queryable, { comparison }: WrittenRows, wrong: readonly WrongRow[]) {
  const operation = wrong[0]?.item.operation ?? 'update';
  const suspects = await readSuspects(session, comparison, operation);
  const causes = new Map<string, readonly (string | null)[]>();
  const columns = new Set(
    wrong.flatMap(({ item, now, columns: of }) => (now === null ? keyOf(comparison, item.after) : of)),
  );
  for (const column of [...columns].slice(0, 2 * MOST_NAMED)) {
    causes.set(column, await typeCauses(session, suspects.shape, column, wrong));
  }
  const reasons = new Map<string, string>();
  wrong.forEach(({ item, now, was, columns: of }, i) => {
    const causeOf = (column: string) => causes.get(column)?.[i] ?? null;
    const why =
      item.operation === 'delete'
        ? `the row is still there: ${inTheWay(suspects)}`
        : now === null
          ? goneText(item.operation, keyOf(comparison, item.after), causeOf, suspects)
          : of.every((column) => causeOf(column) === null && now[column] === was?.[column])
            ? `the row was not changed: ${inTheWay(suspects)}`
            : columnsText(comparison, of, causeOf, suspects);
    reasons.set(item.seq, `what came out of it is not what was planned, so it was taken back: ${why}`);
  });
  return { reasons, mayPass: suspects.others.length > 0 };
}

/** The columns of the key that a correction writes. */
function keyOf({ key }: Comparison, after: WrongRow['item']['after']): readonly string[] {
  return key.map(({ target }) => target).filter((name) => name in (after ?? {}));
}

async function readSuspects(session: Queryable, { pair }: Comparison, operation: string): Promise<Suspects> {
  const { schema, table } = pair.target;
  const shape = await readTableShape(session, schema, table);
  const triggers = (await readTriggers(session, schema, table)).filter((trigger) => trigger.operation === operation);
  const assignments = (await readTriggerAssignments(session, { schema, name: table })).filter(
    (assignment) => assignment.operation === operation,
  );
  const rules = await readRules(session, schema, table, operation);
  return {
    shape,
    others: [
      ...triggers.map(({ name }) => ({
        name: `trigger ${JSON.stringify(name)}`,
        assigns: assignments.filter(({ trigger }) => trigger === name).flatMap((assignment) => assignment.columns),
      })),
      ...rules.map((name) => ({ name: `rule ${JSON.stringify(name)}`, assigns: [] })),
    ],
  };
}

/** What the type of a column makes of the values that were written: for each row why, or null where it keeps it. */
async function typeCauses(
  session: Queryable,
  shape: TableShape | null,
  column: string,
  wrong: readonly WrongRow[],
): Promise<readonly (string | null)[]> {
  const found = shape?.columns.find(({ name }) => name === column);
  if (!found) return [];
  if (found.generated) return wrong.map(() => 'the target generates it from other columns');
  const { type, baseType } = found;
  const values = wrong.map(({ item }) => item.after?.[column] ?? null);
  await session.query('savepoint cause');
  try {
    const { rows } = await session.query<{ plain: string | null; held: string | null }>(
      `select (v::${baseType})::text as plain, (v::${baseType}::${type})::text as held
         from unnest($1::text[]) with ordinality as t(v, n) order by n`,
      [values],
    );
    await session.query('release savepoint cause');
    return wrong.map(({ now }, i) => {
      const [value, row] = [values[i] ?? null, rows[i]];
      if (value === null || !row || row.held === value || row.held === null) return null;
      if (now !== null && now[column] !== row.held) return null;
      return row.held === row.plain
        ? `its type ${type} gives the value back in another form`
        : `its type ${type} does not hold the value as it is`;
    });
  } catch (error) {
    if (!(error instanceof DatabaseFailure)) throw error;
    await session.query('rollback to savepoint cause');
    return [];
  }
}

type CauseOf = (column: string) => string | null;

function goneText(operation: string, key: readonly string[], causeOf: CauseOf, suspects: Suspects): string {
  const what = `no row is there under its key after the ${operation}`;
  const lossy = key.flatMap((column) => {
    const cause = causeOf(column);
    return cause === null ? [] : [`column ${column}: ${cause}; ${TYPE_ADVICE}`];
  });
  return lossy.length > 0 ? `${what}: ${lossy.join('; ')}` : `${what}: ${inTheWay(suspects)}`;
}

const TYPE_ADVICE = 'widen the type, or have both sides hold the same';

function inTheWay({ others }: Suspects): string {
  if (others.length === 0) return 'a trigger, a rule or row security stands in the way';
  return `a trigger, a rule or row security stands in the way: look at ${listed(others)}`;
}

const listed = (others: Suspects['others']) =>
  named(
    others.map(({ name }) => name),
    MOST_NAMED,
  );

/** Columns with one cause are named together. */
function columnsText(comparison: Comparison, columns: readonly string[], causeOf: CauseOf, suspects: Suspects): string {
  const groups = new Map<string, string[]>();
  for (const column of columns) {
    const cause = causeText(column, causeOf(column), suspects);
    groups.set(cause, [...(groups.get(cause) ?? []), column]);
  }
  const isKey = (column: string) => comparison.key.some(({ target }) => target === column);
  return [...groups]
    .map(([cause, of]) => {
      const [word, exclude] = [of.length === 1 ? 'column' : 'columns', of.filter((column) => !isKey(column))];
      const advice = exclude.length === 0 ? '' : `, or leave out what may differ: exclude: [${exclude.join(', ')}]`;
      return `${word} ${named(of, MOST_NAMED)}: ${cause}${advice}`;
    })
    .join('; ');
}

function causeText(column: string, cause: string | null, { others, shape }: Suspects): string {
  const isGenerated = shape?.columns.some(({ name, generated }) => name === column && generated) ?? false;
  if (isGenerated && cause !== null) return `${cause}; have both sides generate it alike`;
  if (cause !== null) return `${cause}; ${TYPE_ADVICE}`;
  const known = others.filter(({ assigns }) => assigns.includes(column));
  if (known.length > 0) return `the target's ${listed(known)} sets it; disable it for the run`;
  if (others.length > 0)
    return `something in the target changed it, probably its ${listed(others)}; disable it for the run`;
  const type = shape?.columns.find(({ name }) => name === column)?.type ?? 'type';
  return `its type ${type} gives the value back otherwise than the source has it; ${TYPE_ADVICE}`;
}
