-- The tables of source.sql after a migration that went wrong: 3 rows missing, 2 extra, 5 that differ.
create table customers (
  id bigint primary key,
  email text not null,
  updated_at timestamptz not null default now()
);
create table orders (
  id bigint primary key,
  customer_id bigint not null references customers,
  amount numeric(12, 2) not null,
  updated_at timestamptz not null default now()
);
insert into customers (id, email) select n, 'customer' || n || '@example.com' from generate_series(1, 1000) as n;
insert into orders (id, customer_id, amount)
select n, 1 + n % 1000, (n % 9900) / 100.0 from generate_series(1, 5000) as n;
delete from orders where id in (7, 77, 777);
insert into orders (id, customer_id, amount) values (5001, 1, 10.00), (5002, 2, 20.00);
update orders set amount = amount + 0.01 where id in (1000, 2000);
update customers set email = upper(email) where id in (10, 20, 30);
