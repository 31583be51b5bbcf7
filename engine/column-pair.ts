import { TrueupError } from '../contracts/errors';
import type { TablePair } from '../contracts/table-pair';
import type { ColumnShape, TableShape } from '../database/table-shape';

/** A column of the source and the column of the target that it is compared with. */
export interface ColumnPair {
  readonly source: ColumnShape;
  readonly target: ColumnShape;
}

/** Columns of both sides by the config's mapping, then by name; a column that the mapping names has no other partner. */
export function pairColumns(pair: TablePair, source: TableShape, target: TableShape): readonly ColumnPair[] {
  checkNames(pair, source, target);
  const targets = new Map(target.columns.map((column) => [column.name, column]));
  const mapped = new Map(Object.entries(pair.columns));
  const taken = new Set(mapped.values());
  return source.columns.flatMap((column) => {
    const to = mapped.get(column.name);
    const partner = to !== undefined ? targets.get(to) : taken.has(column.name) ? undefined : targets.get(column.name);
    return partner ? [{ source: column, target: partner }] : [];
  });
}

function checkNames(pair: TablePair, source: TableShape, target: TableShape): void {
  const has = (shape: TableShape, name: string) => shape.columns.some((column) => column.name === name);
  const missing = (shape: TableShape, name: string, role: string) =>
    new TrueupError(
      'COLUMN_NOT_FOUND',
      `table ${pair.name}: the ${role} has no column ${name}; it has ${shape.columns.map((c) => c.name).join(', ')}`,
    );
  for (const [from, to] of Object.entries(pair.columns)) {
    if (!has(source, from)) throw missing(source, from, 'source');
    if (!has(target, to)) throw missing(target, to, 'target');
  }
  for (const name of pair.key ?? []) {
    if (!has(source, name)) throw missing(source, name, 'source');
  }
}
