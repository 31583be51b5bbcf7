import fc from 'fast-check';
import { EnginePair, findDifferences, type PairOptions } from '../support/engine';
import { cases } from '../support/runs';

type Value = string | null;
type Row = readonly [k: Value, a: Value, b: Value];

/** Few values, so that rows repeat; some look like NULL, like each other, or like two joined. */
const KEYS: readonly Value[] = [
  null,
  null,
  '0',
  '1',
  '-1',
  '4294967295',
  '9223372036854775807',
  '-9223372036854775808',
];
const TEXTS: readonly Value[] = [null, '', 'NULL', 'a', 'A', 'ä', 'a,"b', '"', '\\', 'é', 'e\u0301'];
const NUMBERS: readonly Value[] = [null, '0', '1', '-1', 'NaN', '10000', '0.5', '-0.5'];

const row: fc.Arbitrary<Row> = fc.tuple(
  fc.constantFrom(...KEYS),
  fc.constantFrom(...TEXTS),
  fc.constantFrom(...NUMBERS),
);
const change = fc.constantFrom('same', 'same', 'same', 'dropped', 'doubled', 'other');
const rows = fc.array(fc.record({ row, change, other: row }), { maxLength: 60 });

const PLANS = [
  [1, 8],
  [7, 1],
  [50_000, 8],
] as const;

describe('rows that no key tells apart', () => {
  let pair: EnginePair;
  beforeAll(async () => {
    pair = await EnginePair.create('multisets', {
      sourceOptions: `encoding 'UTF8' locale_provider icu icu_locale 'sv' locale 'C'`,
      targetOptions: `encoding 'UTF8' locale 'C'`,
    });
  });
  afterAll(() => pair.drop());

  async function fill(source: readonly Row[], target: readonly Row[], constraint: string) {
    for (const [role, all] of [
      ['source', source],
      ['target', target],
    ] as const) {
      await pair[role].query(`drop table if exists t; create table t (a text, k int8 ${constraint}, b numeric)`);
      await pair[role].query(
        'insert into t select a, k, b from unnest($1::int8[], $2::text[], $3::numeric[]) as u(k, a, b)',
        [all.map(([k]) => k), all.map(([, a]) => a), all.map(([, , b]) => b)],
      );
    }
  }

  async function found(options: PairOptions) {
    const inspected = await pair.inspect('t', options);
    const lines: string[][] = [];
    for (const [chunkRows, concurrency] of PLANS) {
      const differences = await findDifferences(inspected, chunkRows, concurrency);
      lines.push(
        differences
          .map(({ type, key, counts, differences: columns }) => {
            const values = JSON.stringify(counts ? [key['k'], key['a'], key['b']] : [key['k']]);
            const names = columns.map(({ name }) => name).sort();
            return [type, values, ...(counts ? [`${counts.source}:${counts.target}`] : names)].join(' ');
          })
          .sort(),
      );
    }
    for (const other of lines) expect(other).toEqual(lines[0]);
    return lines[0] ?? [];
  }

  /** What differs, said by plain JavaScript. */
  function counted(source: readonly Row[], target: readonly Row[]): string[] {
    const counts = new Map<string, [number, number]>();
    for (const [side, all] of [source, target].entries()) {
      for (const one of all) {
        const text = JSON.stringify(one);
        const at = counts.get(text) ?? [0, 0];
        at[side === 0 ? 0 : 1] += 1;
        counts.set(text, at);
      }
    }
    return [...counts].flatMap(([text, [s, t]]) =>
      s === t ? [] : [`${s > t ? 'missing_in_target' : 'extra_in_target'} ${text} ${s}:${t}`],
    );
  }

  function keyed(source: readonly Row[], target: readonly Row[]): string[] {
    const [s, t] = [source, target].map((all) => new Map(all.map((one) => [one[0], one]))) as [
      Map<Value, Row>,
      Map<Value, Row>,
    ];
    return [...new Set([...s.keys(), ...t.keys()])].flatMap((k) => {
      const [a, b] = [s.get(k), t.get(k)];
      if (!a) return [`extra_in_target ${JSON.stringify([k])}`];
      if (!b) return [`missing_in_target ${JSON.stringify([k])}`];
      const differ = [...(a[1] === b[1] ? [] : ['a']), ...(a[2] === b[2] ? [] : ['b'])];
      return differ.length === 0 ? [] : [`field_mismatch ${JSON.stringify([k])} ${differ.join(' ')}`];
    });
  }

  const sidesOf = (given: readonly { readonly row: Row; readonly change: string; readonly other: Row }[]) => ({
    source: given.map((one) => one.row),
    target: given.flatMap(({ row: same, change: how, other }) =>
      how === 'dropped' ? [] : how === 'doubled' ? [same, same] : how === 'other' ? [other] : [same],
    ),
  });
  const settings = {
    numRuns: cases(30),
  };

  it('are found by their numbers, for every size of chunks', async () => {
    await fc.assert(
      fc.asyncProperty(rows, async (given) => {
        const { source, target } = sidesOf(given);
        await fill(source, target, '');
        expect(await found({})).toEqual(counted(source, target).sort());
      }),
      settings,
    );
  });

  it('are found beside those that a nullable unique key tells apart', async () => {
    await fc.assert(
      fc.asyncProperty(rows, fc.constantFrom(null, ['k']), async (given, key) => {
        const { source, target } = sidesOf(given);
        const once = (all: readonly Row[]) =>
          all.filter(([k], i) => k === null || all.findIndex((other) => other[0] === k) === i);
        const [s, t] = [once(source), once(target)];
        await fill(s, t, 'unique');
        const isNull = (one: Row) => one[0] === null;
        const expected = [
          ...counted(s.filter(isNull), t.filter(isNull)),
          ...keyed(
            s.filter((one) => !isNull(one)),
            t.filter((one) => !isNull(one)),
          ),
        ];
        expect(await found({ key })).toEqual(expected.sort());
      }),
      settings,
    );
  });
});
