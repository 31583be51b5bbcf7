-- Two small tables to try Trueup on; run once, when the data folder is empty. Put your own in their place.
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
