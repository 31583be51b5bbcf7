import { Scenario } from '../support/scenario';

/** In every row of the target something differs that counts as equal; in few of them something else too. */
const CONTENTS = {
  tables: ['payments'],
  schema: `create table payments (id int primary key, amount numeric(12,4), seen timestamptz, name text, city text, doc json, n int);`,
  rows: `insert into payments
    select g, g, timestamptz '2024-01-01 00:00Z' + g * interval '1 hour', 'Name ' || g, 'STRASSE ' || g,
           json_build_object('a', g, 'b', 1), g
      from generate_series(1, 2000) g;`,
  damage: `
    update payments set amount = amount + 0.0099, seen = seen - interval '1.999999 s', name = ' ' || name || '  ',
      city = replace(city, 'STRASSE', 'straße'), doc = json_build_object('b', 1.0, 'a', id);
    update payments set n = n + 1 where id in (7, 1500);
    update payments set amount = amount + 0.0002 where id in (8, 1500);
    update payments set seen = seen - interval '2 us', name = name || E'\\t' where id = 9;
    delete from payments where id = 10;
    insert into payments values (5000, 1, null, null, null, null, null);`,
};
const TABLES = `
  - name: payments
    source: public.payments
    tolerance: { amount: 0.01, seen: 2s }
    text: { name: trim, city: caseless }
    corrections: { missing: auto, mismatched: auto, extra: auto }
    chunkRows: 300`;

describe('a run over columns that count as equal within a tolerance', () => {
  let scenario: Scenario;
  beforeAll(async () => {
    scenario = await Scenario.create({ contents: CONTENTS, tables: TABLES });
    await scenario.startWorker();
  });
  afterAll(() => scenario.remove());

  const allBut = (columns: string) => scenario.target(`select ${columns} from payments where id < 5000 order by id`);

  test('reports, plans, corrects and verifies what is beyond it, and leaves the rest as it is', async () => {
    const before = await allBut('id, city, doc');
    const run = await scenario.trueup('run', '--apply', '--json');
    const report = JSON.parse(run.stdout) as Record<'runId' | 'status' | 'remaining', string>;
    expect(report).toMatchObject({ status: 'applied', remaining: 0 });
    expect(
      await scenario.target(
        `select operation, record_key ->> 'id' as id, array_to_string(array(select jsonb_object_keys(after_data) order by 1), ' ') as columns
           from trueup.plan_item where run_id = $1 order by operation, (record_key ->> 'id')::int`,
        [report.runId],
      ),
    ).toEqual([
      { operation: 'delete', id: '5000', columns: '' },
      { operation: 'insert', id: '10', columns: 'amount city doc id n name seen' },
      { operation: 'update', id: '7', columns: 'n' },
      { operation: 'update', id: '8', columns: 'amount' },
      { operation: 'update', id: '9', columns: 'name seen' },
      { operation: 'update', id: '1500', columns: 'amount n' },
    ]);
    expect((await allBut('id, city, doc')).filter(({ id }) => id !== '10')).toEqual(before);
    expect(await scenario.target('select id, amount, n, name from payments where id in (6, 7, 8) order by id')).toEqual(
      [
        { id: '6', amount: '6.0099', n: '6', name: ' Name 6  ' },
        { id: '7', amount: '7.0099', n: '7', name: ' Name 7  ' },
        { id: '8', amount: '8.0000', n: '8', name: ' Name 8  ' },
      ],
    );
  });

  test('finds nothing more, and says what it took for equal', async () => {
    const again = JSON.parse((await scenario.trueup('run', '--json')).stdout) as {
      readonly status: string;
      readonly tables: readonly { readonly notes: readonly string[] }[];
    };
    expect(again.status).toBe('consistent');
    expect(again.tables[0]?.notes).toEqual(
      expect.arrayContaining([
        'amount: values within 0.01 of each other count as equal',
        'seen: values within 2 s of each other count as equal',
        'name: compared without regard to spaces at both ends',
        'city: compared without regard to upper and lower case',
      ]),
    );
  });

  test('ends with the path of a rule that does not fit', async () => {
    scenario.writeConfig({ tables: TABLES.replace('{ amount: 0.01,', '{ amount: 1s,') });
    const run = await scenario.trueup('run', '--json');
    expect(run.code).toBe(2);
    expect(run.stdout + run.stderr).toContain('table payments: tolerance.amount: found numeric(12,4) in the source');
  });
});
