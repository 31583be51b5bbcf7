import type { ColumnDefinition } from '../../database/column-definition';
import { quoteIdentifier, quoteLiteral } from '../../database/identifier';
import type { DriftContext } from './drift-context';

/** A type of the source for the target's DDL, and what makes it first where the target has none of that name. */
interface TypeDdl {
  readonly type: string;
  readonly make: readonly string[];
}

/** Makes nothing where the type is there by then, as several columns may need one. */
const unlessThere = (statement: string) =>
  `do $trueup$ begin ${statement}; exception when duplicate_object then null; end $trueup$`;

export function typeDdl(context: DriftContext, column: ColumnDefinition): TypeDdl {
  const { domain, enumType } = column;
  const own = domain?.name ?? enumType;
  if (own === null) return { type: column.type, make: [] };
  const { name, exists } = context.inTarget(own, context.known.types);
  const type = domain ? name : column.type.replace(own, () => name);
  if (exists) return { type, make: [] };
  if (!domain) {
    const labels = (column.enumLabels ?? []).map(quoteLiteral).join(', ');
    return { type, make: [unlessThere(`create type ${name} as enum (${labels})`)] };
  }
  const rules = [...(domain.notNull ? ['not null'] : []), ...domain.checks];
  return { type, make: [unlessThere([`create domain ${name} as ${domain.type}`, ...rules].join(' '))] };
}

/** How a column gets its numbers by itself; null: it does not. */
export function numbering({ identityKind, expression }: ColumnDefinition): string | null {
  if (identityKind !== null) return `generated ${identityKind} as identity`;
  return expression !== null && /^nextval\(/.test(expression) ? 'the next number of a sequence' : null;
}

/** The default's expression where it is one like any other; null: none. */
export function plainDefault(column: ColumnDefinition): string | null {
  const { expression, generation } = column;
  return generation !== null || numbering(column) !== null || expression === null || /^NULL(::.*)?$/.test(expression)
    ? null
    : expression;
}

/** Adds a column of the source to the target; NOT NULL only where the rows that are there can be. */
export function addColumn(context: DriftContext, column: ColumnDefinition): readonly string[] {
  const { type, make } = typeDdl(context, column);
  const parts = [`${context.alter} add column ${quoteIdentifier(column.name)}`];
  const [numbers, initial] = [numbering(column), plainDefault(column)];
  const isSerial = numbers !== null && column.identityKind === null;
  const serials: Readonly<Record<string, string>> = { smallint: 'smallserial', integer: 'serial', bigint: 'bigserial' };
  parts.push(isSerial ? (serials[column.baseType] ?? type) : type);
  if (column.declaredCollation !== null) {
    const collation = context.inTarget(column.declaredCollation, context.known.collations);
    if (collation.exists) parts.push(`collate ${collation.name}`);
  }
  if (column.generation !== null) {
    const virtual = column.generation === 'virtual' && context.target.serverVersion >= 180_000;
    const expression = context.movedTypes(context.translated(column.expression ?? 'null'));
    parts.push(`generated always as (${expression}) ${virtual ? 'virtual' : 'stored'}`);
  } else if (column.identityKind !== null) parts.push(numbers ?? '');
  else if (initial !== null) parts.push(`default ${context.movedTypes(initial)}`);
  if (column.declaredNotNull && canBeNotNull(context, column)) parts.push('not null');
  return [...make, parts.join(' ')];
}

export function canBeNotNull({ target }: DriftContext, column: ColumnDefinition): boolean {
  return target.isEmpty || numbering(column) !== null || plainDefault(column) !== null || column.generation !== null;
}

/** Gives a column of the target the source's type; what its default was is put back, where it was any. */
export function changeType(
  context: DriftContext,
  source: ColumnDefinition,
  target: ColumnDefinition,
): readonly string[] {
  const { type, make } = typeDdl(context, source);
  const name = quoteIdentifier(target.name);
  const initial = plainDefault(target);
  const { declaredCollation: own } = source;
  const collation = own === null ? null : context.inTarget(own, context.known.collations);
  const collate = collation?.exists ? ` collate ${collation.name}` : '';
  const alter = `${context.alter} alter column ${name}`;
  // As a domain, and as a type that is not converted by itself, it takes the way by its text.
  const using = usingOf(source, target, name, type);
  return [
    ...make,
    ...(initial === null ? [] : [`${alter} drop default`]),
    `${alter} type ${type}${collate}${using}`,
    ...(initial === null ? [] : [`${alter} set default ${putBack(initial)}`]),
  ];
}

function usingOf(source: ColumnDefinition, target: ColumnDefinition, name: string, type: string): string {
  if (source.category === target.category && source.category !== 'E') return ` using ${name}::${type}`;
  return source.category === 'S' ? ` using ${name}::text` : ` using ${name}::text::${type}`;
}

/** A literal without the type that it was of. */
function putBack(initial: string): string {
  return /^('(?:[^']|'')*')::[^()]+$/.exec(initial)?.[1] ?? initial;
}

/** Makes the target's column number its rows as the source's does. */
export function changeNumbering(
  context: DriftContext,
  source: ColumnDefinition,
  target: ColumnDefinition,
): readonly string[] {
  const name = quoteIdentifier(target.name);
  const alter = `${context.alter} alter column ${name}`;
  const isSerial = numbering(target) !== null && target.identityKind === null;
  const dropSequence = isSerial && target.sequence !== null ? [`drop sequence ${target.sequence}`] : [];
  if (source.identityKind !== null && target.identityKind !== null) {
    return [`${alter} set generated ${source.identityKind}`];
  }
  const without = [
    ...(target.identityKind !== null ? [`${alter} drop identity`] : []),
    ...(target.identityKind === null && target.expression !== null ? [`${alter} drop default`] : []),
    ...dropSequence,
  ];
  const next = `coalesce((select max(${name}) from ${context.relation}), 0) + 1, false)`;
  if (source.identityKind !== null) {
    const sequence = `pg_get_serial_sequence(${quoteLiteral(context.relation)}, ${quoteLiteral(target.name)})`;
    return [
      ...without,
      ...(target.declaredNotNull ? [] : [`${alter} set not null`]),
      `${alter} add generated ${source.identityKind} as identity`,
      `select setval(${sequence}, ${next}`,
    ];
  }
  if (numbering(source) === null) return without;
  const sequence = `${quoteIdentifier(context.target.schema)}.${quoteIdentifier(
    `${context.target.name}_${target.name}_seq`.slice(0, 63),
  )}`;
  return [
    ...without,
    `create sequence ${sequence} owned by ${context.relation}.${name}`,
    `select setval(${quoteLiteral(sequence)}, ${next}`,
    `${alter} set default nextval(${quoteLiteral(sequence)})`,
  ];
}
