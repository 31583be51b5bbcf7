import { numberPlan } from '../../ledger/effect';
import { TestLedger } from '../support/ledger';

describe('the numbers of a plan with effects', () => {
  let on: TestLedger;
  beforeAll(async () => {
    on = await TestLedger.create('effect');
  });
  afterAll(() => on.drop());

  const items = (runId: string) =>
    on.test.query(
      `select seq, operation, record_key ->> 'id' as id, effect_of, ctid::text as place from trueup.plan_item
        where run_id = $1 order by seq`,
      [runId],
    );

  it('put effects before their deletes, and leave alone what keeps its number', async () => {
    const runId = await on.run([]);
    await on.test.query(
      `insert into trueup.plan_item (run_id, seq, step, table_name, operation, key_digest, record_key, check_source,
                                     needs_approval, effect_of, effect_level)
       select $1, seq, step, 't', operation, int8send(seq), jsonb_build_object('id', seq::text), true, false, effect_of, level
         from (values (1, 1, 'insert', null, 0), (2, 1, 'insert', null, 0), (3, 2, 'delete', null, 0),
                      (4, 2, 'delete', null, 0), (5, 2, 'delete', 4, 1), (6, 2, 'delete', 3, 2))
              as i(seq, step, operation, effect_of, level)`,
      [runId],
    );
    const before = await items(runId);
    await numberPlan(on.ledger, runId);
    const after = await items(runId);
    expect(after.map(({ seq, id, effect_of: of }) => [seq, id, of])).toEqual([
      ['1', '1', null],
      ['2', '2', null],
      ['3', '6', '5'],
      ['4', '5', '6'],
      ['5', '3', null],
      ['6', '4', null],
    ]);
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
    await numberPlan(on.ledger, runId);
    expect(await items(runId)).toEqual(after);
  });
});
