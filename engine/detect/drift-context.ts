import type { Severity } from '../../contracts/finding';
import type { TablePair } from '../../contracts/table-pair';
import { quoteIdentifier, quoteQualified } from '../../database/identifier';
import type { ColumnDefinition } from '../../database/column-definition';
import type { TableDefinition } from '../../database/table-definition';
import type { ColumnPair } from '../column-pair';
import type { Zones } from '../zone';
import { formOf, renameColumns } from './sql-form';

export type DriftObject =
  'table' | 'column' | 'primary key' | 'unique key' | 'foreign key' | 'check' | 'exclusion' | 'index';

/** One way in which the target's definition is not the source's. */
export interface Drift {
  readonly object: DriftObject;
  /** Of a column, by its source name; else as the side has it that has it. */
  readonly name: string;
  /** What of it differs: `type`; `column` or `definition`: whether it is there at all, and as what. */
  readonly what: string;
  readonly source: string | null;
  readonly target: string | null;
  readonly severity: Severity;
  /** What it means, for people. */
  readonly meaning: string;
  /** What it does to the comparison of rows; null: nothing. */
  readonly comparison: string | null;
  /** Statements that make the target's definition the source's; empty: no statement alone does. */
  readonly ddl: readonly string[];
}

/** A column of the source and its partner, with all that their definitions say. */
export interface ColumnDefinitions {
  readonly source: ColumnDefinition;
  readonly target: ColumnDefinition;
}

export const ofColumn = (name: string) => ({ object: 'column' as const, name });

/** What the database of the target knows by these names, qualified and quoted. */
export interface Known {
  readonly types: ReadonlySet<string>;
  readonly collations: ReadonlySet<string>;
  readonly relations: ReadonlySet<string>;
}

/** What drift of a table pair is found and worded with. */
export class DriftContext {
  /** The target, qualified and quoted. */
  readonly relation: string;
  readonly alter: string;
  readonly #names: ReadonlyMap<string, string>;
  readonly #schemas: readonly string[];
  readonly #converted: ReadonlySet<string>;

  constructor(
    readonly pair: TablePair,
    readonly pairs: readonly TablePair[],
    readonly source: TableDefinition,
    readonly target: TableDefinition,
    readonly columns: readonly ColumnPair[],
    readonly known: Known,
    /** In which zones times without one are read; absent: nobody asked. */
    readonly zones?: Zones,
  ) {
    this.relation = quoteQualified(target.schema, target.name);
    this.alter = `alter table ${this.relation}`;
    this.#names = new Map(columns.map((each) => [each.source.name, each.target.name]));
    this.#schemas = [pair.source.schema, pair.target.schema];
    this.#converted = new Set(
      columns.filter((each) => each.source.baseType !== each.target.baseType).map((each) => each.target.name),
    );
  }

  /** The target's name of a column of the source; its own where it has no partner. */
  nameOf(column: string): string {
    return this.#names.get(column) ?? column;
  }

  /** Whether the config names a column of the source as not compared. */
  isExcluded(column: string): boolean {
    return this.pair.exclude.includes(column);
  }

  /** An expression of the source with the target's names; of those columns that it is known to use, where they are. */
  translated(expression: string, used: readonly string[] = [...this.#names.keys()]): string {
    const renamed = used.filter((name) => this.nameOf(name) !== name);
    return renameColumns(expression, new Map(renamed.map((name) => [name, this.nameOf(name)])));
  }

  /** See {@link formOf}; the columns are those of the target that it uses. */
  form(expression: string, columns: readonly string[] = []): string {
    return formOf(expression, {
      schemas: this.#schemas,
      withoutCasts: columns.some((name) => this.#converted.has(name)),
    });
  }

  /** A qualified name of the source's database as the target's has it: in its own schema, or where it was; the first known. */
  inTarget(name: string, known: ReadonlySet<string>): { readonly name: string; readonly exists: boolean } {
    const moved = this.moved(name);
    const found = [moved, name].find((each) => known.has(each));
    return { name: found ?? moved, exists: found !== undefined };
  }

  /** A qualified name in the target's schema, where it was in the source's. */
  moved(name: string): string {
    const [, schema, rest] = /^("(?:[^"]|"")*"|[^".]+)\.(.+)$/.exec(name) ?? [];
    if (schema === undefined || rest === undefined) return name;
    const bare = schema.startsWith('"') ? schema.slice(1, -1).replaceAll('""', '"') : schema;
    if (bare !== this.pair.source.schema) return name;
    return `${quotedAsNeeded(this.pair.target.schema)}.${rest}`;
  }

  /** An expression with the names of the source's own types as the target has them. */
  movedTypes(expression: string): string {
    const types = this.source.columns.flatMap(({ domain, enumType }) => [domain?.name, enumType]);
    return [...new Set(types)].reduce<string>(
      (text, name) => (name == null ? text : text.replaceAll(name, () => this.inTarget(name, this.known.types).name)),
      expression,
    );
  }

  /** Whether the target is a table, with rules that can be changed. */
  get isTable(): boolean {
    return this.target.kind.endsWith('table');
  }

  list(columns: readonly string[]): string {
    return columns.map(quoteIdentifier).join(', ');
  }
}

/** As PostgreSQL writes names out. */
function quotedAsNeeded(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : quoteIdentifier(name);
}
