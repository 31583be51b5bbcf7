import type { DemoTable } from './inventory';
import {
  accountExtraId,
  accountId,
  columns,
  customerExtraId,
  customerId,
  itemExtraId,
  itemId,
  orderExtraId,
  orderId,
  transactionExtraId,
  transactionId,
  type Sizes,
} from './rows';

/** What a damaging statement is counted as; the number of rows that it touches is the number that was planted. */
export type Planted =
  | { readonly as: 'missing_in_target' | 'extra_in_target' | 'field_mismatch'; readonly table: DemoTable }
  | { readonly as: 'orphans'; readonly of: 'toMissingOrders' | 'toUnknownOrders' }
  | { readonly as: 'shippedBeforeCreated' | 'bookedAnHourEarly' }
  /** One for the statement, which moves a time of each row equally far. */
  | { readonly as: 'shift'; readonly table: DemoTable };

export interface Damage {
  readonly statement: string;
  /** Empty: only prepares, or is seen through another statement. */
  readonly counts: readonly Planted[];
}

type Numbered = keyof Sizes;

/** A table is cut into this many equal stretches; each damage takes at most one row of a stretch, at its own offset. */
const STRETCHES = 40;
const MOST_SLOTS = 30;

/**
 * Statements that make the modern side wrong, to be run in this order before its keys are made. No two of them touch
 * the same row: every kind of damage has an offset of its own within each stretch of its table.
 */
export function damageStatements(sizes: Sizes): readonly Damage[] {
  const slots = new Slots(sizes);
  return [...missing(slots), ...extra(slots, sizes), ...mismatched(slots)];
}

class Slots {
  readonly #used = new Map<Numbered, number>();

  constructor(private readonly sizes: Sizes) {}

  /** The numbers of `count` rows that no other damage has, spread over the table, as a set of `n`. */
  take(table: Numbered, count: number): string {
    const stretch = Math.floor(this.sizes[table] / STRETCHES);
    const offset = (this.#used.get(table) ?? 0) + 1;
    if (offset > stretch || count > MOST_SLOTS) throw new RangeError(`no room for more damage in ${table}`);
    this.#used.set(table, offset);
    return `generate_series(${offset}::bigint, ${offset + (count - 1) * stretch}, ${stretch}) as n`;
  }

  /** `count` rows in succession, behind every slot. */
  block(table: Numbered, count: number): string {
    const from = Math.floor(this.sizes[table] / STRETCHES) * (MOST_SLOTS + 2) + 1;
    return `generate_series(${from}::bigint, ${from + count - 1}) as n`;
  }
}

/**
 * Lost customers take their accounts, orders, items and transactions along, lost orders their items: only inserting
 * parents first can bring them back. Transactions that refer to a lost order stay, and become orphans.
 */
function missing(slots: Slots): Damage[] {
  const lost = (table: DemoTable): readonly Planted[] => [{ as: 'missing_in_target', table }];
  return [
    prepare(`create temp table lost_customers on commit drop as
      select ${customerId('n')} as id from ${slots.take('customers', 8)}`),
    prepare(`create temp table lost_accounts on commit drop as
      select id from public.accounts where customer_id in (select id from lost_customers)
      union select ${accountId('n')} from ${slots.take('accounts', 4)}`),
    prepare(`create temp table lost_orders on commit drop as
      select id from public.orders where customer_id in (select id from lost_customers)
      union select ${orderId('n')} from ${slots.take('orders', 15)}`),
    {
      statement: `delete from public.transactions where account_id in (select id from lost_accounts)
        or id in (select ${transactionId('n')} from ${slots.take('transactions', 15)})`,
      counts: lost('transactions'),
    },
    {
      statement: `delete from public.order_items where order_id in (select id from lost_orders)
        or id in (select ${itemId('n')} from ${slots.take('order_items', 15)})`,
      counts: lost('order_items'),
    },
    { statement: `delete from public.orders where id in (select id from lost_orders)`, counts: lost('orders') },
    { statement: `delete from public.accounts where id in (select id from lost_accounts)`, counts: lost('accounts') },
    {
      statement: `delete from public.customers where id in (select id from lost_customers)`,
      counts: lost('customers'),
    },
    {
      statement: `select from public.transactions where order_ref in (select id from lost_orders)`,
      counts: [{ as: 'orphans', of: 'toMissingOrders' }],
    },
  ];
}

/** Made-up customers with accounts, orders, items and transactions of their own: only deleting children first works. */
function extra(slots: Slots, sizes: Sizes): Damage[] {
  const made = (table: DemoTable): readonly Planted[] => [{ as: 'extra_in_target', table }];
  const stamp = `timestamptz '2026-02-02 00:00:00Z', 1`;
  const created = `timestamptz '2026-01-31 12:00:00Z'`;
  const customers = slots.take('customers', 6);
  const orders = slots.take('orders', 12);
  return [
    {
      statement: `insert into public.currencies (${columns('currencies')}) values ('XTS', 'Test', 2, null, ${stamp})`,
      counts: made('currencies'),
    },
    {
      statement: `insert into public.customers (${columns('customers')})
        select ${customerExtraId('n')}, 'test' || n || '@example.com', 'Test Customer', null, '2000-01-01', 'basic', '{}',
          '{}', false, ${created}, ${stamp} from ${customers}`,
      counts: made('customers'),
    },
    {
      statement: `insert into public.accounts (${columns('accounts')})
        select ${accountExtraId('n')}, ${customerExtraId('n')}, 'XTS', 'TEST' || n, 0, 'open', '2026-01-31', ${stamp}
        from ${customers}`,
      counts: made('accounts'),
    },
    {
      statement: `insert into public.transactions (${columns('transactions')})
        select ${transactionExtraId('n * 3 + k')}, ${accountExtraId('n')}, null, 'fee', 1.00, ${created}, 'test', '{}',
          ${stamp}
        from ${customers}, generate_series(0, 2) as k`,
      counts: made('transactions'),
    },
    {
      statement: `insert into public.orders (${columns('orders')})
        select ${orderExtraId('n')}, customer.id, 'XTS', 9.99, 'new', 'test', ${created}, null, ${stamp}
        from (select n, row_number() over (order by n) as rank from ${orders}) as slot
          join (select id, row_number() over (order by id) as rank
                from public.customers where email like 'test%') as customer
            on customer.rank = 1 + slot.rank % 6`,
      counts: made('orders'),
    },
    {
      statement: `insert into public.order_items (${columns('order_items')})
        select ${itemExtraId(`${sizes.order_items} + n * 2 + k`)}, ${orderExtraId('n')}, 'SKU-TEST', 1, 9.99, false, ${stamp}
        from ${orders}, generate_series(0, 1) as k`,
      counts: made('order_items'),
    },
    {
      statement: `insert into public.order_items (${columns('order_items')})
        select ${itemExtraId('n')}, (select min(id) from public.orders), 'SKU-TWICE', 2, 5.00, false, ${stamp}
        from ${slots.take('order_items', 10)}`,
      counts: made('order_items'),
    },
  ];
}

function mismatched(slots: Slots): Damage[] {
  const change = (table: Numbered, id: (n: string) => string, count: number, set: string, where = 'true'): Damage => ({
    statement: `update public.${table} set ${set}
      where id in (select ${id('n')} from ${slots.take(table, count)}) and ${where}`,
    counts: [{ as: 'field_mismatch', table }],
  });
  const customers = (count: number, set: string, where?: string) => change('customers', customerId, count, set, where);
  const accounts = (count: number, set: string) => change('accounts', accountId, count, set);
  const orders = (count: number, set: string, where?: string) => change('orders', orderId, count, set, where);
  const items = (count: number, set: string) => change('order_items', itemId, count, set);
  const transactions = (count: number, set: string, where?: string) =>
    change('transactions', transactionId, count, set, where);
  const also = (damage: Damage, planted: Planted): Damage => ({ ...damage, counts: [...damage.counts, planted] });
  return [
    {
      statement: `update public.currencies set minor_units = 2 where code = 'JPY'`,
      counts: [{ as: 'field_mismatch', table: 'currencies' }],
    },
    also(customers(8, `birth_date = birth_date + 1`), { as: 'shift', table: 'customers' }),
    customers(
      10,
      `preferences = jsonb_set(preferences, '{newsletter}', to_jsonb(preferences -> 'newsletter' = 'false'))`,
    ),
    customers(6, `tags = tags[2:3] || tags[1:1]`),
    customers(12, `phone = ''`, 'phone is null'),
    customers(4, `full_name = full_name || ' '`),
    customers(5, `active = not active`),
    accounts(12, `balance = balance - 0.01`),
    accounts(6, `status = case status when 'open' then 'frozen' else 'open' end`),
    orders(16, `amount = amount + 0.01`),
    orders(14, `status = case status when 'paid' then 'new' else 'paid' end`),
    orders(20, `notes = ''`, 'notes is null'),
    also(orders(10, `created_at = created_at - interval '1 microsecond'`), { as: 'shift', table: 'orders' }),
    also(orders(20, `shipped_at = created_at - interval '2 days'`, 'shipped_at is not null'), {
      as: 'shippedBeforeCreated',
    }),
    items(12, `quantity = quantity + 1`),
    items(8, `sku = lower(sku)`),
    items(6, `gift = not gift`),
    transactions(12, `amount = -amount - 0.01`),
    transactions(14, `memo = null`, 'memo is not null'),
    transactions(8, `details = details || '{"terminal": 0.5}'`),
    also(transactions(10, `order_ref = 900000000000 + id`, NOT_TO_LOST), { as: 'orphans', of: 'toUnknownOrders' }),
    {
      statement: `update public.transactions set booked_at = booked_at - interval '1 hour'
        where id in (select ${transactionId('n')} from ${slots.block('transactions', 40)})`,
      counts: [
        { as: 'field_mismatch', table: 'transactions' },
        { as: 'bookedAnHourEarly' },
        { as: 'shift', table: 'transactions' },
      ],
    },
  ];
}

/** An orphan is counted once. */
const NOT_TO_LOST = '(order_ref is null or order_ref not in (select id from lost_orders))';

function prepare(statement: string): Damage {
  return { statement, counts: [] };
}
