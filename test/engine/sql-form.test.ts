import { formOf, renameColumns } from '../../engine/detect/sql-form';

const form = (sql: string, withoutCasts = false) => formOf(sql, { schemas: ['public', 'sales'], withoutCasts });

test.each([
  [
    `((status)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))`,
    `(status = ANY (ARRAY['a'::text, 'b'::text]))`,
  ],
  [`'web'::character varying`, `'web'::text`],
  [`'0'::bigint`, `0`],
  [`'-1'::integer`, `'-1'::smallint`],
  [`public.next_code()`, `sales.next_code()`],
  [`'new'::public.status`, `'new'::sales.status`],
  [`((a > 0))`, `(a > 0)`],
  [`"amount" > 0`, `amount > 0`],
])('%s says the same as %s', (one, other) => {
  expect(form(one)).toBe(form(other));
});

test.each([
  [`a > (b - c)`, `(a > b) - c`],
  [`(a + b) * c`, `a + b * c`],
  [`'a (b)'`, `'a b'`],
  [`'x'::bytea`, `'x'::name`],
  [`lower(a)`, `upper(a)`],
  [`'0'`, `0`],
  [`"A" > 0`, `a > 0`],
  [`other.f()`, `public.f()`],
  [`a::date`, `a::timestamp without time zone`],
  [`(a)::character varying(3)`, `a`],
])('%s says something else than %s', (one, other) => {
  expect(form(one)).not.toBe(form(other));
});

test('casts are left out where they are to be', () => {
  expect(form(`(created >= '2015-01-01 00:00:00'::timestamp without time zone)`, true)).toBe(
    form(`(created >= '2015-01-01 00:00:00'::timestamp with time zone)`, true),
  );
  expect(form(`(a)::numeric(12,2) > (0)::numeric`, true)).toBe(form(`a > 0`, true));
});

test('columns are renamed, and nothing else', () => {
  const names = new Map([
    ['lower', 'Low"er'],
    ['date', 'day'],
    ['a', 'b'],
    ['b', 'a'],
  ]);
  expect(renameColumns(`lower(lower) = 'lower' and date::date > x.date and a < b`, names)).toBe(
    `lower("Low""er") = 'lower' and "day"::date > x.date and "b" < "a"`,
  );
});
