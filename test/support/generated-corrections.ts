import fc from 'fast-check';
import type { Operation } from '../../contracts/correction';

/** A column that refers to rows of a table, by its number in the list of tables. */
export interface Reference {
  readonly to: number;
  readonly notNull: boolean;
  readonly onDelete: 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default';
  readonly waits: Waits;
}

type Waits = '' | 'deferrable' | 'deferrable initially deferred';
type Policy = 'auto' | 'approve' | 'review' | 'ignore';

export interface Table {
  readonly compared: boolean;
  readonly policy: { readonly missing: Policy; readonly mismatched: Policy; readonly extra: Policy };
  readonly identity: boolean;
  readonly unique: { readonly notNull: boolean; readonly waits: Waits } | null;
  /** Whether the target refuses values of `v` from 7 on. */
  readonly checked: boolean;
  readonly vNotNull: boolean;
  readonly generated: boolean;
  readonly references: readonly Reference[];
}

/** `id`, then what the table has of `u`, `v`, and `r0`, `r1`, …; those that it has not are left unsaid. */
export type Row = Readonly<Record<string, number | null>>;

/** What somebody does to one row of either side; what a constraint refuses does not happen. */
export interface Edit {
  readonly side: 'source' | 'target';
  readonly table: number;
  readonly operation: Operation;
  readonly row: Row;
}

export interface GeneratedCorrections {
  readonly tables: readonly Table[];
  /** By table; the target's are those that its constraints allow. */
  readonly source: readonly (readonly Row[])[];
  readonly target: readonly (readonly Row[])[];
  /** What an approval is of; null: none is given. */
  readonly approved: {
    readonly tables: readonly string[] | null;
    readonly operations: readonly Operation[] | null;
  } | null;
  readonly beforeApply: readonly Edit[];
  readonly beforeUndo: readonly Edit[];
  /** After how many milliseconds the server ends a session, at each attempt but the last to apply the plan. */
  readonly brokenOffMs: readonly number[];
}

const IDS = 9;
/** Values of `v` from here on are refused where a table is checked. */
const REFUSED = 7;
export const nameOf = (table: number): string => `t${table}`;

const waits: fc.Arbitrary<Waits> = fc.constantFrom('', '', 'deferrable', 'deferrable initially deferred');
const policy: fc.Arbitrary<Policy> = fc.constantFrom('auto', 'approve', 'approve', 'approve', 'review', 'ignore');
const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.oneof(fc.constant(null), one);
const seldom = fc.nat(3).map((n) => n === 0);

const tableOf = (tables: number): fc.Arbitrary<Table> =>
  fc.record({
    compared: fc.boolean(),
    policy: fc.record({ missing: policy, mismatched: policy, extra: policy }),
    identity: seldom,
    unique: fc.option(fc.record({ notNull: fc.boolean(), waits })),
    checked: seldom,
    vNotNull: seldom,
    generated: seldom,
    references: fc.array(
      fc.record({
        // The first table is compared, so that deletes there take rows of others with them.
        to: fc.oneof(fc.constant(0), fc.nat(tables - 1)),
        notNull: seldom,
        onDelete: fc.constantFrom(
          'no action',
          'restrict',
          'cascade',
          'cascade',
          'cascade',
          'set null',
          'set null',
          'set default',
        ),
        waits,
      }),
      { minLength: 1, maxLength: 2 },
    ),
  });

const id = fc.integer({ min: 1, max: IDS });
const row: fc.Arbitrary<Row> = fc.record({
  id,
  u: fc.option(fc.integer({ min: 1, max: IDS + 2 }), { freq: 5 }),
  v: fc.option(fc.nat(REFUSED + 1), { freq: 6 }),
  r0: fc.option(id, { freq: 4 }),
  r1: fc.option(id, { freq: 4 }),
});
const KINDS = ['same', 'changed', 'missing', 'extra', 'extra', 'swapped'] as const;
const sides = fc.record({
  row,
  other: row,
  kind: fc.constantFrom(...KINDS),
  column: fc.constantFrom('u', 'v', 'r0', 'r1'),
});

const edits = (tables: number, of: readonly Edit['side'][]): fc.Arbitrary<readonly Edit[]> =>
  fc.array(
    fc.record({
      side: fc.constantFrom(...of),
      table: fc.nat(tables - 1),
      operation: fc.constantFrom<Operation[]>('insert', 'update', 'delete'),
      row,
    }),
    { maxLength: 3 },
  );

/** One to three tables that refer to each other anyhow, their rows on two sides, and what is done about them. */
export function generatedCorrections(): fc.Arbitrary<GeneratedCorrections> {
  return fc.constantFrom(1, 2, 2, 3, 3).chain((n) =>
    fc
      .record({
        tables: fc.array(tableOf(n), { minLength: n, maxLength: n }),
        // All differences are corrected, or each kind by a policy of its own.
        auto: fc.boolean(),
        // The source may hold what the target's constraints refuse.
        torn: seldom,
        rows: fc.array(fc.uniqueArray(sides, { selector: ({ row }) => row.id, minLength: 6, maxLength: IDS }), {
          minLength: n,
          maxLength: n,
        }),
        approved: fc.option(
          fc.record({
            tables: maybe(fc.subarray(Array.from({ length: n }, (_, i) => nameOf(i)))),
            operations: maybe(fc.subarray<Operation>(['insert', 'update', 'delete'])),
          }),
          { freq: 9 },
        ),
        beforeApply: edits(n, ['source', 'target']),
        beforeUndo: edits(n, ['target']),
        brokenOffMs: fc.array(fc.nat(60), { maxLength: 2 }),
      })
      .map(({ tables: any, auto, torn, rows, ...others }) => {
        // Something has to be compared.
        const tables = any.map((table, i) => ({
          ...table,
          compared: table.compared || i === 0,
          policy: auto ? ({ missing: 'auto', mismatched: 'auto', extra: 'auto' } as const) : table.policy,
        }));
        const has = (i: number, row: Row) => only(tables[i], row);
        const source = rows.map((of, i) => of.flatMap(({ row, kind }) => (kind === 'extra' ? [] : [has(i, row)])));
        const target = rows.map((of, i) => damaged(of).map((row) => has(i, row)));
        return {
          tables,
          source: torn ? source : allowed(tables, source),
          target: allowed(tables, target),
          ...others,
        };
      }),
  );
}

/** A row with the columns that its table has. */
function only(table: Table | undefined, row: Row): Row {
  const names = columnsOf(table);
  return Object.fromEntries(Object.entries(row).filter(([name]) => names.includes(name)));
}

function columnsOf(table: Table | undefined): readonly string[] {
  return ['id', ...(table?.unique ? ['u'] : []), 'v', ...(table?.references ?? []).map((_, i) => `r${i}`)];
}

interface Sides {
  readonly row: Row;
  readonly other: Row;
  readonly kind: (typeof KINDS)[number];
  readonly column: string;
}

function damaged(rows: readonly Sides[]): readonly Row[] {
  const swapped = rows.filter(({ kind }) => kind === 'swapped');
  return rows.flatMap(({ row, other, kind, column }, i) => {
    if (kind === 'missing') return [];
    if (kind === 'changed') return [{ ...row, [column]: other[column] ?? null }];
    // A ring: each takes over from the next.
    const next = swapped[(swapped.indexOf(rows[i] as Sides) + 1) % swapped.length];
    return [kind === 'swapped' ? { ...row, u: next?.row['u'] ?? null } : row];
  });
}

/** The rows that the target's constraints allow; values that need not be there give way before rows do. */
function allowed(tables: readonly Table[], rows: readonly (readonly Row[])[]): readonly (readonly Row[])[] {
  let now = rows;
  for (;;) {
    const ids = now.map((of) => new Set(of.map((row) => row['id'])));
    const next = now.map((of, i) => {
      const { unique, checked, vNotNull, references = [] } = tables[i] ?? {};
      const taken = new Set<number>();
      return of.flatMap((row): Row[] => {
        const fixed: Record<string, number | null> = { ...row };
        const u = row['u'] ?? null;
        if (unique && u !== null && taken.has(u)) fixed['u'] = null;
        else if (unique && u !== null) taken.add(u);
        if (unique?.notNull && fixed['u'] === null) return [];
        if (checked && (row['v'] ?? 0) >= REFUSED) fixed['v'] = 0;
        if (vNotNull && fixed['v'] === null) fixed['v'] = 0;
        for (const [r, { to, notNull }] of references.entries()) {
          const value = fixed[`r${r}`] ?? null;
          if (value !== null && !ids[to]?.has(value)) fixed[`r${r}`] = null;
          if (notNull && fixed[`r${r}`] === null) return [];
        }
        return [fixed];
      });
    });
    if (JSON.stringify(next) === JSON.stringify(now)) return next;
    now = next;
  }
}

/** YAML of the list `tables:`. */
export function configOf({ tables }: GeneratedCorrections): string {
  const entries = tables.map(({ policy: { missing, mismatched, extra } }, i) => {
    const corrections = `{ missing: ${missing}, mismatched: ${mismatched}, extra: ${extra} }`;
    return `{ name: ${nameOf(i)}, source: public.${nameOf(i)}, corrections: ${corrections} }`;
  });
  return `[${entries.filter((_, i) => tables[i]?.compared).join(', ')}]`;
}

/** The statements that make one side; the source has no constraint but its keys. */
export function ddlOf({ tables, source, target }: GeneratedCorrections, side: 'source' | 'target'): string {
  const isTarget = side === 'target';
  const statements = tables.flatMap((table, i) => {
    const must = (is: boolean) => (is && isTarget ? ' not null' : '');
    const columns = [
      `id int primary key${table.identity && isTarget ? ' generated always as identity' : ''}`,
      ...(table.unique ? [`u int${must(table.unique.notNull)}`] : []),
      `v int${must(table.vNotNull)}${table.checked && isTarget ? ` check (v < ${REFUSED})` : ''}`,
      ...table.references.map(
        ({ notNull, onDelete }, r) => `r${r} int${must(notNull)}${onDelete === 'set default' ? ' default 1' : ''}`,
      ),
      ...(table.generated ? ['g int generated always as (v * 2) stored'] : []),
    ];
    const rows = (isTarget ? target : source)[i] ?? [];
    return [
      `create table ${nameOf(i)} (${columns.join(', ')})`,
      ...rows.map((row) => insertOf(i, row)),
      ...(table.unique && isTarget
        ? [`alter table ${nameOf(i)} add constraint ${nameOf(i)}_u unique (u) ${table.unique.waits}`]
        : []),
    ];
  });
  const references = tables.flatMap((table, i) =>
    table.references.map(
      ({ to, onDelete, waits }, r) =>
        `alter table ${nameOf(i)} add constraint ${nameOf(i)}_r${r} foreign key (r${r})
           references ${nameOf(to)} on delete ${onDelete} ${waits}`,
    ),
  );
  return [...statements, ...(isTarget ? references : [])].join(';\n');
}

function insertOf(table: number, row: Row): string {
  const values = Object.values(row).map((value) => value ?? 'null');
  return `insert into ${nameOf(table)} (${Object.keys(row).join(', ')}) overriding system value values (${values.join(', ')})`;
}

/** One statement that makes an edit. */
export function sqlOf({ tables }: GeneratedCorrections, { table, operation, row: any }: Edit): string {
  const row = only(tables[table], any);
  const { id: key, ...values } = row;
  switch (operation) {
    case 'insert':
      return insertOf(table, row);
    case 'update': {
      const set = Object.entries(values).map(([name, value]) => `${name} = ${value ?? 'null'}`);
      return `update ${nameOf(table)} set ${set.join(', ')} where id = ${key}`;
    }
    case 'delete':
      return `delete from ${nameOf(table)} where id = ${key}`;
  }
}
