import type { ComparedColumn, Comparison, Equivalence } from '../contracts/comparison';
import type { Difference } from '../contracts/difference';
import type { Queryable } from '../database/connection';
import { DatabaseFailure } from '../database/failure';
import { quoteLiteral } from '../database/identifier';
import { sameText } from './fold';
import { sameSpelling, spelled } from './spelling';
import { textOf } from './text-form';
import { inZone, type Cast } from './zone';

/**
 * SQL for the form that is hashed, where a coarser one than the exact form is at hand: values with equal forms are
 * equivalent, so that a table which differs everywhere only in case is not read row by row. The cases of ASCII only,
 * which every server folds alike.
 */
export function equivalentForm({ equivalence }: ComparedColumn, exact: string): string {
  if (equivalence?.kind !== 'text') return exact;
  const { rule, spelling } = equivalence;
  const trimmed = rule.trim ? `btrim(${exact})` : exact;
  const folded = rule.caseless ? `lower(${trimmed} collate "C")` : trimmed;
  return spelling === undefined ? folded : spelled(spelling, folded);
}

/** Lends a session of the target, inside a transaction. */
export type InTarget = <T>(use: (session: Queryable) => Promise<T>) => Promise<T>;

/** The two values of one column of one row, in their own types' text forms. */
interface ValuePair {
  /** Index of the row's difference in the list. */
  readonly row: number;
  readonly source: string;
  readonly target: string;
}

/**
 * Takes the columns whose values are equivalent out of the differences, and the differences of which nothing is left.
 * Null stays null. Every decision that two rows differ passes here, so that what is not reported is not planned,
 * verified or corrected either.
 *
 * What texts come to is decided here; numbers, times and types of the databases are asked of the target, which has
 * their arithmetic.
 */
export async function withoutEquivalent(
  comparison: Comparison,
  differences: readonly (Difference | null)[],
  inTarget: InTarget,
): Promise<readonly (Difference | null)[]> {
  const equivalent = new Map<string, ReadonlySet<number>>();
  for (const { source: name, equivalence, zone } of comparison.columns) {
    if (!equivalence) continue;
    const pairs = pairsOf(differences, name);
    if (pairs.length > 0) equivalent.set(name, await equivalentRows(equivalence, zone, pairs, inTarget));
  }
  if (equivalent.size === 0) return differences;
  return differences.map((difference, row) => {
    if (difference?.type !== 'field_mismatch') return difference;
    const left = difference.differences.filter(({ name }) => !equivalent.get(name)?.has(row));
    return left.length === 0 ? null : { ...difference, differences: left };
  });
}

function pairsOf(differences: readonly (Difference | null)[], column: string): readonly ValuePair[] {
  return differences.flatMap((difference, row) => {
    const found = difference?.differences.find(({ name }) => name === column);
    if (!found || found.source === null || found.target === null) return [];
    return [{ row, source: found.source, target: found.target }];
  });
}

async function equivalentRows(
  equivalence: Equivalence,
  zone: Cast['zone'],
  pairs: readonly ValuePair[],
  inTarget: InTarget,
): Promise<ReadonlySet<number>> {
  if (equivalence.kind === 'text') {
    const { rule, spelling } = equivalence;
    const isSame = ({ source, target }: ValuePair) =>
      sameText(rule, source, target) || (spelling !== undefined && sameSpelling(spelling, rule, source, target));
    const same = pairs.filter(isSame);
    return new Set(same.map(({ row }) => row));
  }
  const question = questionOf(equivalence, zone);
  const rows = new Set<number>();
  await inTarget(async (session) => {
    for (const batch of batches(pairs)) for (const row of await ask(session, question, batch)) rows.add(row);
  });
  return rows;
}

/** {@link withoutEquivalent} as an SQL condition on the texts `a` of the source and `b` of the target; null: there is none. */
export function equivalentCondition(column: ComparedColumn): string | null {
  const { equivalence } = column;
  if (!equivalence) return null;
  if (equivalence.kind === 'text') return `${equivalentForm(column, 'a')} = ${equivalentForm(column, 'b')}`;
  const { condition, values } = questionOf(equivalence, column.zone);
  return values.reduce((text, value, i) => text.replaceAll(`$${i + 3}`, () => quoteLiteral(value)), condition);
}

/** An SQL condition on the texts `a` of the source and `b` of the target; its own values begin at $3. */
interface Question {
  readonly condition: string;
  readonly values: readonly string[];
}

function questionOf(equivalence: Exclude<Equivalence, { kind: 'text' }>, zone: Cast['zone']): Question {
  if (equivalence.kind === 'xml') return { condition: sameXml, values: [] };
  if (equivalence.kind === 'equal') return { condition: equalCondition(equivalence), values: [] };
  const { within, types } = equivalence;
  const isNumber = 'number' in within;
  const [a, b] = isNumber
    ? [numberForm('a', types[0]), numberForm('b', types[1])]
    : [microsecondsForm('a', types[0], zone?.source), microsecondsForm('b', types[1], zone?.target)];
  // What is infinite or no number is near nothing: it is equal or not.
  return {
    condition: `(${a} = ${b} or abs(${a} - ${b}) <= $3::numeric)`,
    values: [isNumber ? within.number : within.microseconds],
  };
}

/** A declared encoding is part of the cast to text, and not of the output. */
const sameXml = `${textOf('a::xml', 'xml')} = ${textOf('b::xml', 'xml')}`;

/** Exact: a float stands for the shortest decimal number that reads back as itself, which is how it is printed. */
function numberForm(text: string, type: string): string {
  return type === 'money' ? `${text}::money::numeric` : `${text}::numeric`;
}

/** Since 1970, or since midnight; a numeric, exact, and infinite for an infinite time. */
function microsecondsForm(text: string, type: string, zone?: string | null): string {
  const value = `${text}::${type}`;
  return `extract(epoch from ${zone ? inZone(value, zone) : value}) * 1000000`;
}

/**
 * Equality as `distinct`, indexes and composite types know it: the operator `=` of the type's operator class. (`=` by
 * name is something else for some types: two boxes are `=` when their areas are.) A type of the users' own may be
 * another in the source: a text counts only where the target's type holds it without a change.
 */
function equalCondition({ type, collation, texts }: Extract<Equivalence, { kind: 'equal' }>): string {
  const held = type.includes('.') ? `a::${type}::text = a and b::${type}::text = b and ` : '';
  const [a, b] = ['a', 'b'].map((text) => `${text}::${type}${collation === undefined ? '' : ` collate ${collation}`}`);
  const equal = `${held}array[${a}] = array[${b}]`;
  const read = texts ? TEXT_OF[type] : undefined;
  return read === undefined ? equal : `case when a ~ '${read}' and b ~ '${read}' then ${equal} else false end`;
}

/** Types that a text may stand beside: which texts are surely read as one, as the others would be an error. */
const TEXT_OF: Readonly<Record<string, string>> = {
  bigint: '^[+-]?[0-9]{1,18}$',
  numeric: '^[+-]?[0-9]{1,1000}([.][0-9]{1,1000})?$',
  uuid: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$',
};

/** Pairs and characters in one statement. */
const MOST_PAIRS = 500;
const MOST_CHARACTERS = 8_000_000;

function* batches(pairs: readonly ValuePair[]): Generator<readonly ValuePair[]> {
  let batch: ValuePair[] = [];
  let characters = 0;
  for (const pair of pairs) {
    batch.push(pair);
    characters += pair.source.length + pair.target.length;
    if (batch.length < MOST_PAIRS && characters < MOST_CHARACTERS) continue;
    yield batch;
    [batch, characters] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}

/**
 * The rows whose values meet the condition. A value that the target's type refuses is equivalent to nothing, and so is
 * every value of a type that has no equality; the batch is halved to tell which values are refused.
 */
async function ask(session: Queryable, question: Question, pairs: readonly ValuePair[]): Promise<readonly number[]> {
  await session.query('savepoint equivalence');
  try {
    const { rows } = await session.query<{ n: string }>(
      `select n from unnest($1::text[], $2::text[]) with ordinality as pair(a, b, n) where ${question.condition}`,
      [pairs.map(({ source }) => source), pairs.map(({ target }) => target), ...question.values],
    );
    await session.query('release savepoint equivalence');
    return rows.flatMap(({ n }) => pairs[Number(n) - 1]?.row ?? []);
  } catch (error) {
    if (!(error instanceof DatabaseFailure) || !/^(0A|2[23]|42|P0)/.test(error.sqlState)) throw error;
    await session.query('rollback to savepoint equivalence');
    if (pairs.length === 1 || /^(0A|42)/.test(error.sqlState)) return [];
    const half = Math.ceil(pairs.length / 2);
    const first = await ask(session, question, pairs.slice(0, half));
    return [...first, ...(await ask(session, question, pairs.slice(half)))];
  }
}
