type Value = string | null;

/** Values of a source's and of a target's type: pairs that are equal in SQL, and pairs that are not. */
export interface ValuePairs {
  readonly source: string;
  readonly target: string;
  readonly equal: readonly (readonly [Value, Value])[];
  readonly different: readonly (readonly [Value, Value])[];
}

function pairs(
  types: string | readonly [string, string],
  equal: ValuePairs['equal'],
  different: ValuePairs['different'],
): ValuePairs {
  const [source, target] = typeof types === 'string' ? [types, types] : types;
  return { source, target, equal, different };
}

const LONG = 'ä"\\,'.repeat(256 * 1024);

/** The types of a side that are no part of PostgreSQL; the target's enum has its labels in another order. */
export const OWN_TYPES = {
  source: `
    create type mood as enum ('sad', 'ok', 'odd');
    create type measure as (size numeric, name text);`,
  target: `
    create type decoy as enum ('x', 'y');
    create type mood as enum ('ok', 'new', 'sad', 'odd');
    create type measure as (size numeric(10, 1), name text);`,
  both: `
    create extension hstore; create extension citext;
    create type part as (size numeric, name text);
    create type spot as (at point);
    create domain amount as numeric check (value < 100);
    create type floatrange as range (subtype = float8);`,
};

export const VALUE_PAIRS: readonly ValuePairs[] = [
  pairs(
    'text',
    [
      ['', ''],
      ['NULL', 'NULL'],
      ['\\N', '\\N'],
      ['a|b,c\t"\'\n', 'a|b,c\t"\'\n'],
      [LONG, LONG],
    ],
    [
      ['', null],
      ['NULL', null],
      ['\\N', null],
      ['null', 'NULL'],
      ['', ' '],
      ['a,b', 'a|b'],
      ['a', 'A'],
      ['é', 'e\u0301'],
      ['a', 'a\u200b'],
      [`${LONG}a`, `${LONG}b`],
    ],
  ),
  pairs(['varchar(9)', 'text'], [['ab', 'ab']], [['ab', 'ab ']]),
  pairs(['name', 'text'], [['ab', 'ab']], [['ab', 'ac']]),
  pairs(['char(5)', 'char(9)'], [['a', 'a']], [['a', 'b']]),
  pairs(
    ['char(5)', 'text'],
    [
      ['a', 'a'],
      ['', ''],
    ],
    [
      ['a', 'a '],
      ['', null],
    ],
  ),
  pairs('char(5)[]', [['{"a  "}', '{a}']], [['{a}', '{b}']]),
  pairs('"char"', [['a', 'a']], [['a', 'b']]),
  pairs(['citext', 'text'], [['a', 'a']], [['a', 'A']]),
  pairs(
    'citext',
    [['Straße', 'STRAßE']],
    [
      ['a', 'b'],
      ['', null],
    ],
  ),
  pairs(
    'numeric',
    [
      ['1.0', '1.00'],
      ['-0.0', '0'],
      ['1e3', '1000'],
      ['NaN', 'NaN'],
      ['Infinity', 'Infinity'],
    ],
    [
      ['NaN', null],
      ['NaN', 'Infinity'],
      ['Infinity', '-Infinity'],
      ['0', null],
      ['5', '-5'],
      ['1', '1.0000000000000000000000001'],
    ],
  ),
  pairs(['numeric(10,2)', 'numeric(12,4)'], [['1.50', '1.5']], [['1.50', '1.5001']]),
  pairs('amount', [['1.5', '1.50']], [['1.5', '-1.5']]),
  pairs(
    'double precision',
    [
      ['-0', '0'],
      ['NaN', '-NaN'],
      ['1e308', '1e308'],
      ['5e-324', '5e-324'],
    ],
    [
      ['NaN', null],
      ['0', null],
      ['0', '5e-324'],
      ['0.1', '0.10000000000000002'],
      ['Infinity', '1.7976931348623157e308'],
      ['1e308', '1.0000000000000002e308'],
    ],
  ),
  pairs(['real', 'double precision'], [['0.1', '0.10000000149011612']], [['0.1', '0.1']]),
  pairs(
    ['numeric', 'double precision'],
    [
      ['1.50', '1.5'],
      ['0.1', '0.1'],
      ['0.0000001', '1e-7'],
      ['-0.0', '-0'],
      ['NaN', 'NaN'],
      ['-Infinity', '-Infinity'],
    ],
    [
      ['0.1', '0.10000000000000002'],
      ['1234567890.12345678', '1234567890.1234567'],
      ['Infinity', '1e308'],
      ['0', null],
    ],
  ),
  pairs(
    ['bigint', 'double precision'],
    [['9007199254740992', '9007199254740992']],
    [['9007199254740993', '9007199254740992']],
  ),
  pairs(['int', 'bigint'], [['-1', '-1']], [['-1', '4294967295']]),
  pairs(['smallint', 'numeric'], [['5', '5.00']], [['5', '5.01']]),
  pairs(['money', 'numeric'], [['1234.50', '1234.5']], [['1234.50', '-1234.5']]),
  pairs(
    ['boolean', 'smallint'],
    [
      ['t', '1'],
      ['f', '0'],
    ],
    [
      ['t', '0'],
      ['t', '2'],
      ['f', null],
    ],
  ),
  pairs('boolean', [['t', 'yes']], [['f', null]]),
  pairs(
    'timestamp',
    [
      ['2024-05-05 10:00:00.000001', '2024-05-05 10:00:00.000001'],
      ['infinity', 'infinity'],
      ['0044-03-15 00:00:00 BC', '0044-03-15 00:00:00 BC'],
    ],
    [
      ['2024-05-05 10:00:00.000001', '2024-05-05 10:00:00.000002'],
      ['0044-03-15 00:00:00 BC', '0044-03-15 00:00:00'],
      ['infinity', '-infinity'],
      ['-infinity', null],
    ],
  ),
  pairs(
    'timestamptz',
    [['2024-07-01 10:00:00+00', '2024-07-01 06:00:00-04']],
    [['2024-07-01 10:00+00', '2024-07-01 10:00-04']],
  ),
  pairs(
    ['timestamp', 'timestamptz'],
    [
      ['2024-07-01 10:00:00', '2024-07-01 10:00:00+00'],
      ['2024-03-31 02:30:00', '2024-03-31 02:30:00+00'],
      ['-infinity', '-infinity'],
      ['0044-03-15 00:00:00 BC', '0044-03-15 00:00:00+00 BC'],
    ],
    [
      ['2024-07-01 10:00:00', '2024-07-01 10:00:00-04'],
      ['2024-07-01 10:00:00', '2024-07-01 10:00:00.000001+00'],
    ],
  ),
  pairs(
    'date',
    [
      ['0001-01-01 BC', '0001-01-01 BC'],
      ['infinity', 'infinity'],
      ['5874897-12-31', '5874897-12-31'],
    ],
    [
      ['0001-01-01 BC', '0001-01-01'],
      ['infinity', '-infinity'],
      ['2000-01-01', null],
    ],
  ),
  pairs(['date', 'timestamp'], [['2024-01-01', '2024-01-01']], [['2024-01-01', '2024-01-01 00:00:01']]),
  pairs(['date', 'timestamptz'], [['2024-01-01', '2024-01-01 00:00+00']], [['2024-01-01', '2024-01-01 00:00-04']]),
  pairs('time', [['10:00', '10:00:00.000']], [['00:00', '24:00']]),
  pairs('timetz', [['10:00+01', '10:00+01']], [['10:00+01', '09:00+00']]),
  pairs(['time', 'timetz'], [['10:00', '10:00+00']], [['10:00', '10:00+01']]),
  pairs(
    'interval',
    [
      ['1 mon', '30 days'],
      ['1 day', '24:00:00'],
      ['-1 mon', '-30 days'],
      ['1 year', '360 days'],
      ['1 mon -1 day', '29 days'],
    ],
    [
      ['1 mon', '31 days'],
      ['1 mon', '-1 mon'],
      ['1 year', '365 days'],
      ['00:00:00.000001', '00:00:00'],
      ['00:00:00', null],
    ],
  ),
  pairs(
    'jsonb',
    [
      ['{"a": 1, "b": 2}', '{"b":2,"a":1}'],
      ['1.0', '1'],
      ['{"a": [1e2, {"b": 2.50}]}', '{"a": [100, {"b": 2.5}]}'],
      ['{"a": 1, "a": 2}', '{"a": 2}'],
      ['"\\u00e9"', '"é"'],
    ],
    [
      ['null', null],
      ['{}', 'null'],
      ['1', '"1"'],
      ['1', '1.0000000001'],
      ['5', '-5'],
      ['{"a": null}', '{}'],
      ['[[1], 2]', '[[1, 2]]'],
    ],
  ),
  pairs(
    'json',
    [
      ['{"a": 1, "b": 2}', '{ "b":2,"a":1.0 }'],
      ['"\\u0000"', '"\\u0000"'],
    ],
    [
      ['{"a": 1}', '{"a": 2}'],
      ['"\\u0000"', '"\\u0001"'],
      ['["\\u0000"]', '[1]'],
      ['null', null],
    ],
  ),
  pairs(['json', 'jsonb'], [['{"a": 1, "b": 2}', '{"b":2.0,"a":1}']], [['{"a": 1}', '{"a": "1"}']]),
  pairs(
    'text[]',
    [
      ['{a,NULL}', '{a,null}'],
      ['{}', '{}'],
    ],
    [
      ['{a,NULL}', '{a,"NULL"}'],
      ['{a,b}', '{"a,b"}'],
      ['{}', null],
      ['{}', '{NULL}'],
      ['{{a,b}}', '{a,b}'],
      ['[0:1]={a,b}', '{a,b}'],
    ],
  ),
  pairs('numeric[]', [['{1.0,NULL}', '{1.00,NULL}']], [['{1.0}', '{-1.0}']]),
  pairs(['numeric(9,1)[]', 'numeric(9,3)[]'], [['{{1.5},{2}}', '{{1.500},{2}}']], [['{1.5}', '{1.501}']]),
  pairs('float8[]', [['{-0,NaN}', '{0,NaN}']], [['{0}', '{NULL}']]),
  pairs(['int[]', 'bigint[]'], [['{1,NULL}', '{1,NULL}']], [['{-1}', '{4294967295}']]),
  pairs(
    'part',
    [['(1.0,"a b")', '(1.00,"a b")']],
    [
      ['(1,)', '(1,"""")'],
      ['(1,)', '(1,"")'],
      ['(,)', null],
    ],
  ),
  pairs('part[]', [['{"(1.0,a)"}', '{"(1.00,a)"}']], [['{"(1,a)"}', '{"(1,b)"}']]),
  // The target holds one digit: 1.25 would become 1.3 in it, and seem equal.
  pairs(
    'measure',
    [['(1.2,a)', '(1.2,a)']],
    [
      ['(1.25,a)', '(1.3,a)'],
      ['(1.2,a)', '(1.2,b)'],
    ],
  ),
  pairs('spot', [['("(1,2)")', '("(1,2)")']], [['("(1,2)")', '("(2,1)")']]),
  pairs(
    'int4range',
    [
      ['[1,3)', '[1,2]'],
      ['empty', '[1,1)'],
    ],
    [
      ['[1,3)', '[1,4)'],
      ['empty', null],
      ['(,)', 'empty'],
    ],
  ),
  pairs(
    'numrange',
    [['[1.0,2)', '[1,2.00)']],
    [
      ['[1,2)', '[1,2]'],
      ['[1,2)', '[-1,2)'],
    ],
  ),
  pairs(
    'tstzrange',
    [['[2024-01-01 00:00+00,)', '[2023-12-31 19:00-05,)']],
    [['[2024-01-01 00:00+00,)', '[2024-01-01 00:00+00,infinity)']],
  ),
  pairs('floatrange', [['[-0,1)', '[0,1)']], [['[0,1)', '[0,1]']]),
  pairs(
    'nummultirange',
    [['{[1.0,2),[3,4)}', '{[3,4),[1,2.0)}']],
    [
      ['{}', null],
      ['{[1,2)}', '{[1,2]}'],
    ],
  ),
  pairs(
    'mood',
    [['sad', 'sad']],
    [
      ['sad', 'ok'],
      ['ok', 'sad'],
      ['ok', null],
    ],
  ),
  pairs(['mood', 'text'], [['odd', 'odd']], [['odd', 'sad']]),
  pairs('mood[]', [['{sad,ok}', '{sad,ok}']], [['{sad,ok}', '{ok,sad}']]),
  pairs(
    'bytea',
    [['\\xDEAD', '\\xdead']],
    [
      ['\\x', null],
      ['\\x00', '\\x0000'],
      ['\\x61', 'b'],
    ],
  ),
  pairs('bit(4)', [['0001', '0001']], [['0001', '0010']]),
  pairs(['bit(3)', 'varbit'], [['001', '001']], [['001', '0010']]),
  pairs(
    'varbit',
    [['', '']],
    [
      ['0', '00'],
      ['', null],
    ],
  ),
  pairs('hstore', [['a=>1, b=>NULL', '"b"=>NULL,"a"=>"1"']], [['a=>NULL', 'a=>"NULL"']]),
  pairs('tsvector', [['a:1 b:2', 'b:2 a:1']], [['a:1', 'a:2']]),
  pairs('tsquery', [['a & b', '(a)&(b)']], [['a & b', 'a | b']]),
  pairs('xml', [['<a x="1"/>', '<a x="1"/>']], [['<a/>', '<a></a>']]),
  pairs('point', [['(1,2)', '(1.0,2)']], [['(1,2)', '(2,1)']]),
  // To the operator `=` two boxes, or two circles, are equal when their areas are.
  pairs('box', [['(1,1),(0,0)', '(0,0),(1,1)']], [['(1,1),(0,0)', '(6,6),(5,5)']]),
  pairs('circle', [['<(1,2),3>', '<(1,2),3>']], [['<(1,2),3>', '<(2,1),3>']]),
  pairs('polygon', [['((0,0),(1,1),(2,0))', '((0,0),(1,1),(2,0))']], [['((0,0),(1,1),(2,0))', '((0,0),(1,1),(3,0))']]),
  pairs('inet', [['10.0.0.1/32', '10.0.0.1']], [['10.0.0.0/8', '10.0.0.0/9']]),
  pairs(['cidr', 'inet'], [['10.0.0.0/8', '10.0.0.0/8']], [['10.0.0.0/8', '10.0.0.0']]),
  pairs(
    ['macaddr', 'macaddr8'],
    [['08:00:2b:01:02:03', '08:00:2b:ff:fe:01:02:03']],
    [['08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05']],
  ),
  pairs(
    'uuid',
    [['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a0eebc999c0b4ef8bb6d6bb9bd380a11']],
    [['00000000-0000-0000-0000-000000000000', null]],
  ),
  pairs(
    ['text', 'uuid'],
    [['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']],
    [['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']],
  ),
  pairs('pg_lsn', [['0/0', '0/00']], [['0/0', 'FFFFFFFF/FFFFFFFF']]),
];
