import type { RunReport } from '../../contracts/run';
import type { Colors } from '../render/colors';
import { drawTable } from '../render/table';
import { count } from '../render/text';
import type { TableCheck } from './check';
import { DEMO_TABLES, type DemoInventory } from './inventory';

const TYPES = ['missing_in_target', 'extra_in_target', 'field_mismatch'] as const;

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
      planted: TYPES.map((type) => inventory.tables[table][type]),
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
      { head: 'found of planted' },
    ],
    compareWithPlanted(report, inventory).map((comparison) => [
      comparison.table,
      ...comparison.found.map((n, i) => `${count(n)} of ${count(comparison.planted[i] ?? 0)}`),
      isExact(comparison) ? colors.green('exact') : colors.red('DIFFERENT'),
    ]),
  );
}

/** What was planted and this version has no eyes for; said, so that nobody takes silence for a clean bill. */
export function notCheckedLines({ orphans, times, drift }: DemoInventory): readonly string[] {
  const columns = drift.map(({ table, column }) => `${table}.${column}`).join(', ');
  return [
    'Not yet checked in this version (rows that also differ from their source were found as mismatches):',
    `  references: ${orphans.toMissingOrders} to orders that were missing, ${orphans.toUnknownOrders} to orders that never were`,
    `  times: ${times.shippedBeforeCreated} shipped before they were created, ${times.bookedAnHourEarly} booked an hour early`,
    `  schema drift: ${drift.length} columns (${columns})`,
  ];
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
