import type { Queryable } from '../../database/connection';
import type { KeyValues } from '../../engine/key';
import { ownType, ownValues } from '../../engine/own-type';
import { readRows } from '../../engine/row';
import { TwoServers } from '../support/two-servers';

describe('keys that are compared in another type than a side has', () => {
  let servers: TwoServers;
  beforeAll(async () => {
    servers = await TwoServers.start('own_type');
  });
  afterAll(() => servers.remove());
  afterEach(() => servers.clean());

  const at = (i: string) => `('2024-01-01 00:00:00'::timestamp + ${i} * interval '1 day')`;
  const uuid = `('00000000-0000-0000-0000-' || lpad(i::text, 12, '0'))`;
  const CASES: readonly (readonly [string, string, string, string, KeyValues, KeyValues])[] = [
    ['bigint', 'numeric(12,2)', 'i', 'i', ['7'], ['7.5']],
    ['integer', 'text', 'i', 'i', ['7'], ['7.5']],
    ['numeric', 'text', 'i * 0.5', 'i * 0.5', ['7.0'], ['seven']],
    ['uuid', 'text', `${uuid}::uuid`, uuid, ['00000000-0000-0000-0000-000000000007'], ['0']],
    ['char(9)', 'varchar(9)', `'k' || i`, `'k' || i`, ['k7'], ['k7 x']],
    ['date', 'timestamp', `${at('i')}::date`, at('i'), ['2024-01-08 00:00:00'], ['2024-01-08 00:00:01']],
    ['timestamp', 'timestamptz', at('i'), `${at('i')} at time zone 'UTC'`, ['2024-01-08 00:00:00+00'], ['infinity']],
  ];

  it.each(CASES)('%s, compared with %s: rows are found by its index', async (source, target, s, t, held, other) => {
    await servers.pair.source.query(`create table t (k ${source} primary key, a text);
      insert into t select ${s}, 'a' from generate_series(1, 5000) as i; analyze t`);
    await servers.pair.target.query(`create table t (k ${target} primary key, a text);
      insert into t select ${t}, 'a' from generate_series(1, 5000) as i; analyze t`);
    const { comparison, sides } = await servers.pair.inspect('t');
    for (const side of [sides.source, sides.target]) {
      const plans: string[] = [];
      const explaining = (session: Queryable): Queryable => ({
        query: async (text, values) => {
          const { rows } = await session.query<Record<'QUERY PLAN', string>>(`explain ${text}`, values);
          plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
          return session.query(text, values);
        },
      });
      const read = (keys: readonly KeyValues[]) =>
        side.database.withSession((session) => readRows(explaining(session), comparison, side, keys));
      expect([...(await read([held, other])).keys()]).toEqual([JSON.stringify(held)]);
      expect((await read([other])).size).toBe(0);
      expect((await read([[null]])).size).toBe(0);
      for (const plan of plans) expect(plan).not.toMatch(/Seq Scan on t/);
    }
  });

  it('takes no other type, and no text that the type cannot hold', () => {
    expect(ownType('double precision', 'numeric')).toBeNull();
    expect(ownType('jsonb', 'text')).toBeNull();
    expect(ownType('date', 'text')).toBeNull();
    const texts = ['1', '-9223372036854775808', '9223372036854775808', '1.5', ' 1', '', 'NaN', null, '1e3'];
    expect(ownValues('bigint', texts)).toEqual(['1', '-9223372036854775808']);
    expect(ownValues('numeric', texts)).toEqual(['1', '-9223372036854775808', '9223372036854775808', '1.5', 'NaN']);
  });
});
