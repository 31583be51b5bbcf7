export const DEMO_TABLES = ['currencies', 'customers', 'accounts', 'orders', 'order_items', 'transactions'] as const;
export type DemoTable = (typeof DEMO_TABLES)[number];

/** What comparing one table of the demo must find, and nothing else. */
export interface TableInventory {
  readonly rowsSource: number;
  readonly rowsTarget: number;
  readonly missing_in_target: number;
  readonly extra_in_target: number;
  readonly field_mismatch: number;
}

/** A column whose definition differs; null: the side has no such column. */
export interface DriftedColumn {
  readonly table: DemoTable;
  readonly column: string;
  readonly source: string | null;
  readonly target: string | null;
}

/** Every difference that was planted: the answer that a run over the demo is measured against. */
export interface DemoInventory {
  readonly tables: Readonly<Record<DemoTable, TableInventory>>;
  /**
   * Rows of `transactions` in the target whose `order_ref` names no order there. Those that point to a missing order
   * heal when it is inserted; those that point to an order that never was are `field_mismatch` too.
   */
  readonly orphans: { readonly toMissingOrders: number; readonly toUnknownOrders: number };
  /** Wrong times in the target, all of them `field_mismatch` too. */
  readonly times: { readonly shippedBeforeCreated: number; readonly bookedAnHourEarly: number };
  /** Columns whose times were moved equally far in many rows. */
  readonly shifts: Readonly<Partial<Record<DemoTable, number>>>;
  readonly drift: readonly DriftedColumn[];
}

export const DRIFT: readonly DriftedColumn[] = [
  { table: 'orders', column: 'notes', source: 'text', target: 'character varying(40)' },
  { table: 'orders', column: 'channel', source: null, target: 'text' },
];

/** Row differences of the whole inventory. */
export function plantedDifferences(inventory: DemoInventory): number {
  return Object.values(inventory.tables).reduce(
    (sum, table) => sum + table.missing_in_target + table.extra_in_target + table.field_mismatch,
    0,
  );
}
