import type { IndexDefinition, IndexPart } from '../../database/index-definition';
import { quoteIdentifier } from '../../database/identifier';
import type { Drift, DriftContext, DriftObject } from './drift-context';

/** An index in the target's names, with what it is compared by. */
interface Laid {
  readonly index: IndexDefinition;
  readonly object: Extract<DriftObject, 'primary key' | 'unique key' | 'index'>;
  /** As it is written in DDL after the table's name: `using btree ("a") where …`. */
  readonly sql: string;
  /** Equal for indexes that do the same. */
  readonly form: string;
  /** What it promises: no two rows have these values; equal for unique ones that promise the same. */
  readonly guarantee: string;
}

/** How primary keys, unique keys and indexes differ, whatever their names. */
export function keyDrift(context: DriftContext): readonly Drift[] {
  const source = context.source.definedIndexes.map((index) => lay(context, translated(context, index)));
  const target = context.target.definedIndexes.map((index) => lay(context, index));
  const primary = (all: readonly Laid[]) => all.find(({ object }) => object === 'primary key');
  return [
    ...primaryDrift(context, primary(source), primary(target)),
    ...uniqueDrift(context, source, target),
    ...indexDrift(context, source, target),
  ];
}

function translated(context: DriftContext, index: IndexDefinition): IndexDefinition {
  const expression = (text: string | null) => (text === null ? null : context.movedTypes(context.translated(text)));
  return {
    ...index,
    parts: index.parts.map((part) => ({
      ...part,
      column: part.column === null ? null : context.nameOf(part.column),
      expression: expression(part.expression),
      operatorClass: part.operatorClass && context.moved(part.operatorClass),
    })),
    included: index.included.map((name) => context.nameOf(name)),
    predicate: expression(index.predicate),
  };
}

function lay(context: DriftContext, index: IndexDefinition): Laid {
  const columns = index.parts.flatMap(({ column }) => column ?? []);
  const form = (text: string | null) => (text === null ? null : context.form(text, columns));
  const parts = index.parts.map((part) => JSON.stringify({ ...part, expression: form(part.expression) }));
  const { method, unique, primary, deferrable, deferred, nullsDistinct } = index;
  const values = index.parts.map((part) => [part.column, form(part.expression), part.collation, part.operatorClass]);
  const predicate = form(index.predicate);
  return {
    index,
    object: primary ? 'primary key' : unique ? 'unique key' : 'index',
    sql: sqlOf(index),
    form: JSON.stringify([
      method,
      unique,
      deferrable,
      deferred,
      nullsDistinct,
      parts,
      [...index.included].sort(),
      predicate,
    ]),
    guarantee: JSON.stringify([values.map((value) => JSON.stringify(value)).sort(), predicate, nullsDistinct]),
  };
}

function sqlOf({ method, parts, included, predicate, nullsDistinct, unique }: IndexDefinition): string {
  const list = (names: readonly string[]) => names.map(quoteIdentifier).join(', ');
  return [
    `using ${method} (${parts.map(partSql).join(', ')})`,
    ...(included.length === 0 ? [] : [`include (${list(included)})`]),
    ...(unique && !nullsDistinct ? ['nulls not distinct'] : []),
    ...(predicate === null ? [] : [`where ${predicate}`]),
  ].join(' ');
}

function partSql({ column, expression, collation, operatorClass, descending, nullsFirst }: IndexPart): string {
  return [
    column === null ? (expression ?? '') : quoteIdentifier(column),
    ...(collation === null ? [] : [`collate ${collation}`]),
    ...(operatorClass === null ? [] : [operatorClass]),
    ...(descending ? ['desc'] : []),
    ...(nullsFirst === descending ? [] : [nullsFirst ? 'nulls first' : 'nulls last']),
  ].join(' ');
}

const columnsOf = ({ index }: Laid) => index.parts.flatMap(({ column }) => column ?? []);
const isPlain = ({ index }: Laid) =>
  index.predicate === null &&
  index.method === 'btree' &&
  index.parts.every(
    (part) => part.column !== null && !part.operatorClass && !part.descending && !part.nullsFirst && !part.collation,
  );

function make(context: DriftContext, laid: Laid): readonly string[] {
  const { index, object } = laid;
  if (object === 'index' || !isPlain(laid)) {
    return [`create ${index.unique ? 'unique ' : ''}index on ${context.relation} ${laid.sql}`];
  }
  const kind = object === 'primary key' ? 'primary key' : index.nullsDistinct ? 'unique' : 'unique nulls not distinct';
  const more = [
    ...(index.included.length === 0 ? [] : [`include (${context.list(index.included)})`]),
    ...(index.deferrable ? ['deferrable'] : []),
    ...(index.deferred ? ['initially deferred'] : []),
  ];
  return [[`${context.alter} add ${kind} (${context.list(columnsOf(laid))})`, ...more].join(' ')];
}

function drop(context: DriftContext, { index }: Laid): readonly string[] {
  if (index.constraint !== null) return [`${context.alter} drop constraint ${quoteIdentifier(index.constraint)}`];
  return [`drop index ${quoteIdentifier(context.target.schema)}.${quoteIdentifier(index.name)}`];
}

const textOf = (laid: Laid | undefined) =>
  laid === undefined
    ? null
    : isPlain(laid)
      ? [columnsOf(laid).join(', '), ...(laid.index.deferrable ? ['deferrable'] : [])].join(' ')
      : laid.sql;

function differs(
  source: Laid | undefined,
  target: Laid | undefined,
  of: Pick<Drift, 'severity' | 'meaning' | 'ddl'>,
): Drift {
  const laid = source ?? target;
  return {
    object: laid?.object ?? 'index',
    name: laid?.index.name ?? '',
    what: 'definition',
    source: textOf(source),
    target: textOf(target),
    comparison: null,
    ...of,
  };
}

function primaryDrift(context: DriftContext, source: Laid | undefined, target: Laid | undefined): readonly Drift[] {
  if (source?.form === target?.form) return [];
  // Dropped, it leaves NOT NULL behind.
  const nullable = context.columns
    .filter((each) => target && columnsOf(target).includes(each.target.name))
    .filter(
      (each) => !(context.source.columns.find(({ name }) => name === each.source.name)?.declaredNotNull ?? false),
    );
  const ddl = [
    ...(target ? drop(context, target) : []),
    ...nullable.map((each) => `${context.alter} alter column ${quoteIdentifier(each.target.name)} drop not null`),
    ...(source ? make(context, source) : []),
  ];
  if (source && target) {
    return [differs(source, target, { severity: 'medium', meaning: 'the primary keys differ', ddl })];
  }
  if (source) return [differs(source, target, { severity: 'medium', meaning: 'the target has no primary key', ddl })];
  const meaning = 'only the target has a primary key: it takes no row whose key is NULL or there already';
  return [differs(source, target, { severity: nullable.length > 0 ? 'high' : 'medium', meaning, ddl })];
}

/** Where a promise is kept by another unique key, or by the primary key, it is not missing. */
function uniqueDrift(context: DriftContext, source: readonly Laid[], target: readonly Laid[]): readonly Drift[] {
  const unique = (all: readonly Laid[]) => all.filter(({ object }) => object === 'unique key');
  const keeps = (all: readonly Laid[], { guarantee }: Laid) =>
    all.filter(({ object }) => object !== 'index').find((each) => each.guarantee === guarantee);
  const missing = unique(source).filter((each) => !keeps(target, each));
  const extra = unique(target).filter((each) => !keeps(source, each));
  const waits = unique(source).flatMap((each) => {
    const other = keeps(target, each);
    if (!other || other.object !== 'unique key') return [];
    const same = each.index.deferrable === other.index.deferrable && each.index.deferred === other.index.deferred;
    const ddl = [...drop(context, other), ...make(context, each)];
    return same
      ? []
      : [
          {
            ...differs(each, other, {
              severity: 'low',
              meaning: 'one waits for the end of a transaction, the other does not',
              ddl,
            }),
            what: 'deferrable',
          },
        ];
  });
  return [
    ...missing.map((each) =>
      differs(each, undefined, {
        severity: 'medium',
        meaning: 'the target may take rows that repeat these values',
        ddl: make(context, each),
      }),
    ),
    ...extra.map((each) =>
      differs(undefined, each, {
        severity: 'medium',
        meaning: 'only the target refuses rows that repeat these values',
        ddl: drop(context, each),
      }),
    ),
    ...waits,
  ];
}

/** Indexes only serve speed; those of keys are looked at for what is theirs alone. */
function indexDrift(context: DriftContext, source: readonly Laid[], target: readonly Laid[]): readonly Drift[] {
  const plain = (all: readonly Laid[]) => all.filter(({ object }) => object === 'index');
  const once = (all: readonly Laid[]) =>
    all.filter((each, at) => all.findIndex(({ form }) => form === each.form) === at);
  const lacks = (all: readonly Laid[], from: readonly Laid[]) =>
    once(plain(all)).filter((each) => !from.some(({ form }) => form === each.form));
  return [
    ...lacks(source, target).map((each) =>
      differs(each, undefined, { severity: 'low', meaning: 'the target has no such index', ddl: make(context, each) }),
    ),
    ...lacks(target, source).map((each) =>
      differs(undefined, each, {
        severity: 'low',
        meaning: 'only the target has this index',
        ddl: drop(context, each),
      }),
    ),
  ];
}
