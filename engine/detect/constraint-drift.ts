import type { ConstraintDefinition } from '../../database/constraint-definition';
import { quoteIdentifier, quoteQualified } from '../../database/identifier';
import type { Drift, DriftContext } from './drift-context';

/** A constraint in the target's names. */
interface Laid {
  readonly constraint: ConstraintDefinition;
  /** What stands in DDL after `add`; null: it cannot be made, as what it refers to is not there. */
  readonly sql: string | null;
  /** As people read it. */
  readonly text: string;
  /** Equal for constraints that demand the same. */
  readonly form: string;
  /** What it is about: of two that do not demand the same, the one stands for the other. */
  readonly subject: string;
}

/** How checks, foreign keys and exclusion constraints differ, whatever their names. */
export function constraintDrift(context: DriftContext): readonly Drift[] {
  const source = context.source.constraints.map((each) => lay(context, each, true));
  const target = context.target.constraints.map((each) => lay(context, each, false));
  const open = new Set(target);
  const take = (holds: (each: Laid) => boolean) => {
    const found = [...open].find(holds);
    if (found) open.delete(found);
    return found;
  };
  const drifts: Drift[] = [];
  const unmatched: Laid[] = [];
  for (const each of source) {
    const same = take(({ constraint, form }) => constraint.kind === each.constraint.kind && form === each.form);
    if (same) drifts.push(...proofDrift(context, each, same));
    else unmatched.push(each);
  }
  for (const each of unmatched) {
    drifts.push(
      differs(
        context,
        each,
        take((other) => other.constraint.kind === each.constraint.kind && other.subject === each.subject),
      ),
    );
  }
  return [...drifts, ...[...open].map((each) => differs(context, undefined, each))];
}

function lay(context: DriftContext, constraint: ConstraintDefinition, isSource: boolean): Laid {
  const columns = constraint.columns.map((name) => (isSource ? context.nameOf(name) : name));
  const translated = (sql: string) =>
    isSource ? context.movedTypes(context.translated(sql, constraint.columns)) : sql;
  const { deferrable, deferred, enforced } = constraint;
  const modes = [
    ...(deferrable ? ['deferrable'] : []),
    ...(deferred ? ['initially deferred'] : []),
    ...(enforced ? [] : ['not enforced']),
  ];
  if (constraint.foreignKey) return layForeignKey(context, constraint, columns, modes, isSource);
  const sql = translated(constraint.definition.replace(/ NOT VALID$/, ''));
  return {
    constraint,
    sql,
    text: sql,
    form: JSON.stringify([context.form(sql, columns), modes]),
    subject: constraint.name,
  };
}

const ACTIONS: Readonly<Record<string, string>> = { r: 'restrict', c: 'cascade', n: 'set null', d: 'set default' };

function layForeignKey(
  context: DriftContext,
  constraint: ConstraintDefinition,
  columns: readonly string[],
  modes: readonly string[],
  isSource: boolean,
): Laid {
  const key = constraint.foreignKey;
  if (!key) return { constraint, sql: null, text: '', form: '', subject: '' };
  const parent = isSource ? parentOf(context, key) : { ...key.parent, columns: key.parentColumns };
  const relation = quoteQualified(parent.schema, parent.table);
  const setColumns = isSource ? key.setColumns.map((name) => context.nameOf(name)) : key.setColumns;
  const onDelete = ACTIONS[key.onDelete];
  const rules = [
    ...(key.match === 'f' ? ['match full'] : []),
    ...(ACTIONS[key.onUpdate] === undefined ? [] : [`on update ${ACTIONS[key.onUpdate] ?? ''}`]),
    ...(onDelete === undefined
      ? []
      : [`on delete ${onDelete}${setColumns.length === 0 ? '' : ` (${context.list(setColumns)})`}`]),
  ];
  const pairs = columns.map((name, i) => JSON.stringify([name, parent.columns[i]])).sort();
  const to = `${parent.schema}.${parent.table} (${parent.columns.join(', ')})`;
  const sql = `foreign key (${context.list(columns)}) references ${relation} (${context.list(parent.columns)})`;
  const subject = JSON.stringify([parent.schema, parent.table, pairs]);
  return {
    constraint,
    sql: !isSource || context.known.relations.has(relation) ? [sql, ...rules, ...modes].join(' ') : null,
    text: [`(${columns.join(', ')}) references ${to}`, ...rules, ...modes].join(' '),
    form: JSON.stringify([subject, rules, modes]),
    subject,
  };
}

/** Where the parent of a source's foreign key is in the target: by its table pair, else by its name. */
export function parentOf(
  context: Pick<DriftContext, 'pairs' | 'pair' | 'source'>,
  { parent, parentColumns }: NonNullable<ConstraintDefinition['foreignKey']>,
): { readonly schema: string; readonly table: string; readonly columns: readonly string[] } {
  const { source, target } = context.pair;
  const pair = [context.pair, ...context.pairs].find(
    (each) =>
      each.source.connection === source.connection &&
      each.target.connection === target.connection &&
      each.source.schema === parent.schema &&
      each.source.table === parent.table,
  );
  if (!pair) {
    const schema = parent.schema === source.schema ? target.schema : parent.schema;
    return { schema, table: parent.table, columns: parentColumns };
  }
  const { schema, table } = pair.target;
  return { schema, table, columns: parentColumns.map((name) => pair.columns[name] ?? name) };
}

function drop(context: DriftContext, { constraint }: Laid): string {
  return `${context.alter} drop constraint ${quoteIdentifier(constraint.name)}`;
}

const MISSING: Readonly<Record<ConstraintDefinition['kind'], string>> = {
  check: 'the target may take rows that the source refuses',
  'foreign key': 'the target may take rows that refer to nothing',
  exclusion: 'the target may take rows that exclude each other',
};

function differs(context: DriftContext, source: Laid | undefined, target: Laid | undefined): Drift {
  const { constraint } = (source ?? target) as Laid;
  const meaning =
    source && target
      ? 'the two sides demand something else'
      : source
        ? `${MISSING[constraint.kind]}${source.sql === null ? '; what it refers to is not in the target' : ''}`
        : 'only the target demands this: it may refuse rows that the source takes';
  const canMake = !source || source.sql !== null;
  return {
    object: constraint.kind,
    name: constraint.name,
    what: 'definition',
    source: source?.text ?? null,
    target: target?.text ?? null,
    severity: 'medium',
    meaning,
    comparison: null,
    ddl: canMake
      ? [
          ...(target ? [drop(context, target)] : []),
          ...(source?.sql == null
            ? []
            : [
                `${context.alter} add ${source.sql}${source.constraint.validated || !source.constraint.enforced ? '' : ' not valid'}`,
              ]),
        ]
      : [],
  };
}

/** One that demands the same, and was not held against the rows that were there. */
function proofDrift(context: DriftContext, source: Laid, target: Laid): readonly Drift[] {
  const [a, b] = [source.constraint.validated, target.constraint.validated];
  if (a === b || !a) return [];
  return [
    {
      object: source.constraint.kind,
      name: source.constraint.name,
      what: 'validated',
      source: 'valid',
      target: 'not valid',
      severity: 'low',
      meaning: "the target's rows were never all held against it",
      comparison: null,
      ddl: [`${context.alter} validate constraint ${quoteIdentifier(target.constraint.name)}`],
    },
  ];
}
