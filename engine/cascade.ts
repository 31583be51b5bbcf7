import type { Comparison } from '../contracts/comparison';
import type { Queryable } from '../database/connection';
import { quoteIdentifier, quoteQualified } from '../database/identifier';
import { readForeignKeys, type ForeignKey } from '../database/table-shape';
import { keyText, type KeyValues } from './key';
import { alias, keyArrays, Parameters } from './range';
import type { Side } from './side';

const EFFECT: Readonly<Record<string, string>> = { c: 'delete', n: 'set to NULL', d: 'set to a default' };

/** The foreign keys by which deleting a row of this table would change rows of others. */
export async function cascadesOf(target: Queryable, comparison: Comparison): Promise<readonly ForeignKey[]> {
  const { schema, table } = comparison.pair.target;
  const keys = await readForeignKeys(target);
  return keys.filter((key) => key.parent.schema === schema && key.parent.table === table && key.onDelete in EFFECT);
}

/**
 * Rows whose deletion would change other rows that nobody approved; key text to the reason. Called with the rows
 * locked, so no child can be added meanwhile.
 */
export async function findCascades(
  session: Queryable,
  side: Side,
  cascades: readonly ForeignKey[],
  keys: readonly KeyValues[],
): Promise<ReadonlyMap<string, string>> {
  const reasons = new Map<string, string>();
  for (const cascade of cascades) {
    const parameters = new Parameters();
    const arrays = keyArrays(side, keys, parameters);
    const wanted = side.key.map((_, i) => alias('w', i));
    const found = side.key.map((column, i) => `${column.equal} = wanted.${wanted[i] ?? ''}`).join(' and ');
    const parentColumns = cascade.parent.columns.map((name, i) => `${quoteIdentifier(name)} as ${alias('c', i)}`);
    const childMatch = cascade.child.columns.map(
      (name, i) => `child.${quoteIdentifier(name)} = parent.${alias('c', i)}`,
    );
    const { rows } = await session.query<Record<string, string>>(
      `select ${wanted.map((name, i) => `parent.${name}::text as ${alias('k', i)}`).join(', ')}, count(*) as n
         from (select wanted.*, ${parentColumns.join(', ')}
                 from unnest(${arrays.join(', ')}) as wanted(${wanted.join(', ')})
                      join ${side.relation} as "trueup:row" on ${found}) as parent
              join ${quoteQualified(cascade.child.schema, cascade.child.table)} as child on ${childMatch.join(' and ')}
        group by ${wanted.map((name) => `parent.${name}`).join(', ')}`,
      parameters.values,
    );
    for (const row of rows) {
      const key = keyText(side.key.map((_, i) => row[`trueup:k${i}`] ?? ''));
      const effect = EFFECT[cascade.onDelete] ?? 'change';
      reasons.set(
        key,
        `deleting it would ${effect} ${row['n'] ?? '?'} row(s) of ${cascade.child.schema}.${cascade.child.table} that are not in the plan (${cascade.name})`,
      );
    }
  }
  return reasons;
}
