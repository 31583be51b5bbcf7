import type { Comparison, Conversion } from '../contracts/comparison';
import type { PlanItem } from '../contracts/plan-item';
import { quoteLiteral } from '../database/identifier';
import { inZone } from './zone';

/** What tells in which form the values of `PlanItem.after` are. */
export type Given = Pick<PlanItem, 'checkSource' | 'given'>;

/**
 * Gives SQL for the value that a correction writes to a column, without the type's modifier, which the assignment checks.
 * `text` is SQL for what the plan says of it: where the correction answers a difference, the source's value, converted as
 * it is compared; what somebody gave, and what a correction without a source says, is in the target's own form.
 */
export function writtenValues(comparison: Comparison, item: Given): (name: string, text: string) => string {
  const types = new Map(comparison.targetColumns.map(({ name, type }) => [name, type]));
  const conversions = new Map(comparison.writable.map(({ target, conversion }) => [target, conversion]));
  return (name, text) => {
    const type = types.get(name) ?? 'text';
    const conversion = isOfSource(item, name) ? conversions.get(name) : undefined;
    return conversion ? converted(conversion, type, text) : `(${text})::${type}`;
  };
}

/** Whether the value of a column is the source's, in its form. */
export function isOfSource({ checkSource, given = [] }: Given, name: string): boolean {
  return checkSource && !given.includes(name);
}

const INTEGERS = ['smallint', 'integer', 'bigint'];
/** Types through which a text goes by itself: that of the source is read as one of them, or refused. */
const READ_AS_IS = ['bigint', 'jsonb', 'inet'];

/**
 * SQL for a text of the source's type as a value of the target's. What the target's type cannot hold is refused by the
 * database itself, with a message that has the value: nothing is rounded or cut in silence.
 */
function converted({ from, through, near, zone }: Conversion, to: string, text: string): string {
  const read = `(${text})`;
  if (through === 'text') return from === 'bpchar' ? `${read}::bpchar::text::${to}` : `${read}::${to}`;
  if (READ_AS_IS.includes(through)) return `${read}::${to}`;
  if (through === 'macaddr8') return `${read}::${from}::${to}`;
  if (through === 'integer') return from === 'boolean' ? `${read}::boolean::integer::${to}` : `${read}::${to}`;
  // By way of the text, as a cast from a float would round.
  const value = through.endsWith('[]') ? `${read}::${through}` : inType(read, from, through, zone?.source);
  if (to === through) return value;
  if (INTEGERS.includes(to) && near !== true) return `trim_scale(${value})::text::${to}`;
  const isFloat = to === 'real' || to === 'double precision';
  const result = isFloat ? `${read}::${to}` : zoned(value, to, zone?.target);
  if (near === true) return result;
  const byText = through.endsWith('[]') || (isFloat && through === 'numeric');
  const back = byText ? `(${result})::text::${through}` : zoned(`(${result})`, through, zone?.target);
  return `case when ${back} = ${value} then ${result} else (${text} || ' (not without a loss)')::${to} end`;
}

/** SQL for a text of one type as a value of another, to which the type converts. */
function inType(text: string, from: string, to: string, zone?: string | null): string {
  const isNumber = to === 'numeric' && from !== 'money';
  return isNumber ? `${text}::numeric` : zoned(`${text}::${from}`, to, zone);
}

/** The one place where a time with a zone is made of one without, and the other way round. */
function zoned(value: string, to: string, zone: string | null | undefined): string {
  if (!zone) return `${value}::${to}`;
  return to === 'timestamp with time zone' ? inZone(value, zone) : `timezone(${quoteLiteral(zone)}, ${value})::${to}`;
}
