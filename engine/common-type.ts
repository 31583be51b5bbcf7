import type { ColumnShape } from '../database/table-shape';

/** In which type a column of both sides is compared. */
export interface CommonType {
  /** The type to cast both sides to; null: both are compared as they are. */
  readonly castTo: string | null;
  /** The type that the compared value has. */
  readonly type: string;
  readonly text: boolean;
  /** What a reader of the report should know; null: the types are the same. */
  readonly note: string | null;
}

const INTEGERS = ['smallint', 'integer', 'bigint'];
const TEXTS = ['text', 'character varying', 'bpchar', 'name', '"char"'];
/** Families whose members convert to the widest one without losing anything; the widest stands last. */
const FAMILIES: readonly (readonly string[])[] = [
  INTEGERS,
  [...INTEGERS, 'numeric'],
  ['real', 'double precision'],
  ['date', 'timestamp without time zone'],
  ['timestamp without time zone', 'timestamp with time zone'],
  ['json', 'jsonb'],
  ['"bit"', 'bit varying'],
  ['cidr', 'inet'],
];

export function isInteger(baseType: string): boolean {
  return INTEGERS.includes(baseType);
}

export function isText(baseType: string): boolean {
  return TEXTS.includes(baseType);
}

/**
 * The common type of a column pair. Equality is SQL's `=` of that type, so 1.0 equals 1.00; where there is no family
 * that holds both types, and where a type cannot be hashed, the text forms are compared.
 */
export function commonType(source: ColumnShape, target: ColumnShape, unhashable: ReadonlySet<string>): CommonType {
  const [a, b] = [source.baseType, target.baseType];
  const note =
    source.type === target.type ? null : `${source.name}: ${source.type} in the source, ${target.type} in the target`;
  if (isText(a) && isText(b)) return { castTo: 'text', type: 'text', text: true, note };
  if (a === 'json' && b === 'json') return { castTo: 'jsonb', type: 'jsonb', text: false, note };
  if (a === b) {
    return unhashable.has(a)
      ? { castTo: 'text', type: 'text', text: true, note }
      : { castTo: null, type: a, text: false, note };
  }
  const family = FAMILIES.find((members) => members.includes(a) && members.includes(b));
  const widest = family?.at(-1);
  if (widest !== undefined && !unhashable.has(widest)) return { castTo: widest, type: widest, text: false, note };
  return { castTo: 'text', type: 'text', text: true, note };
}
