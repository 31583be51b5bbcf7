import type { Comparison } from '../../contracts/comparison';
import type { ColumnDifference } from '../../contracts/difference';
import type { TextRow } from '../../contracts/finding';
import { readEquality, type Equality, type Typed } from '../../database/equality';
import { quoteIdentifier, quoteQualified } from '../../database/identifier';
import type { Sides } from '../compare-chunk';
import { keyText } from '../key';
import { Parameters } from '../range';
import { commonText, plainText } from './column';
import { pagesOf, type PageOptions } from './pages';
import type { ChildColumn, Parent, Reference } from './reference';
import { inSource, partsOf, suspectKey, suspects, type Part, type Picked, type Suspect } from './suspect';

/** Rows of the target, with one key or equal, that name a row which is not there. */
export interface Orphan {
  readonly key: TextRow;
  readonly rows: number;
  /** The columns that they refer by: what is missing stands under `target`. */
  readonly differences: readonly ColumnDifference[];
  readonly source: TextRow | null;
  readonly target: TextRow;
  /** Whether the source has what is missing; null: that is not known. */
  readonly parentInSource: boolean | null;
  /** Whether the source has no such row as the orphan itself; false too where that cannot be told. */
  readonly isExtra: boolean;
  /** Whether the reference is NULL in a part only, so that nothing is named. */
  readonly isPartial: boolean;
}

/** Orphans of the target that are none in the source, a page at a time; returns how many are so on both sides. */
export async function* orphans(
  comparison: Comparison,
  sides: Sides,
  reference: Reference,
  options: PageOptions,
): AsyncGenerator<readonly Orphan[], number, undefined> {
  const inParent = reference.sourceParent && (await lookUp(reference.sourceParent, reference.columns));
  // Where what is named is read from one session, and what names it from another, the two are one turn.
  const isRemote = sides.target.database !== reference.parent.database;
  const inner: PageOptions = isRemote ? { signal: options.signal } : options;
  let onBothSides = 0;
  for (const part of partsOf(comparison, sides)) {
    for await (const picked of dangling(part, reference, options)) {
      for await (const page of suspects(part, picked, inner)) {
        const read = await compared(part, reference, page, inParent, options.signal);
        onBothSides += read.filter(({ isSame }) => isSame).length;
        yield read.flatMap(({ orphan, isSame }) => (isSame ? [] : [orphan]));
      }
    }
  }
  return onBothSides;
}

type LookUp = (values: readonly Suspect['values'][], signal?: AbortSignal) => Promise<readonly boolean[]>;

/** What of given references, as texts of the child's values, a parent has; none of them holds NULL. */
async function lookUp({ database, table, columns }: Parent, child: readonly Typed[]): Promise<LookUp> {
  const equalities: Equality[] = [];
  for (const [i, column] of columns.entries()) {
    equalities.push(await readEquality(database, column, child[i] ?? column));
  }
  const wanted = columns.map((_, i) => `"trueup:w${i}"`);
  const equal = equalities.map(({ sql, castTo }, i) =>
    sql(`"trueup:parent".${quoteIdentifier(columns[i]?.name ?? '')}`, `"trueup:wanted".${wanted[i] ?? ''}::${castTo}`),
  );
  return async (values, signal) => {
    if (values.length === 0) return [];
    const parameters = new Parameters();
    const arrays = columns.map((_, i) =>
      parameters.add(
        values.map((value) => value[i]),
        'text[]',
      ),
    );
    const text = `select exists (select from ${quoteQualified(table.schema, table.table)} as "trueup:parent"
                                  where ${equal.join(' and ')}) as found
       from unnest(${arrays.join(', ')}) with ordinality as "trueup:wanted"(${wanted.join(', ')}, "trueup:n")
      order by "trueup:n"`;
    const { rows } = await database.withSession(
      (session) => session.query<{ found: string }>(text, parameters.values),
      signal,
    );
    return rows.map(({ found }) => found === 't');
  };
}

/** Conditions that pick all rows of the target whose reference leads nowhere, each of them once. */
async function* dangling(
  part: Part,
  reference: Reference,
  options: PageOptions,
): AsyncGenerator<Picked, void, undefined> {
  const { columns, matchFull } = reference;
  const { target } = part.sides;
  const own = columns.map(({ name }) => `${target.table}.${quoteIdentifier(name)}`);
  const values = valuesOf(columns, 'target');
  const isWhole = own.map((column) => `${column} is not null`).join(' and ');
  if (matchFull && columns.length > 1) {
    const isNull = own.map((column) => `${column} is null`);
    const where = `(${isNull.join(' or ')}) and not (${isNull.join(' and ')})`;
    yield { where, values, parameters: new Parameters() };
  }
  if (target.database === reference.parent.database) {
    const where = `${isWhole} and ${await isNowhere(reference, own)}`;
    yield { where, values, parameters: new Parameters() };
    return;
  }
  // The parents lie in another database: what is named goes there, and what is not there picks the rows.
  const named = await lookUp(reference.parent, columns);
  const texts = columns.map(({ name }) => `${plainText(name)} collate "C"`);
  const selected = texts.map((text, i) => `${text} as "trueup:c${i}"`);
  const statement = `select distinct ${selected.join(', ')} from ${target.relation} where ${target.filter} and ${isWhole}`;
  const pages = pagesOf<Record<string, string>>(target.database, { text: statement, values: [] }, options);
  for await (const rows of pages) {
    const references = rows.map((row) => columns.map((_, i) => row[`trueup:c${i}`] ?? ''));
    const found = await named(references, options.signal);
    const lost = references.filter((_, i) => found[i] !== true);
    if (lost.length === 0) continue;
    const parameters = new Parameters();
    const arrays = columns.map((_, i) =>
      parameters.add(
        lost.map((value) => value[i]),
        'text[]',
      ),
    );
    const where = `(${texts.join(', ')}) in (select * from unnest(${arrays.join(', ')}))`;
    yield { where, values, parameters };
  }
}

async function isNowhere({ parent, columns, equals }: Reference, own: readonly string[]): Promise<string> {
  const conditions: string[] = [];
  for (const [i, { name, ...type }] of parent.columns.entries()) {
    const left = `"trueup:parent".${quoteIdentifier(name)}`;
    const right = own[i] ?? '';
    const operator = equals?.[i];
    const equality = operator === undefined ? await readEquality(parent.database, type, columns[i] ?? type) : null;
    conditions.push(equality === null ? `${left} ${operator ?? '='} ${right}` : equality.sql(left, right));
  }
  const relation = quoteQualified(parent.table.schema, parent.table.table);
  return `not exists (select from ${relation} as "trueup:parent" where ${conditions.join(' and ')})`;
}

/** Each column's text as it is, then in the form that is one on both sides. */
function valuesOf(columns: readonly ChildColumn[], role: 'source' | 'target'): readonly string[] {
  const names = columns.map(({ name, pair }) => (role === 'target' ? name : (pair?.source.name ?? null)));
  return [
    ...names.map((name) => (name === null ? 'null::text' : plainText(name))),
    ...columns.map(({ name, pair }) => (pair === null ? plainText(name) : commonText(pair, role))),
  ];
}

async function compared(
  part: Part,
  { columns, isGuess }: Reference,
  page: readonly Suspect[],
  inParent: LookUp | null,
  signal?: AbortSignal,
): Promise<readonly { readonly orphan: Orphan; readonly isSame: boolean }[]> {
  const n = columns.length;
  const isKnown = columns.every(({ pair }) => pair !== null);
  const sources = isKnown ? await inSource(part, page, { values: valuesOf(columns, 'source') }, signal) : new Map();
  const whole = page.filter(({ values }) => !values.slice(0, n).includes(null));
  const found = inParent
    ? await inParent(
        whole.map(({ values }) => values.slice(0, n)),
        signal,
      )
    : [];
  const hasParent = new Map(whole.map((suspect, i) => [suspect, found[i] ?? null]));
  return page.map((suspect) => {
    const source: Suspect | undefined = sources.get(keyText(suspect.key)) as Suspect | undefined;
    const isPartial = suspect.values.slice(0, n).includes(null);
    const parentInSource = isPartial ? null : lookedUp(hasParent.get(suspect), isGuess);
    const isEqual =
      source !== undefined &&
      source.rows >= suspect.rows &&
      source.values.slice(n).every((value, i) => value === suspect.values[n + i]);
    return {
      orphan: {
        ...orphanOf(part, columns, suspect, source ?? null),
        parentInSource,
        isExtra: isKnown && source === undefined,
        isPartial,
      },
      isSame: isEqual && (isPartial || parentInSource === false),
    };
  });
}

function lookedUp(found: boolean | null | undefined, isGuess: boolean): boolean | null {
  return found === undefined || (found === false && isGuess) ? null : found;
}

function orphanOf(
  part: Part,
  columns: readonly ChildColumn[],
  suspect: Suspect,
  source: Suspect | null,
): Pick<Orphan, 'key' | 'rows' | 'differences' | 'source' | 'target'> {
  const sourceName = ({ name, pair }: ChildColumn) => pair?.source.name ?? name;
  return {
    key: suspectKey(part, suspect),
    rows: suspect.rows,
    differences: columns.map((column, i) => ({
      name: sourceName(column),
      targetName: column.name,
      source: source?.values[i] ?? null,
      target: suspect.values[i] ?? null,
    })),
    source: source && Object.fromEntries(columns.map((column, i) => [sourceName(column), source.values[i] ?? null])),
    target: Object.fromEntries(columns.map(({ name }, i) => [name, suspect.values[i] ?? null])),
  };
}
