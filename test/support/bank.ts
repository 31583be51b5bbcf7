/**
 * A small shop in two databases: six tables with references between them and many types, about 20,000 rows, and
 * differences of every kind at known places.
 */
export const BANK_TABLES = ['customers', 'orders', 'items', 'labels', 'parcels'] as const;

export const BANK_SCHEMA = `
  create table customers (
    id int primary key, name text not null, email text unique, balance numeric(12,2) not null,
    active boolean not null, born date, prefs jsonb);
  create table orders (
    id bigint primary key, customer_id int not null references customers, placed timestamptz not null,
    total numeric not null, status text not null, note text);
  create table items (
    id bigint primary key, order_id bigint not null references orders, sku text not null, qty smallint not null,
    price double precision not null, photo bytea);
  create table labels (code text primary key, title text not null, tags text[], validity daterange);
  create table parcels (id uuid primary key, weight real, took interval, sent_from inet);
  create index on orders (customer_id);
  create index on items (order_id);`;

export const BANK_ROWS = `
  insert into customers
    select g, 'Customer ' || g, 'c' || g || '@example.org', (g * 37 % 100000) / 100.0, g % 3 <> 0,
           case when g % 11 = 0 then null else date '1950-01-01' + g * 5 end,
           jsonb_build_object('lang', case g % 2 when 0 then 'en' else 'de' end, 'n', g)
      from generate_series(1, 3000) g;
  insert into orders
    select g * 10, 1 + g % 3000, timestamptz '2024-01-01 00:00Z' + g * interval '97 minutes', (g * 7919 % 1000003) / 1000.0,
           (array['new', 'paid', 'shipped'])[1 + g % 3], case when g % 5 = 0 then null else 'Ünïcode ''' || g end
      from generate_series(1, 6000) g;
  insert into items
    select g, (1 + g % 6000) * 10, 'SKU-' || g % 977, 1 + g % 9, g / 7.0, decode(md5(g::text), 'hex')
      from generate_series(1, 10000) g;
  insert into labels
    select 'L' || md5(g::text), 'Label ' || g, array['a' || g, null, 'c,"d"'],
           daterange(date '2024-01-01' + g, date '2024-02-01' + g)
      from generate_series(1, 1000) g;
  insert into parcels
    select md5('p' || g)::uuid, g / 3.0, g * interval '1 hour 3 seconds', ('10.1.' || g % 200 || '.' || 1 + g % 250)::inet
      from generate_series(1, 1000) g;`;

/** Makes the target differ: whole families of rows missing and extra, and single fields changed; about 2,000 rows. */
export const BANK_DAMAGE = `
  delete from items where order_id in (select o.id from orders o where o.customer_id % 100 = 7);
  delete from orders where customer_id % 100 = 7;
  delete from customers where id % 100 = 7;
  delete from items where id % 90 = 1;
  insert into customers select g, 'Extra ' || g, null, 1, true, null, null from generate_series(90001, 90020) g;
  insert into orders select g * 10, g, now(), 5, 'new', null from generate_series(90001, 90020) g;
  insert into items select g, g * 10, 'EXTRA', 1, 1.5, null from generate_series(90001, 90020) g;
  update customers set balance = balance + 0.01, prefs = null where id % 60 = 3;
  update orders set status = 'lost', placed = placed + interval '1 hour' where id % 400 = 50;
  update items set qty = qty + 1 where id % 7 = 2;
  update labels set tags = tags || array['late'] where code like 'La%';
  delete from labels where code like 'Lb%';
  insert into labels select 'X' || g, 'extra', null, null from generate_series(1, 15) g;
  update parcels set weight = null where id::text like '3%';
  delete from parcels where id::text like '4%';`;

/** Writes down every change of a row in the target, so that a test knows from outside how often each was changed. */
export const AUDIT = `
  create schema audit;
  create table audit.change (id bigint generated always as identity, table_name text, operation text, key text);
  create function audit.note() returns trigger language plpgsql as $$
  begin
    insert into audit.change (table_name, operation, key)
    values (tg_table_name, lower(tg_op), to_jsonb(case when tg_op = 'DELETE' then old else new end) ->> tg_argv[0]);
    return null;
  end $$;`;

export function auditOf(table: string, key: string): string {
  return `create trigger audit after insert or update or delete on ${table} for each row execute function audit.note('${key}');`;
}
