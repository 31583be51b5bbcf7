import type { ColumnDefinition } from '../../database/column-definition';
import { quoteIdentifier } from '../../database/identifier';
import { addColumn, changeNumbering, numbering, plainDefault } from './column-ddl';
import { ofColumn, type ColumnDefinitions, type Drift, type DriftContext } from './drift-context';

/** How what a column's definition says beside its type differs. */
export function columnRuleDrift(context: DriftContext, pair: ColumnDefinitions): readonly Drift[] {
  return [
    ...nullability(context, pair),
    ...generation(context, pair),
    ...initial(context, pair),
    ...collation(context, pair),
  ];
}

function nullability(context: DriftContext, { source, target }: ColumnDefinitions): readonly Drift[] {
  const [a, b] = [source.declaredNotNull, target.declaredNotNull];
  if (a === b) return [];
  // A primary key brings NOT NULL along, and goes with it.
  const keys = a
    ? [context.source.primaryKey, context.target.primaryKey]
    : [context.target.primaryKey, context.source.primaryKey];
  const ofKey = keys[0]?.includes(a ? source.name : target.name) ?? false;
  if (ofKey && (a ? context.target.primaryKey.length === 0 : context.source.primaryKey.length === 0)) return [];
  const word = (notNull: boolean) => (notNull ? 'NOT NULL' : 'NULL');
  const isFixed = !a && (ofKey || target.identityKind !== null);
  return [
    {
      ...ofColumn(source.name),
      what: 'nullability',
      source: word(a),
      target: word(b),
      severity: a ? 'medium' : 'high',
      meaning: a
        ? 'the target takes NULL, which the source does not'
        : 'the target refuses NULL, which the source takes',
      comparison: null,
      ddl: isFixed
        ? []
        : [`${context.alter} alter column ${quoteIdentifier(target.name)} ${a ? 'set' : 'drop'} not null`],
    },
  ];
}

function generation(context: DriftContext, { source, target }: ColumnDefinitions): readonly Drift[] {
  const text = ({ generation: kind, expression }: ColumnDefinition) =>
    kind === null ? null : `generated always as (${expression ?? ''}) ${kind}`;
  const [a, b] = [source.generation, target.generation];
  if (a === null && b === null) return [];
  const form = (expression: string) =>
    context.form(
      expression,
      context.columns.map((each) => each.target.name),
    );
  const same =
    a !== null && b !== null && form(context.translated(source.expression ?? '')) === form(target.expression ?? '');
  if (same && a === b) return [];
  const name = quoteIdentifier(target.name);
  const alter = `${context.alter} alter column ${name}`;
  const again = [`${context.alter} drop column ${name}`, ...addColumn(context, { ...source, name: target.name })];
  const canKeep = context.target.serverVersion >= 170_000 && a === 'stored' && b === 'stored';
  const expression = context.movedTypes(context.translated(source.expression ?? 'null'));
  return [
    {
      ...ofColumn(source.name),
      what: 'generated',
      source: text(source),
      target: text(target),
      severity: same ? 'low' : 'medium',
      meaning: same
        ? 'the same expression, stored on one side only'
        : a === null
          ? 'the target computes what the source holds'
          : b === null
            ? 'the target holds what the source computes, and may be written otherwise'
            : 'the two sides compute it by other expressions',
      comparison: null,
      ddl:
        a === null
          ? b === 'stored'
            ? [`${alter} drop expression`]
            : []
          : canKeep
            ? [`${alter} set expression as (${expression})`]
            : again,
    },
  ];
}

function initial(context: DriftContext, { source, target }: ColumnDefinitions): readonly Drift[] {
  const alter = `${context.alter} alter column ${quoteIdentifier(target.name)}`;
  const [numbersA, numbersB] = [numbering(source), numbering(target)];
  if (numbersA !== numbersB && source.generation === null && target.generation === null) {
    return [
      {
        ...ofColumn(source.name),
        what: 'identity',
        source: numbersA ?? plainDefault(source),
        target: numbersB ?? plainDefault(target),
        severity: 'low',
        meaning: 'the two sides number new rows in other ways',
        comparison: null,
        ddl: [
          ...changeNumbering(context, source, target),
          ...(numbersA === null && plainDefault(source) !== null
            ? [`${alter} set default ${context.movedTypes(plainDefault(source) ?? '')}`]
            : []),
        ],
      },
    ];
  }
  const [a, b] = [plainDefault(source), plainDefault(target)];
  const form = (expression: string | null) => (expression === null ? null : context.form(expression, [target.name]));
  if (form(a) === form(b) || source.generation !== null || target.generation !== null) return [];
  return [
    {
      ...ofColumn(source.name),
      what: 'default',
      source: a,
      target: b,
      severity: 'low',
      meaning:
        a === null ? 'only the target has a default' : b === null ? 'the target has no default' : 'the defaults differ',
      comparison: null,
      ddl: [a === null ? `${alter} drop default` : `${alter} set default ${context.movedTypes(a)}`],
    },
  ];
}

function collation(context: DriftContext, { source, target }: ColumnDefinitions): readonly Drift[] {
  const [a, b] = [source.declaredCollation, target.declaredCollation];
  if (context.form(a ?? '') === context.form(b ?? '') || source.collation === null || target.collation === null)
    return [];
  const wanted =
    a === null ? { name: 'pg_catalog."default"', exists: true } : context.inTarget(a, context.known.collations);
  return [
    {
      ...ofColumn(source.name),
      what: 'collation',
      source: a ?? 'default',
      target: b ?? 'default',
      severity: 'low',
      meaning: 'values sort in another order',
      comparison: null,
      ddl: wanted.exists
        ? [`${context.alter} alter column ${quoteIdentifier(target.name)} type ${target.type} collate ${wanted.name}`]
        : [],
    },
  ];
}
