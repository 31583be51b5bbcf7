import type { DemoTable } from './inventory';
import { comparedColumns, type Side } from './schema';

/** Rows of each table before anything is planted. */
export type Sizes = Readonly<Record<Exclude<DemoTable, 'currencies'>, number>>;

/** Below this the planted differences would no longer fit in. */
const SMALLEST_SCALE = 0.01;

/** About 560,000 rows at scale 1. */
export function sizesAt(scale: number): Sizes {
  if (!(scale >= SMALLEST_SCALE && scale <= 100)) {
    throw new RangeError(`the scale of the demo is from ${SMALLEST_SCALE} to 100, not ${scale}`);
  }
  const rows = (atOne: number) => Math.round(atOne * scale);
  return {
    customers: rows(50_000),
    accounts: rows(60_000),
    orders: rows(150_000),
    order_items: rows(200_000),
    transactions: rows(100_000),
  };
}

/**
 * A number from 0 to 2^63 - 1 that follows from the row's number alone: everything that looks random is made of it, so
 * that both sides, and every seeding, come out alike.
 */
function hash(n: string, salt: number): string {
  return `(hashint8extended((${n})::bigint, ${salt}) & 9223372036854775807)`;
}

function pick(values: readonly string[], n: string, salt: number): string {
  return `(array[${values.map((value) => `'${value}'`).join(', ')}])[1 + ${hash(n, salt)} % ${values.length}]`;
}

function moment(n: string, salt: number): string {
  return `timestamptz '2025-01-01 00:00:00Z' + ${hash(n, salt)} % 31536000000 * interval '1 millisecond'`;
}

/*
 * Ids leave gaps, and one id in each gap is never given, so that an extra row can have it (`…Extra`). Order ids
 * also leap by a million here and there: splitting by arithmetic on ids would find that out.
 */
export const customerId = (n: string) => `((${n})::bigint * 3 + ${hash(n, 1)} % 2)`;
export const customerExtraId = (n: string) => `((${n})::bigint * 3 + 2)`;
export const accountId = (n: string) => `md5('account ' || (${n}))::uuid`;
export const accountExtraId = (n: string) => `md5('extra account ' || (${n}))::uuid`;
const leap = (n: string) => `(${n})::bigint * 4 + (${n})::bigint / 75000 * 1000000`;
export const orderId = (n: string) => `(${leap(n)} + ${hash(n, 2)} % 3)`;
export const orderExtraId = (n: string) => `(${leap(n)} + 3)`;
export const itemId = (n: string) => `((${n})::bigint * 2)`;
export const itemExtraId = (n: string) => `((${n})::bigint * 2 + 1)`;
export const transactionId = (n: string) => `((${n})::bigint * 5 + ${hash(n, 3)} % 4)`;
export const transactionExtraId = (n: string) => `((${n})::bigint * 5 + 4)`;

const FIRST_NAMES = ['Ada', 'Björn', 'Chloé', 'Dmitri', 'Eve', 'Fatma', 'Grace', 'Hiro', 'Inés', 'João', '李', 'Zoë'];
const LAST_NAMES = ['Ångström', 'Brown', 'Çelik', 'Dvořák', 'Evans', 'Fischer', 'García', 'Hopper', 'Ito', "O''Neil"];
const CURRENCIES = ['EUR', 'USD', 'GBP', 'CHF', 'JPY', 'SEK', 'NOK', 'DKK', 'PLN', 'CZK', 'HUF', 'KWD'];
const NOTES = ['leave at the door', 'call before delivery', 'gift wrap, please', 'Größe prüfen', '  two spaces  '];

/** The modern side rewrote a quarter of the rows: noise in columns that are not compared. */
function bookkeeping(side: Side, n: string): string {
  const changed = side === 'modern' ? `(${hash(n, 90)} % 4 = 0)::int` : '0';
  return `timestamptz '2026-01-01 00:00:00Z' + ${changed} * interval '1 day', 1 + ${changed}`;
}

/** Named in every insert: the modern side has a column more. */
export function columns(table: DemoTable): string {
  return [...comparedColumns(table), 'updated_at', 'version'].join(', ');
}

/** One insert for each table, parents first. */
export function insertRows(side: Side, sizes: Sizes): readonly (readonly [table: DemoTable, statement: string])[] {
  const customerOf = (salt: number) => customerId(`${hash('n', salt)} % ${sizes.customers} + 1`);
  const orderNumber = `${hash('n', 60)} % ${sizes.orders} + 1`;
  const stamp = bookkeeping(side, 'n');
  return [
    [
      'currencies',
      `insert into public.currencies (${columns('currencies')})
       select code, name, minor_units, symbol, ${bookkeeping(side, 'length(name)')}
       from (values ('EUR', 'Euro', 2, '€'), ('USD', 'US dollar', 2, '$'), ('GBP', 'Pound sterling', 2, '£'),
         ('CHF', 'Swiss franc', 2, null), ('JPY', 'Yen', 0, '¥'), ('SEK', 'Swedish krona', 2, 'kr'),
         ('NOK', 'Norwegian krone', 2, 'kr'), ('DKK', 'Danish krone', 2, 'kr'), ('PLN', 'Zloty', 2, 'zł'),
         ('CZK', 'Czech koruna', 2, 'Kč'), ('HUF', 'Forint', 2, 'Ft'), ('KWD', 'Kuwaiti dinar', 3, null))
         as currency (code, name, minor_units, symbol)`,
    ],
    [
      'customers',
      `insert into public.customers (${columns('customers')})
       select ${customerId('n')}, 'customer' || n || '@example.com',
         ${pick(FIRST_NAMES, 'n', 20)} || ' ' || ${pick(LAST_NAMES, 'n', 21)},
         case when ${hash('n', 22)} % 3 > 0 then '+49 30 ' || ${hash('n', 23)} % 1000000 end,
         date '1940-01-01' + (${hash('n', 24)} % 25000)::int,
         ${pick(['basic', 'basic', 'basic', 'silver', 'gold'], 'n', 25)},
         array[n % 7, ${hash('n', 26)} % 100, ${hash('n', 27)} % 100 + 100]::integer[],
         jsonb_build_object('language', ${pick(['de', 'en', 'fr', 'ja'], 'n', 28)}, 'newsletter', n % 2 = 0,
           'limit', ${hash('n', 29)} % 5000),
         ${hash('n', 30)} % 10 > 0, ${moment('n', 31)}, ${stamp}
       from generate_series(1, ${sizes.customers}::bigint) as n`,
    ],
    [
      'accounts',
      `insert into public.accounts (${columns('accounts')})
       select ${accountId('n')}, case when n <= ${sizes.customers} then ${customerId('n')} else ${customerOf(40)} end,
         ${pick(CURRENCIES, 'n', 41)}, 'DE' || lpad((${hash('n', 42)} % 100000000000)::text, 20, '0'),
         (${hash('n', 43)} % 20000000 - 1000000)::numeric / 100,
         ${pick(['open', 'open', 'open', 'open', 'frozen', 'closed'], 'n', 44)},
         date '2015-01-01' + (${hash('n', 45)} % 3600)::int, ${stamp}
       from generate_series(1, ${sizes.accounts}::bigint) as n`,
    ],
    [
      'orders',
      `insert into public.orders (${columns('orders')})
       select id, customer_id, currency, amount, status, notes, created_at,
         case when status = 'shipped' then created_at + interval '1 hour' * (1 + n % 72) end, updated_at, version
       from (
         select n, ${orderId('n')} as id, ${customerOf(50)} as customer_id, ${pick(CURRENCIES, 'n', 51)} as currency,
           (${hash('n', 52)} % 100000 + 100)::numeric / 100 as amount,
           ${pick(['new', 'paid', 'shipped', 'shipped', 'shipped', 'cancelled'], 'n', 53)} as status,
           case when ${hash('n', 54)} % 4 = 0 then ${pick(NOTES, 'n', 55)} end as notes, ${moment('n', 56)} as created_at,
           ${stamp}
         from generate_series(1, ${sizes.orders}::bigint) as n
       ) as made (n, id, customer_id, currency, amount, status, notes, created_at, updated_at, version)`,
    ],
    [
      'order_items',
      `insert into public.order_items (${columns('order_items')})
       select ${itemId('n')},
         ${orderId(`case when n <= ${sizes.orders} then n else ${orderNumber} end`)},
         'SKU-' || upper(left(md5((${hash('n', 61)} % 5000)::text), 8)), (1 + ${hash('n', 62)} % 9)::int,
         (${hash('n', 63)} % 20000 + 50)::numeric / 100, ${hash('n', 64)} % 12 = 0, ${stamp}
       from generate_series(1, ${sizes.order_items}::bigint) as n`,
    ],
    [
      'transactions',
      `insert into public.transactions (${columns('transactions')})
       select ${transactionId('n')}, ${accountId(`${hash('n', 70)} % ${sizes.accounts} + 1`)},
         case when ${hash('n', 71)} % 5 < 3 then ${orderId(`${hash('n', 72)} % ${sizes.orders} + 1`)} end,
         ${pick(['payment', 'payment', 'payment', 'refund', 'transfer', 'fee'], 'n', 73)},
         (${hash('n', 74)} % 400000 - 100000)::numeric / 100, ${moment('n', 75)},
         case when ${hash('n', 76)} % 3 = 0 then 'reference ' || n end,
         jsonb_build_object('terminal', ${hash('n', 77)} % 400, 'contactless', n % 3 = 0), ${stamp}
       from generate_series(1, ${sizes.transactions}::bigint) as n`,
    ],
  ];
}
