import type { Comparison, NotNull, OwnEquality, TextForm } from '../contracts/comparison';
import type { Database } from '../database/connection';
import { quoteIdentifier, quoteQualified } from '../database/identifier';
import { keyForm } from './distinct';
import { equivalentForm } from './equivalence';
import { hashOf, type Hashed } from './hash';
import { textOf } from './text-form';
import { castSql, type Cast } from './zone';

export type Role = 'source' | 'target';

/** A key column on one side: the SQL that orders by it and the type its bounds are cast to. */
export interface SideKey {
  readonly name: string;
  /** As it is compared with bounds and ordered by. */
  readonly ordered: string;
  /** As it is looked up by value: in the column's own collation, so that its index serves. */
  readonly equal: string;
  /** In the common form, as text. */
  readonly text: string;
  readonly boundType: string;
  /** How the column's own index finds rows where `equal` is a cast: by these values; null: not at all, or not needed. */
  readonly own: { readonly column: string; readonly type: string } | null;
  /** How the side's own `=` finds a value that is spelt otherwise; null: equal values are spelt alike. */
  readonly spelled: (OwnEquality & { readonly column: string }) | null;
  /** What has to be said for values of `boundType` to sort as `ordered` does: ` collate "C"`, or nothing. */
  readonly collate: string;
}

/** The SQL fragments of one side of a table pair, of which the engine's statements are made. */
export interface SideSql {
  readonly role: Role;
  readonly relation: string;
  /** The relation's own name: what the pair's filter may qualify columns with. */
  readonly table: string;
  readonly key: readonly SideKey[];
  /** Hash of the key alone; it orders rows alike on both sides, whatever their types and collations. */
  readonly keyHash: string;
  /** Hash of the key and all compared columns. */
  readonly rowHash: string;
  /** Hashes of the compared columns one by one, in the order of `Comparison.columns`. */
  readonly columnHashes: readonly string[];
  /** What is read of a row: a column's name and its text form. */
  readonly columns: readonly { readonly name: string; readonly text: string }[];
  /** SQL for the rows that are matched by their key: the pair's filter, and that the key is not NULL where it may be. */
  readonly filter: string;
  /** Whether the filter may leave out rows that have a key. */
  readonly isFiltered: boolean;
}

/** One side of a table pair in its database. */
export interface Side extends SideSql {
  readonly database: Database;
}

/** The side of a comparison in one of its databases. */
export function sideOf(comparison: Comparison, role: Role, database: Database): Side {
  return { ...sideSql(comparison, role), database };
}

/** The columns that are read of a row of a side, and the form of their texts. */
export function readColumns(
  comparison: Comparison,
  role: Role,
): readonly { readonly name: string; readonly form?: TextForm | undefined }[] {
  if (role === 'target') return comparison.targetColumns;
  const names = new Set([...comparison.writable, ...comparison.columns].map((column) => column.source));
  const forms = new Map(Object.entries(comparison.sourceForms ?? {}));
  return [...names].map((name) => ({ name, form: forms.get(name) }));
}

export function sideSql(comparison: Comparison, role: Role): SideSql {
  const { pair } = comparison;
  const ref = pair[role];
  const cast = (column: Cast & { readonly source: string; readonly target: string }) =>
    castSql(quoteIdentifier(column[role]), column, role);
  const key = comparison.key.map((column): SideKey => {
    const name = column[role];
    const ordered = column.order !== 'integer' && column.cast[role] ? cast(column) : quoteIdentifier(name);
    const own = column.ownType?.[role] ?? null;
    const spelled = column.spelled?.[role] ?? null;
    const sorted = column.collate[role] ? 'collate "C"' : column.collation[role] && `collate ${column.collation[role]}`;
    return {
      name,
      equal: ordered,
      ordered: column.collate[role] ? `${ordered} collate "C"` : ordered,
      text: keyForm(column.type, cast(column)),
      boundType: column.boundType[role],
      own: own === null ? null : { column: quoteIdentifier(name), type: own },
      spelled: spelled === null ? null : { ...spelled, column: quoteIdentifier(name) },
      collate: sorted === null ? '' : ` ${sorted}`,
    };
  });
  const notNull = (column: { readonly notNull?: NotNull }) => column.notNull?.[role] ?? false;
  const keyValues = comparison.key.map((column): Hashed => {
    return { type: column.type, value: cast(column), notNull: notNull(column) };
  });
  const columnValues = comparison.columns.map((column): Hashed => {
    const value = equivalentForm(column, cast(column));
    return { type: column.type, value, notNull: notNull(column) };
  });
  const hash = (values: readonly Hashed[]) => hashOf(values, comparison.hash);
  return {
    role,
    relation: quoteQualified(ref.schema, ref.table),
    table: quoteIdentifier(ref.table),
    key,
    keyHash: hash(keyValues),
    rowHash: hash([...keyValues, ...columnValues]),
    columnHashes: columnValues.map((value) => hash([value])),
    columns: readColumns(comparison, role).map(({ name, form }) => ({
      name,
      text: textOf(quoteIdentifier(name), form),
    })),
    // On lines of its own, as it may end in a comment.
    filter: [
      pair.where === null ? 'true' : `(${pair.where}\n)`,
      ...(comparison.within ? [`(${comparison.within[role]})`] : []),
      ...(comparison.keyNullable ? key.map(({ name }) => `${quoteIdentifier(name)} is not null`) : []),
    ].join(' and '),
    isFiltered: pair.where !== null,
  };
}
