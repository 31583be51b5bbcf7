import type { RunReport } from '../../contracts/run';
import type { Colors } from '../render/colors';
import { drawTable } from '../render/table';
import { count } from '../render/text';
import type { TableCheck } from './check';
import { DEMO_TABLES, type DemoInventory, type DemoTable } from './inventory';

const TYPES = [
  'missing_in_target',
  'extra_in_target',
  'field_mismatch',
  'referential_violation',
  'temporal_violation',
] as const;

/** What a run has to find in a table, by {@link TYPES}. */
function plantedIn(table: DemoTable, { tables, orphans, times, shifts }: DemoInventory): readonly number[] {
  const { missing_in_target, extra_in_target, field_mismatch } = tables[table];
  const references = table === 'transactions' ? orphans.toMissingOrders + orphans.toUnknownOrders : 0;
  const order = table === 'orders' ? times.shippedBeforeCreated : 0;
  return [missing_in_target, extra_in_target, field_mismatch, references, order + (shifts[table] ?? 0)];
}

interface Comparison {
  readonly table: string;
  readonly planted: readonly number[];
  readonly found: readonly number[];
}

function compareWithPlanted(report: RunReport, inventory: DemoInventory): readonly Comparison[] {
  return DEMO_TABLES.map((table) => {
    const findings = report.tables.find((each) => each.name === table)?.findings ?? {};
    return {
      table,
      planted: plantedIn(table, inventory),
      found: TYPES.map((type) => findings[type] ?? 0),
    };
  });
}

const isExact = ({ planted, found }: Comparison) => planted.every((n, i) => n === found[i]);

/** Whether exactly what was planted was found. */
export function foundWhatWasPlanted(report: RunReport, inventory: DemoInventory): boolean {
  return compareWithPlanted(report, inventory).every(isExact);
}

/** Found of planted, per table and type. */
export function plantedTable(report: RunReport, inventory: DemoInventory, colors: Colors): string {
  return drawTable(
    [
      { head: 'table' },
      { head: 'missing', align: 'right' },
      { head: 'extra', align: 'right' },
      { head: 'mismatched', align: 'right' },
      { head: 'references', align: 'right' },
      { head: 'times', align: 'right' },
      { head: 'found of planted' },
    ],
    compareWithPlanted(report, inventory).map((comparison) => [
      comparison.table,
      ...comparison.found.map((n, i) => `${count(n)} of ${count(comparison.planted[i] ?? 0)}`),
      isExact(comparison) ? colors.green('exact') : colors.red('DIFFERENT'),
    ]),
  );
}

export function checkTable(checks: readonly TableCheck[], colors: Colors): string {
  return drawTable(
    [
      { head: 'table' },
      { head: 'legacy rows', align: 'right' },
      { head: 'modern rows', align: 'right' },
      { head: 'by plain SQL' },
    ],
    checks.map(({ table, rowsLegacy, rowsModern, equal }) => [
      table,
      count(rowsLegacy),
      count(rowsModern),
      equal ? colors.green('equal') : colors.red('NOT EQUAL'),
    ]),
  );
}
