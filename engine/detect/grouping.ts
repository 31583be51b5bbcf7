import type { ComparedColumn, Comparison } from '../../contracts/comparison';
import type { TextRow } from '../../contracts/finding';
import { quoteIdentifier } from '../../database/identifier';
import { isTime } from '../common-type';
import type { Sides } from '../compare-chunk';
import { keyForm } from '../distinct';
import { hashOf } from '../hash';
import type { KeyValues } from '../key';
import type { Role } from '../side';
import { castSql } from '../zone';
import { resolveExpression } from './expression';

/** By what the rows of a table pair are grouped. No items: all rows are one group. */
export interface Grouping {
  readonly items: readonly GroupItem[];
}

interface GroupItem {
  /** As the config has it, or as it was chosen. */
  readonly name: string;
  /** SQL for its value on each side, as a text that is equal where the values are; NULL for NULL. */
  readonly source: string;
  readonly target: string;
}

export const ONE_GROUP: Grouping = { items: [] };

/** The groups that a config asks for. Throws what {@link resolveExpression} does. */
export async function groupingOf(comparison: Comparison, sides: Sides, groupBy: readonly string[]): Promise<Grouping> {
  const items: GroupItem[] = [];
  for (const name of [...new Set(groupBy)]) {
    const { type, source, target } = await resolveExpression(comparison, sides, 'checks.groupBy', name);
    items.push({ name, source: keyForm(type.type, source), target: keyForm(type.type, target) });
  }
  return { items };
}

const CREATED = /^(created|inserted|added)(_?(at|on|date|time|ts|timestamp))?$|^creation_?(date|time)$/i;
const HAPPENED =
  /^(order|ordered|placed|booked|booking|posted|posting|occurred|event|transaction|trx|tx)_?(at|on|date|time|ts|timestamp)$/i;
const STATUS = /^(.+_)?(status|state)$/i;
const OF_FEW_VALUES = ['text', 'integer', 'smallint', 'bigint', 'boolean'];

/** By the day on which a row was made, and by its status, where columns have such names and types. */
export function chosenGrouping({ columns: compared, key }: Comparison): Grouping {
  const columns: readonly Compared[] = [...compared, ...key];
  const dated = columns.filter(({ type }) => isTime(type) && !type.startsWith('time '));
  const day = dated.find(({ source }) => CREATED.test(source)) ?? dated.find(({ source }) => HAPPENED.test(source));
  const coded = columns.filter(({ type }) => OF_FEW_VALUES.includes(type));
  const status =
    coded.find(({ source }) => /^(status|state)$/i.test(source)) ?? coded.find(({ source }) => STATUS.test(source));
  return {
    items: [
      ...(day ? [{ name: `date(${day.source})`, ...bothSides(day, (value) => `(${value}::date)::text`) }] : []),
      ...(status ? [{ name: status.source, ...bothSides(status, (value) => keyForm(status.type, value)) }] : []),
    ],
  };
}

type Compared = Pick<ComparedColumn, 'source' | 'target' | 'type' | 'castTo' | 'zone'>;

/** SQL on both sides from that of a compared column's value in its common type. */
export function bothSides(column: Compared, form: (value: string) => string) {
  const value = (role: Role) => castSql(quoteIdentifier(column[role]), column, role);
  return { source: form(value('source')), target: form(value('target')) };
}

/** The columns of a statement that read the group of a row, as `"trueup:k0"` …; each is to be followed by a comma. */
export function groupColumns({ items }: Grouping, role: Role): string {
  return items.map((item, i) => `(${item[role]}) collate "C" as "trueup:k${i}", `).join('');
}

/** SQL for the hash of a group whose columns were read with {@link groupColumns}. */
export function groupHash({ items }: Grouping, method: Comparison['hash']): string {
  return hashOfTexts(
    items.map((_, i) => `"trueup:k${i}"`),
    method,
  );
}

/** SQL for the hash of the group that a row of the side is in; the same number as {@link groupHash}. */
export function rowGroupHash({ items }: Grouping, role: Role, method: Comparison['hash']): string {
  return hashOfTexts(
    items.map((item) => `(${item[role]})`),
    method,
  );
}

export function hashOfTexts(texts: readonly string[], method: Comparison['hash']): string {
  return texts.length === 0
    ? '0::bigint'
    : hashOf(
        texts.map((value) => ({ type: 'text', value })),
        method,
      );
}

/** A group's values by what they are of. */
export function groupRecord({ items }: Grouping, key: KeyValues): TextRow {
  return Object.fromEntries(items.map(({ name }, i) => [name, key[i] ?? null]));
}

/** `date(created_at), status` */
export function groupingText({ items }: Grouping): string {
  return items.map(({ name }) => name).join(', ');
}
