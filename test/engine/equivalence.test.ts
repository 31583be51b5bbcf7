import fc from 'fast-check';
import type { TablePair } from '../../contracts/table-pair';
import { foldCase, sameText } from '../../engine/fold';
import { findDiffering, settle } from '../../engine/settle';
import { EnginePair, findDifferences, namesOf } from '../support/engine';

type Values = readonly (string | null)[];
type Rule = Pick<TablePair, 'tolerance' | 'text'>;

const within = (number: string): Rule => ({ tolerance: { v: { number } } });
const withinTime = (microseconds: string): Rule => ({ tolerance: { v: { microseconds } } });
const text = (words: string): Rule => ({
  text: { v: { trim: words.includes('trim'), caseless: words.includes('caseless') } },
});

describe('columns with a tolerance, or texts of which something is left out', () => {
  let pair: EnginePair;
  beforeAll(async () => {
    pair = await EnginePair.create('equivalence');
  });
  afterAll(() => pair.drop());

  async function fill(types: readonly [string, string], rows: readonly Values[]) {
    for (const [side, type, i] of [
      ['source', types[0], 0],
      ['target', types[1], 1],
    ] as const) {
      await pair[side].query(`drop table if exists t; create table t (id int primary key, v ${type}, w int)`);
      await pair[side].query(
        `insert into t select n, v::${type}, 0 from unnest($1::text[]) with ordinality as u(v, n)`,
        [rows.map((row) => row[i])],
      );
    }
  }

  /** Which of the value pairs differ, by number; the same for chunks of every size. */
  async function differing(types: readonly [string, string], rows: readonly Values[], rule: Rule) {
    await fill(types, rows);
    const inspected = await pair.inspect('t', rule);
    const found = await findDifferences(inspected, 50_000);
    for (const chunkRows of [1, 7])
      expect(namesOf(await findDifferences(inspected, chunkRows))).toEqual(namesOf(found));
    return new Set(found.map(({ key }) => Number(key['id']) - 1));
  }

  async function check(
    types: readonly [string, string],
    rule: Rule,
    same: readonly Values[],
    other: readonly Values[],
  ) {
    const both = [...same, ...other].flatMap(([a = null, b = null]) => [
      [a, b],
      [b, a],
    ]);
    const found = await differing(types, both, rule);
    expect(both.filter((_, i) => found.has(i))).toEqual(both.slice(2 * same.length));
  }

  describe('numbers', () => {
    it.each([
      ['numeric', 'numeric'],
      ['numeric(30,6)', 'numeric'],
      ['double precision', 'double precision'],
      ['numeric', 'double precision'],
    ])('%s and %s are equal up to the tolerance, exactly', (source, target) =>
      check(
        [source, target],
        within('0.01'),
        [
          ['0.1', '0.11'],
          ['1.005', '1.015'],
          ['-0.005', '0.005'],
          ['1e-5', '0.01001'],
          ['NaN', 'NaN'],
          [null, null],
        ],
        [
          ['0.1', '0.110001'],
          ['-0.005', '0.006'],
          ['NaN', '0'],
          ['0', null],
          ['NaN', null],
        ],
      ),
    );

    it('keep every digit of a numeric', () =>
      check(
        ['numeric', 'numeric'],
        within('0.00000000000000000001'),
        [['12345678901234567890.00000000000000000001', '12345678901234567890.00000000000000000002']],
        [['12345678901234567890.00000000000000000001', '12345678901234567890.000000000000000000021']],
      ));

    it('are near no infinity, and infinite only alike', () =>
      check(
        ['numeric', 'double precision'],
        within('1e300'),
        [
          ['Infinity', 'Infinity'],
          ['-Infinity', '-Infinity'],
          ['1e300', '0'],
        ],
        [
          ['Infinity', '-Infinity'],
          ['Infinity', '1e300'],
          ['Infinity', 'NaN'],
          ['-Infinity', null],
        ],
      ));

    it('of other types and other widths are taken as they are printed', async () => {
      await check(['real', 'double precision'], within('0'), [['0.1', '0.1']], [['0.1', '0.2']]);
      await check(['bigint', 'smallint'], within('2'), [['5', '7']], [['5', '8']]);
      await check(['money', 'numeric'], within('0.01'), [['1234.50', '1234.51']], [['-1234.50', '-1234.52']]);
      await check(
        ['double precision', 'double precision'],
        within('0'),
        [['1e-07', '0.0000001']],
        [['1e308', '-1e308']],
      );
    });

    it('agree with exact arithmetic, whatever the digits', async () => {
      const decimal = fc.tuple(fc.bigInt(-50_000n, 50_000n), fc.nat(12)).map(([digits, scale]) => ({ digits, scale }));
      const scaled = (n: { digits: bigint; scale: number }) => n.digits * 10n ** BigInt(12 - n.scale);
      const written = ({ digits, scale }: { digits: bigint; scale: number }) => `${digits}e-${scale}`;
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(decimal, decimal), { minLength: 200, maxLength: 400 }),
          decimal.map((n) => (n.digits < 0n ? { ...n, digits: -n.digits } : n)),
          async (pairs, tolerance) => {
            await fill(
              ['numeric', 'numeric'],
              pairs.map((two) => two.map(written)),
            );
            const found = await pair.differences('t', within(written(tolerance)), 50_000);
            const expected = pairs.flatMap(([a, b], i) => {
              const distance = scaled(a) - scaled(b);
              return (distance < 0n ? -distance : distance) > scaled(tolerance) ? [String(i + 1)] : [];
            });
            expect(found.map(({ key }) => key['id']).sort()).toEqual(expected.sort());
          },
        ),
        { numRuns: 15 },
      );
    });
  });

  describe('times', () => {
    it.each([
      ['timestamptz', 'timestamptz'],
      ['timestamp', 'timestamptz'],
    ])('%s and %s are equal up to the tolerance, to the microsecond', (source, target) =>
      check(
        [source, target],
        withinTime('2000000'),
        [
          ['2024-05-05 10:00:00', '2024-05-05 10:00:02'],
          ['1999-12-31 23:59:59.5', '2000-01-01 00:00:01.5'],
          ['0044-03-15 00:00:00 BC', '0044-03-15 00:00:01.999999 BC'],
          ['0001-12-31 23:59:59 BC', '0001-01-01 00:00:01'],
          ['294276-12-31 23:59:58', '294276-12-31 23:59:59.999999'],
          ['infinity', 'infinity'],
          ['-infinity', '-infinity'],
          [null, null],
        ],
        [
          ['2024-05-05 10:00:00', '2024-05-05 10:00:02.000001'],
          ['0044-03-15 00:00:00 BC', '0044-03-15 00:00:00'],
          ['infinity', '-infinity'],
          ['infinity', '294276-12-31 23:59:59'],
          ['infinity', null],
        ],
      ),
    );

    it('are dates too, also those that no timestamp reaches, and times of day, which do not wrap', async () => {
      const day = withinTime(String(86_400_000_000));
      await check(
        ['date', 'date'],
        day,
        [
          ['5874897-12-30', '5874897-12-31'],
          ['0001-12-31 BC', '0001-01-01'],
        ],
        [
          ['2024-01-01', '2024-01-03'],
          ['infinity', '5874897-12-31'],
        ],
      );
      await check(['date', 'timestamptz'], day, [['2024-01-01', '2024-01-02']], [['2024-01-01', '2024-01-03']]);
      await check(['time', 'time'], withinTime('1'), [['10:00', '10:00:00.000001']], [['00:00', '24:00']]);
    });
  });

  describe('texts', () => {
    it('trimmed: spaces at the ends, and nothing else', () =>
      check(
        ['text', 'varchar'],
        text('trim'),
        [
          ['a b', '  a b '],
          ['', '   '],
          [null, null],
        ],
        [
          ['a b', 'a  b'],
          ['a', 'a\t'],
          ['a', 'a\n'],
          ['a', 'a\u00a0'],
          ['a', 'A'],
          ['', null],
          [' ', null],
        ],
      ));

    it('caseless: by full case folding', () =>
      check(
        ['text', 'text'],
        text('caseless'),
        [
          ['straße', 'STRASSE'],
          ['STRAẞE', 'strasse'],
          ['ὈΔΥΣΣΕΎΣ', 'ὀδυσσεύς'],
          ['σας', 'ΣΑΣ'],
          ['İ', 'i\u0307'],
          ['\u212aelvin', 'KELVIN'],
          ['ﬁ', 'FI'],
          ['Éa', 'éA'],
          ['ǆ', 'ǅ'],
        ],
        [
          ['İ', 'i'],
          ['ı', 'i'],
          ['ı', 'I'],
          ['é', 'e\u0301'],
          ['a', 'a '],
          ['a', 'á'],
          ['o', '0'],
          ['null', null],
        ],
      ));

    it('both, also in types that are read as text', async () => {
      await check(['text', 'varchar(9)'], text('trim caseless'), [[' Aß', 'ASS ']], [['A', 'A\t']]);
      await check(['char(5)', 'text'], text('caseless'), [['a', 'A']], [['a', 'b']]);
      const ids = ['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'] as const;
      await fill(['text', 'uuid'], [ids]);
      expect(await pair.differences('t')).toHaveLength(1);
      expect(await pair.differences('t', text('caseless'))).toEqual([]);
    });

    it('that differ in ASCII case and outer spaces only are told equal by their hashes alone', async () => {
      await fill(['text', 'text'], [[' Abc', 'aBC  ']]);
      const { sides } = await pair.inspect('t', text('trim caseless'));
      const hash = async (role: 'source' | 'target') => pair[role].query(`select ${sides[role].rowHash} as h from t`);
      expect(await hash('source')).toEqual(await hash('target'));
    });

    it('fold as the casefold() of PostgreSQL does, every character that both know', async () => {
      const rows = await pair.source.query(
        `select string_agg(to_hex(c), ' ') as codes, f from (
           select c, casefold(chr(c) collate "pg_unicode_fast") collate "C" as f from generate_series(1, 1114111) as c
            where c not between 55296 and 57343 and unicode_assigned(chr(c))) as x
          group by f`,
      );
      const known = (codes: string) => codes.split(' ').map((code) => String.fromCodePoint(Number.parseInt(code, 16)));
      const folds = rows.map(({ codes }) => known(codes ?? '').filter((each) => /\P{Cn}/u.test(each)));
      expect(folds.filter((alike) => new Set(alike.map(foldCase)).size > 1)).toEqual([]);
      const ours = new Set(folds.flatMap(([first]) => (first === undefined ? [] : [foldCase(first)])));
      expect(ours.size).toBe(folds.filter((alike) => alike.length > 0).length);
      expect(ours.size).toBeGreaterThan(100_000);
    });

    it('fold alike however they are cut, and are equal to themselves', () => {
      fc.assert(
        fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
          expect(foldCase(a + b)).toBe(foldCase(a) + foldCase(b));
          expect(foldCase(foldCase(a))).toBe(foldCase(a));
          expect(sameText({ trim: true, caseless: true }, ` ${a}`, a)).toBe(true);
        }),
      );
    });
  });

  describe('a row', () => {
    beforeEach(() =>
      fill(
        ['numeric', 'numeric'],
        [
          ['1', '1.001'],
          ['2', '2.001'],
          ['3', '9'],
        ],
      ),
    );

    it('differs in the columns beyond their tolerance only, and so it is read again and verified', async () => {
      await pair.target.query('update t set w = 1 where id = 2');
      const { comparison, sides } = await pair.inspect('t', within('0.01'));
      const found = await findDifferences({ comparison, sides }, 50_000);
      expect(namesOf(found)).toEqual(['field_mismatch ["2"] w', 'field_mismatch ["3"] v']);
      expect(await settle(comparison, sides, found)).toMatchObject([{ state: 'still' }, { state: 'still' }]);
      await pair.target.query('update t set w = 0; update t set v = 3.0099 where id = 3');
      expect(await settle(comparison, sides, found)).toMatchObject([{ state: 'healed' }, { state: 'healed' }]);
      expect(
        (await findDiffering(comparison, sides, [['1'], ['2'], ['3']])).filter((difference) => difference !== null),
      ).toHaveLength(0);
      await pair.target.query('update t set v = 3.0101 where id = 3');
      expect(
        (await findDiffering(comparison, sides, [['1'], ['2'], ['3']])).filter((difference) => difference !== null),
      ).toHaveLength(1);
    });

    it('is said to count as equal', async () => {
      const note = async (rule: Rule) => (await pair.inspect('t', rule)).comparison.notes;
      expect(await note(within('0.01'))).toEqual(['v: values within 0.01 of each other count as equal']);
      await pair.both('drop table t; create table t (id int primary key, v timestamp)');
      expect(await note(withinTime('2000000'))).toEqual(['v: values within 2 s of each other count as equal']);
      expect(await note(withinTime('1500'))).toEqual(['v: values within 1500 µs of each other count as equal']);
      await pair.both('drop table t; create table t (id int primary key, v text)');
      expect(await note(text('trim caseless'))).toEqual([
        'v: compared without regard to spaces at both ends and to upper and lower case',
      ]);
    });
  });

  it.each([
    ['int', within('1'), 'x', 'COLUMN_NOT_FOUND', 'no column x is on both sides; these are: id, v'],
    ['text', within('1'), 'v', 'CONFIG_INVALID', 'found text in the source and text in the target, allowed: numbers'],
    ['interval', withinTime('1'), 'v', 'CONFIG_INVALID', 'found interval in the source'],
    ['date', within('1'), 'v', 'CONFIG_INVALID', 'found date in the source'],
    ['numeric(9,2)', withinTime('1'), 'v', 'CONFIG_INVALID', 'found numeric(9,2) in the source'],
    ['int', text('trim'), 'v', 'CONFIG_INVALID', 'found integer in the source'],
  ])('of type %s are refused where the rule does not fit: %j for %s', async (type, rule, name, code, message) => {
    await pair.both(`drop table if exists t; create table t (id int primary key, v ${type})`);
    const [[field, { v }]] = Object.entries(rule) as [[string, { v: never }]];
    const refused = pair.inspect('t', { [field]: { [name]: v } });
    await expect(refused).rejects.toMatchObject({ code });
    await expect(refused).rejects.toThrow(`table t: ${field}.${name}: ${message}`);
  });

  describe('of types of the users own, that are one in the source and another in the target', () => {
    const OWN: readonly (readonly [string, string, string, string, readonly [string, string]])[] = [
      ['a composite whose number is rounded', 'as (n numeric(6,2))', 'as (n numeric(5,1))', 'own', ['(1.26)', '(1.3)']],
      [
        'a composite whose time is rounded',
        'as (a timestamp(6))',
        'as (a timestamp(0))',
        'own',
        ['("2024-01-01 00:00:00.4")', '("2024-01-01 00:00:00")'],
      ],
      [
        'an array of composites',
        'as (n numeric, b text)',
        'as (n numeric(5,1), b text)',
        'own[]',
        ['{"(1.26,x)"}', '{"(1.3,x)"}'],
      ],
      [
        'a composite of one whose number is rounded',
        'as (n numeric(6,2)); create type public.outer_own as (o public.own, b int)',
        'as (n numeric(5,1)); create type public.outer_own as (o public.own, b int)',
        'outer_own',
        ['("(1.26)",1)', '("(1.3)",1)'],
      ],
      ['a composite whose text is padded', 'as (c text)', 'as (c char(3))', 'own', ['(x)', '("x  ")']],
      [
        'a composite whose number is no float',
        'as (n numeric)',
        'as (n float4)',
        'own',
        ['(0.123456789)', '(0.12345679)'],
      ],
    ];

    it.each(OWN)(
      '%s: a value that the target would take for its own only after a change differs',
      async (_, source, target, type, [a, b]) => {
        await pair.both(
          'drop table if exists t; drop type if exists public.outer_own; drop type if exists public.own cascade',
        );
        for (const [side, made, value] of [
          ['source', source, a],
          ['target', target, b],
        ] as const) {
          await pair[side].query(
            `create type public.own ${made}; create table t (id int primary key, v public.${type})`,
          );
          await pair[side].query(`insert into t select g, $1::public.${type} from generate_series(1, 3) g`, [value]);
        }
        // Converted to the target's type, the two would be equal: that is what must not count.
        const [{ same } = {}] = await pair.target.query(
          `select array[$1::public.${type}] = array[v] as same from t where id = 1`,
          [a],
        );
        expect(same).toBe('t');
        const found = await findDifferences(await pair.inspect('t'), 50_000);
        expect(found.map(({ type, key, differences }) => [type, key['id'], differences])).toEqual(
          ['1', '2', '3'].map((id) => ['field_mismatch', id, [{ name: 'v', targetName: 'v', source: a, target: b }]]),
        );
      },
    );

    it('a value that the target holds as it is, and takes for equal, does not differ', async () => {
      await pair.both(`drop table if exists t; drop type if exists public.outer_own; drop type if exists public.own cascade;
        create type public.own as (n numeric, d interval); create table t (id int primary key, v public.own)`);
      await pair.source.query(`insert into t values (1, '(1.50,"1 day")'), (2, '(1.5,"1 day")')`);
      await pair.target.query(`insert into t values (1, '(1.5,24:00:00)'), (2, '(1.6,24:00:00)')`);
      expect(namesOf(await findDifferences(await pair.inspect('t'), 50_000))).toEqual(['field_mismatch ["2"] v']);
    });
  });

  it('are refused where no key tells which rows belong together', async () => {
    await pair.both('drop table if exists t; create table t (v int)');
    const refused = pair.inspect('t', within('1'));
    await expect(refused).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(refused).rejects.toThrow('table t: tolerance.v: the table has no key');
  });

  it('are refused in the key, and where they are excluded', async () => {
    await pair.both('drop table if exists t; create table t (v int primary key, w int)');
    await expect(pair.inspect('t', within('1'))).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    const options = { ...within('1'), key: ['w'], exclude: ['v'] };
    await expect(pair.inspect('t', options)).rejects.toThrow('tolerance.v: it is excluded, and not compared');
  });
});
