import type { OwnEquality } from '../contracts/comparison';
import type { ColumnShape } from '../database/table-shape';
import { isDistinct } from './distinct';

/** What has to be known of a value's type: that of a column, or of an expression. */
export type ValueType = Pick<ColumnShape, 'baseType' | 'category'>;

/** In which type a column of both sides is compared. */
export interface CommonType {
  /** The type to cast both sides to; null: both are compared as they are. */
  readonly castTo: string | null;
  /** The type that the compared value has. */
  readonly type: string;
  /** The type by whose `=` values are compared whose forms differ; null: equal values have equal forms. */
  readonly equalAs: string | null;
}

const INTEGERS = ['smallint', 'integer', 'bigint'];
const FLOATS = ['real', 'double precision'];
const NUMBERS = [...INTEGERS, 'numeric', ...FLOATS];

/** Types that convert to one of them, or to another type, without losing anything. */
interface Family {
  readonly members: readonly string[];
  readonly type: string;
  /** The cast, where it is not simply to the type. */
  readonly castTo?: string;
}

/** The first that holds both types counts. */
const FAMILIES: readonly Family[] = [
  { members: INTEGERS, type: 'bigint' },
  { members: [...INTEGERS, 'numeric'], type: 'numeric' },
  { members: FLOATS, type: 'double precision' },
  // By way of the text: a cast from a float would round to 6 or 15 digits.
  { members: NUMBERS, type: 'numeric', castTo: 'text::numeric' },
  { members: ['money', 'numeric'], type: 'numeric' },
  { members: ['boolean', 'smallint', 'integer'], type: 'integer' },
  { members: ['date', 'timestamp without time zone'], type: 'timestamp without time zone' },
  { members: ['date', 'timestamp without time zone', 'timestamp with time zone'], type: 'timestamp with time zone' },
  { members: ['time without time zone', 'time with time zone'], type: 'time with time zone' },
  { members: ['json', 'jsonb'], type: 'jsonb' },
  { members: ['cidr', 'inet'], type: 'inet' },
  { members: ['macaddr', 'macaddr8'], type: 'macaddr8' },
];

/** Categories of types (pg_type.typcategory) whose members have texts alike where their values are. */
const TEXTS_ALIKE = new Set(['A', 'C', 'E', 'R', 'V']);
/** Categories of types whose equal values have equal texts: enums, geometric types (which have no equality), bits. */
const TEXT_IS_EQUAL = new Set(['E', 'G', 'V']);

export function isInteger(baseType: string): boolean {
  return INTEGERS.includes(baseType);
}

/** Whether values of a type are numbers that have a distance; `oid` is a name. */
export function isNumber(baseType: string): boolean {
  return NUMBERS.includes(baseType) || baseType === 'money';
}

/** Whether values of a type are points in time; an interval is none, as a month has no length. */
export function isTime(baseType: string): boolean {
  return /^(date|time(stamp)? with(out)? time zone)$/.test(baseType);
}

/** Strings, and what is read and written as one: `name`, `citext`, `"char"`. */
export function isText({ category, baseType }: ValueType): boolean {
  return category === 'S' || baseType === '"char"';
}

/**
 * The common type of a column pair; null: there is none to which both convert without losing anything. Equality is
 * SQL's `=` of that type, so 1.0 equals 1.00. The text forms are compared where no family holds both types, and for
 * every type whose values PostgreSQL's hashes do not all tell apart.
 */
export function commonType(source: ValueType, target: ValueType): CommonType | null {
  const [a, b] = [source.baseType, target.baseType];
  if (a === b) {
    const type = isDistinct(a) ? a : 'text';
    return { castTo: type === a ? null : type, type, equalAs: equalAs(source) };
  }
  const family = FAMILIES.find(({ members }) => members.includes(a) && members.includes(b));
  if (family) {
    const { type, castTo = type } = family;
    return { castTo, type, equalAs: type === 'jsonb' ? 'jsonb' : null };
  }
  const element = commonElement(a, b);
  if (element !== null) return { castTo: 'text', type: 'text', equalAs: `${element}[]` };
  const alike = source.category === target.category && TEXTS_ALIKE.has(source.category);
  if (!alike && !isText(source) && !isText(target)) return null;
  return { castTo: 'text', type: 'text', equalAs: null };
}

/** Types whose texts read as the type that they have in common, also within an array. */
const ELEMENTS: readonly Family[] = FAMILIES.filter(({ type }) =>
  ['bigint', 'numeric', 'double precision', 'inet'].includes(type),
);

/** The type that the elements of two arrays have in common; null: none, or they are no arrays. */
function commonElement(a: string, b: string): string | null {
  if (!a.endsWith('[]') || !b.endsWith('[]')) return null;
  const elements = [a, b].map((name) => name.slice(0, -2));
  const family = ELEMENTS.find(({ members }) => elements.every((name) => members.includes(name) && name !== 'money'));
  return family?.type ?? null;
}

/** By which type's `=` two values of one type are compared after their forms; null: the forms say all. */
function equalAs({ baseType, category }: ValueType): string | null {
  // As a text it takes every json; some of it, such as "\u0000", is no jsonb.
  if (baseType === 'json' || baseType === 'jsonb') return 'jsonb';
  if (isDistinct(baseType) || baseType === 'xml' || TEXT_IS_EQUAL.has(category)) return null;
  return category === 'S' && !isCitext(baseType) ? null : baseType;
}

/** Types of which a text can tell which of its values it spells, in whatever way. */
const READ_FROM_TEXT = new Set(['numeric', ...FLOATS, 'uuid', 'boolean', 'date', 'timestamp without time zone']);

/** Whether two values of a key that are spelt otherwise may be one by a side's own `=` though nobody asks it. */
export function isUnasked(source: ColumnShape, target: ColumnShape): boolean {
  if (ownEquality(source, target) !== null || ownEquality(target, source) !== null) return false;
  if (source.baseType === target.baseType) return source.baseType.includes('.') && equalAs(source) !== null;
  const [text, other] = isText(source) ? [source, target] : [target, source];
  return isText(text) && !isText(other) && !TEXT_IS_EQUAL.has(other.category);
}

/**
 * How a side asks its own `=` for a key, where that takes values for one which the common form tells apart; null: it takes
 * none. Types of the users' own are asked by their form alone: a value of one database may be none of the other's.
 */
export function ownEquality(own: ColumnShape, other: ColumnShape): OwnEquality | null {
  const { baseType, collation } = own;
  if (isCitext(baseType)) {
    const schema = /^(.*)\.citext$/.exec(baseType)?.[1] ?? 'pg_catalog';
    return { type: baseType, operator: `operator(${schema}.=)` };
  }
  const equality = (type: string): OwnEquality => ({ type, operator: 'operator(pg_catalog.=)' });
  if (baseType.includes('.')) return null;
  if (collation?.deterministic === false && own.category === 'S') {
    return equality(baseType === 'character varying' ? 'text' : baseType);
  }
  if (baseType === other.baseType) {
    // A cast to bit or character without a length cuts the value.
    return equalAs(own) === null || /^(json|(bit|character)(\[\])?)$/.test(baseType) ? null : equality(baseType);
  }
  if (baseType === 'bpchar') return isText(other) ? equality(baseType) : null;
  if (!isText(other) || !(INTEGERS.includes(baseType) || READ_FROM_TEXT.has(baseType))) return null;
  return equality(INTEGERS.includes(baseType) ? 'bigint' : baseType);
}

/** The extension's text that is compared without regard to case, in whatever schema it was put. */
export function isCitext(baseType: string): boolean {
  return /(^|\.)citext$/.test(baseType);
}
