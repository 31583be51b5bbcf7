import { orderRows } from '../../activities/order-rows';
import { numberPlan } from '../../ledger/effect';
import { CorrectionRun } from '../support/correction-run';

const context = { signal: new AbortController().signal, report: () => undefined };
const ROWS = Number(process.env['TRUEUP_TEST_ORDERED_ROWS'] ?? 100_000);

describe('putting rows of a table in the order in which they refer to each other', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await CorrectionRun.create('order_rows');
  });
  afterAll(() => run.drop());

  /** A run with a plan of one insert, or delete, for each row of `rows`, as `(id, up)`. */
  async function planned(operation: 'insert' | 'delete', rows: string): Promise<string> {
    await run.reset('[{ name: t, source: public.t }]');
    await run.both('create table t (id bigint primary key, up bigint references t)');
    const runId = await run.compare('ordered');
    const data = operation === 'insert' ? 'after_data' : 'before_data';
    await run.target.query(
      `insert into trueup.plan_item (run_id, seq, step, table_name, operation, key_digest, record_key, ${data},
                                     check_source, needs_approval)
       select $1, row_number() over (order by id), 1, 't', $2, sha256(id::text::bytea), jsonb_build_object('id', id::text),
              jsonb_build_object('id', id::text, 'up', up::text), true, false
         from (${rows}) as r(id, up)`,
      [runId, operation],
    );
    return runId;
  }

  async function order(runId: string): Promise<number> {
    const ledger = await run.resources.ledger();
    const began = Date.now();
    await ledger.withTransaction('read write', async (session) => {
      await orderRows(run.resources, session, runId, context);
      await numberPlan(session, runId);
    });
    return Date.now() - began;
  }

  /** References whose rows are the wrong way round. */
  const wrong = async (runId: string, operation: 'insert' | 'delete') => {
    const data = operation === 'insert' ? 'after_data' : 'before_data';
    const [row] = await run.target.query(
      `select count(*) as n
         from trueup.plan_item c join trueup.plan_item p on p.run_id = c.run_id and p.${data} ->> 'id' = c.${data} ->> 'up'
        where c.run_id = $1 and p.seq ${operation === 'insert' ? '>' : '<'} c.seq`,
      [runId],
    );
    return Number(row?.['n']);
  };

  it.each(['insert', 'delete'] as const)(
    `takes time in line with the rows, whether they are a chain or a tree: %s of ${ROWS}`,
    async (operation) => {
      // Numbers go the wrong way: each row refers to one with a higher number.
      const runId = await planned(
        operation,
        `select i, case when i < 700 then i + 1 end from generate_series(1, 700) as i
         union all select 1000 + ${ROWS} - i, 1000 + ${ROWS} - nullif(i / 2, 0) from generate_series(1, ${ROWS}) as i`,
      );
      const took = await order(runId);
      if (process.env['TRUEUP_TEST_ORDERED_ROWS']) console.log(`${operation} of ${ROWS}: ${took} ms`);
      expect(await wrong(runId, operation)).toBe(0);
      expect(took).toBeLessThan(Math.max(60_000, ROWS / 5));
    },
    600_000,
  );

  it('leaves rows in a ring, and what hangs on them, to the passes', async () => {
    const runId = await planned('insert', 'values (1, 2), (2, 3), (3, 2), (4, 1), (5, 6), (6, null), (7, 7)');
    await order(runId);
    const keys = (await run.plan(runId)).map(({ key }) => Number(key['id']));
    expect(keys.indexOf(6)).toBeLessThan(keys.indexOf(5));
    expect([...keys].sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });
});
