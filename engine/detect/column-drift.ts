import { quoteIdentifier } from '../../database/identifier';
import type { ColumnPair } from '../column-pair';
import { addColumn, canBeNotNull, numbering, plainDefault } from './column-ddl';
import { columnRuleDrift } from './column-rule-drift';
import { ofColumn, type ColumnDefinitions, type Drift, type DriftContext } from './drift-context';
import { labelDrift, typeDrift } from './type-drift';

/** How the columns of the target differ from the source's; views have types and names, and nothing else to compare. */
export function columnDrift(context: DriftContext): readonly Drift[] {
  const paired = context.columns.flatMap((pair): ColumnDefinitions[] => {
    const [source, target] = [definition(context, pair, 'source'), definition(context, pair, 'target')];
    return source && target ? [{ source, target }] : [];
  });
  const isTable = !/view/.test(context.source.kind + context.target.kind);
  const found = [
    ...missing(context),
    ...paired.flatMap((pair) => [
      ...typeDrift(context, pair),
      ...(isTable ? [...labelDrift(context, pair), ...columnRuleDrift(context, pair)] : []),
    ]),
    ...extra(context),
  ];
  return found.map((drift) =>
    context.isExcluded(drift.name)
      ? { ...drift, severity: 'low', comparison: 'the column is excluded from the comparison' }
      : drift,
  );
}

function definition(context: DriftContext, pair: ColumnPair, role: 'source' | 'target') {
  return context[role].columns.find(({ name }) => name === pair[role].name);
}

function missing(context: DriftContext): readonly Drift[] {
  const has = new Set(context.columns.map(({ source }) => source.name));
  return context.source.columns
    .filter(({ name }) => !has.has(name))
    .map((column): Drift => {
      const later = column.declaredNotNull && !canBeNotNull(context, column);
      return {
        ...ofColumn(column.name),
        what: 'column',
        source: column.type,
        target: null,
        severity: 'high',
        meaning: `the target has no such column${later ? '; it is NOT NULL in the source, which it can be once it is filled' : ''}`,
        comparison: 'its values are not compared',
        ddl: context.isTable ? addColumn(context, column) : [],
      };
    });
}

function extra(context: DriftContext): readonly Drift[] {
  const has = new Set(context.columns.map(({ target }) => target.name));
  return context.target.columns
    .filter(({ name }) => !has.has(name))
    .map((column): Drift => {
      const { declaredNotNull, generation } = column;
      const fillsItself = generation !== null || numbering(column) !== null || plainDefault(column) !== null;
      const refuses = declaredNotNull && !fillsItself;
      return {
        ...ofColumn(column.name),
        what: 'column',
        source: null,
        target: column.type,
        severity: refuses ? 'high' : 'low',
        meaning: refuses
          ? 'only the target has it, and it takes no row without a value for it; to drop it loses its values'
          : 'only the target has it; to drop it loses its values',
        comparison: 'its values are not compared',
        ddl: context.isTable ? [`${context.alter} drop column ${quoteIdentifier(column.name)}`] : [],
      };
    });
}
