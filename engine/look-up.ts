import { keyText, type KeyValues } from './key';
import { canHold, ownValues } from './own-type';
import { alias, keyColumns, type Parameters } from './range';
import type { Side, SideKey } from './side';

/** The type that a wanted value of a key column is given in, to be found by {@link keyMatch}. */
export function keyType(column: SideKey): string {
  // An array of arrays would come apart.
  return column.spelled ? 'text' : column.boundType;
}

/** SQL for whether a row's key column is equal, by the side's own rules, to a wanted value of {@link keyType}. */
export function keyMatch(column: SideKey, wanted: string): string {
  const { spelled } = column;
  return spelled ? `${spelled.column} ${spelled.operator} ${wanted}::${spelled.type}` : `${column.equal} = ${wanted}`;
}

/** Keys as arrays for `unnest`, one for each key column, for {@link keyMatch}. */
export function wantedArrays(side: Side, keys: readonly KeyValues[], parameters: Parameters): readonly string[] {
  return side.key.map((column, i) =>
    parameters.add(
      keys.map((key) => key[i]),
      `${keyType(column)}[]`,
    ),
  );
}

/** Whether a side may have a row of a key that is spelt otherwise there. */
export function isSpelled(side: Pick<Side, 'key'>): boolean {
  return side.key.some(({ spelled }) => spelled !== null);
}

/** A statement's part that looks rows up by their keys. */
export interface LookUp {
  /** `from` and `where`. */
  readonly from: string;
  /** What is to be selected for `wantedOf` and `ownOf`, and the names that it has then. */
  readonly selected: string;
  readonly names: string;
  /** The key by which a selected row was asked for; its own may be spelt otherwise. */
  readonly wantedOf: (row: Record<string, string | null>) => string;
  /** The row's own key. */
  readonly ownOf: (row: Record<string, string | null>) => KeyValues;
}

/**
 * The rows of the given keys, found by the side's own index and its own `=`, whether they lie in the pair's filter or not:
 * what this finds is there, and no other row can be put beside it.
 */
export function lookUp(side: Side, keys: readonly KeyValues[], parameters: Parameters): LookUp {
  const ownOf = (row: Record<string, string | null>) => side.key.map((_, i) => row[`trueup:k${i}`] ?? null);
  const spelled = isSpelled(side);
  // What a side's own type cannot hold, none of its rows has.
  const asked = spelled ? keys.filter((key) => side.key.every((column, i) => canSpell(column, key[i] ?? null))) : keys;
  const arrays = wantedArrays(side, asked, parameters);
  const wanted = side.key.map((_, i) => alias('w', i));
  const joined = side.key.map((column, i) => keyMatch(column, `"trueup:wanted".${wanted[i] ?? ''}`));
  const byIndex = side.key.flatMap(({ own, spelled: ofColumn }, i) => {
    if (own === null || ofColumn !== null) return [];
    const values = ownValues(
      own.type,
      asked.map((key) => key[i] ?? null),
    );
    return [`${own.column} = any (${parameters.add(values, `${own.type}[]`)})`];
  });
  const ordinality = spelled ? ' with ordinality' : '';
  const names = [...wanted, ...(spelled ? ['"trueup:n"'] : [])].join(', ');
  return {
    from: `from unnest(${arrays.join(', ')})${ordinality} as "trueup:wanted"(${names})
             join ${side.relation} on ${joined.join(' and ')}${byIndex.length === 0 ? '' : ` where ${byIndex.join(' and ')}`}`,
    selected: `${keyColumns(side)}${spelled ? ', "trueup:n"' : ''}`,
    names: [...side.key.map((_, i) => alias('k', i)), ...(spelled ? ['"trueup:n"'] : [])].join(', '),
    wantedOf: (row) => keyText(spelled ? (asked[Number(row['trueup:n']) - 1] ?? []) : ownOf(row)),
    ownOf,
  };
}

/** Whether a text can be a value of a key column, as that is looked up. */
export function canSpell({ spelled }: SideKey, text: string | null): boolean {
  return text !== null && (spelled === null || canHold(spelled.type, text));
}
