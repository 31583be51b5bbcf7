/** A column of the source and one of the target of another type, with how plain SQL says that two values are equal. */
export interface TypePair {
  readonly source: string;
  readonly target: string;
  /** Values of the source's type as SQL literals without a cast. */
  readonly values: readonly string[];
  /** Values of the target's type. */
  readonly others: readonly string[];
  /** SQL for a text that is the same where two values are equal, on each side; `v` is the column. */
  readonly same: readonly [source: string, target: string];
}

const NUMBERS = ['0', '1', '-1.5', '2.50', '2.505', '99.999', '12345.678'];
const TEXTS = ['', 'a', 'A', 'a ', 'abc', 'abcdef', 'ünï', 'null'];
const TIMES = ['2024-01-01 00:00:00', '2024-02-29 12:34:56.7', '2024-02-29 12:34:56.789', '2024-02-29 12:34:56.789012'];

const pair = (
  source: string,
  target: string,
  values: readonly string[],
  others: readonly string[],
  form: string | readonly [string, string] = 'v::text',
): TypePair => ({ source, target, values, others, same: typeof form === 'string' ? [form, form] : form });

const NUMBER = 'trim_scale(v::numeric)::text';
const NUMBER_ARRAY = `array(select trim_scale(x::numeric) from unnest(v) with ordinality as e(x, n) order by n)::text || coalesce(array_length(v, 1), -1)`;

const BOOLEAN_TEXT = `case when v in ('true', 'false') then left(v, 1) else v end`;
/** A host's mask says nothing. */
const HOST = `regexp_replace(v::text, '(^[^:]*)/32$|(:.*)/128$', '\\1\\2')`;
const MACS = ['08:00:2b:01:02:03:04:05', '08:00:2b:ff:fe:01:02:03'];

export const TYPE_PAIRS: readonly TypePair[] = [
  pair('int', 'bigint', ['0', '7', '-2147483648'], ['7', '9']),
  pair('bigint', 'numeric', ['0', '7', '9007199254740993'], ['7.0', '7.5'], NUMBER),
  pair('numeric', 'numeric(10,2)', NUMBERS, ['1.00', '2.51', '99.99'], NUMBER),
  pair('numeric', 'numeric(6,1)', NUMBERS, ['1.0', '2.5'], NUMBER),
  pair('numeric', 'rounded', NUMBERS, ['1', '2.5'], NUMBER),
  pair('numeric(12,4)', 'numeric', NUMBERS, NUMBERS, NUMBER),
  pair('float8', 'real', ['0', '0.5', '0.1', '1e30', '0.1234567890123'], ['0.5', '0.25'], 'v::float8::text'),
  pair('real', 'float8', ['0.5', '0.1'], ['0.5', '0.1'], 'v::float8::text'),
  pair('text', 'varchar(3)', TEXTS, ['a', 'abc']),
  pair('varchar(6)', 'text', TEXTS, TEXTS),
  pair('text', 'short', TEXTS, ['a', 'abc']),
  pair('text', 'jsonb', ['{"a": 1}', '{"b":1, "a":1}', '[1, 2]', '1.0', '"x"'], ['{"a": 1}', '[]']),
  pair('jsonb', 'jsonb', ['{"a": 1}', '{"a": 2}', 'null'], ['{"a": 1}', '[]']),
  pair('timestamp(6)', 'timestamp(3)', TIMES, TIMES),
  pair('timestamptz', 'timestamptz(0)', TIMES, TIMES),
  pair('date', 'timestamp', ['2024-01-01', '2024-02-29'], TIMES, 'v::timestamp::text'),
  pair('time(6)', 'time(2)', ['12:00:00', '12:00:00.123456'], ['12:00:00', '12:00:00.12']),
  pair('interval', 'interval(1)', ['1 day', '1.25 seconds'], ['1 day', '1.3 seconds']),
  pair('uuid', 'uuid', ['0a0a0a0a-0000-0000-0000-000000000001'], ['0a0a0a0a-0000-0000-0000-000000000002']),
  pair('boolean', 'boolean', ['t', 'f'], ['t', 'f']),
  pair('bytea', 'bytea', ['\\x00ff', ''], ['\\x01']),
  pair('inet', 'inet', ['10.0.0.1', '10.0.0.0/8'], ['10.0.0.1/32', '::1']),
  pair('bit(4)', 'bit(4)', ['0101', '1111'], ['0000']),
  pair('int[]', 'bigint[]', ['{}', '{1,2}', '{1,null}'], ['{1,2}', '{3}']),
  pair('numeric[]', 'numeric(6,1)[]', ['{}', '{1.5}', '{1.55,2}'], ['{1.5}', '{2}'], NUMBER_ARRAY),
  pair('numeric', 'integer', NUMBERS, ['1', '2'], NUMBER),
  pair('float8', 'bigint', ['0', '7', '0.5', '1e30'], ['7', '9'], NUMBER),
  pair('money', 'numeric', ['0', '1.25', '-99.99'], ['1.25', '2.505'], NUMBER),
  pair('numeric', 'money', NUMBERS, ['1.00', '2.51'], NUMBER),
  pair('boolean', 'integer', ['t', 'f'], ['0', '1', '2'], 'v::integer::text'),
  pair('integer', 'boolean', ['0', '1', '5'], ['t', 'f'], 'v::integer::text'),
  pair('boolean', 'text', ['t', 'f'], ['t', 'true', 'f', 'false', 'no'], [`left(v::text, 1)`, BOOLEAN_TEXT]),
  pair('inet', 'varchar', ['10.0.0.1', '10.0.0.0/8', '::1'], ['10.0.0.1', '10.0.0.1/32', 'x'], [HOST, HOST]),
  pair('timestamp', 'date', TIMES, ['2024-01-01', '2024-02-29'], 'v::timestamp::text'),
  pair('text', 'integer', ['5', '05', 'x', '7'], ['5', '7']),
  pair('uuid', 'text', ['0a0a0a0a-0000-0000-0000-000000000001'], ['0a0a0a0a-0000-0000-0000-000000000001', 'x']),
  pair('char(5)', 'text', ['a', 'abc'], ['a', 'abc', 'b']),
  pair('json', 'jsonb', ['{"a": 1}', '{"b":1, "a":1}', '[1, 2]'], ['{"a": 1}', '[]'], 'v::jsonb::text'),
  pair('macaddr8', 'macaddr', MACS, ['08:00:2b:01:02:03'], 'v::macaddr8::text'),
  pair('text[]', 'text[]', ['{}', '{a,"b c",null}'], ['{a}', '{"x,y"}']),
];

/** The types of the target that are no part of PostgreSQL. */
export const TYPE_PAIR_DOMAINS = `create domain rounded as numeric(8,1); create domain short as varchar(4)`;
