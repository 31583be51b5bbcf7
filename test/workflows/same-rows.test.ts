import type { InProcess } from '../support/in-process';
import { withDevServer } from '../support/worlds';

let world: InProcess;
const AUTO = 'corrections: { missing: auto, mismatched: auto, extra: auto }';

withDevServer(
  {
    taskQueue: 'same_rows',
    defaults: 'concurrency: 3, guard: { wipe: 100 }',
    tables: `[{ name: spelt, source: public.spelt, ${AUTO} }, { name: filtered, source: public.filtered, where: "state = 'open'", ${AUTO} }]`,
  },
  (started) => {
    ({ world } = started);
  },
);

const found = async (runId: string) =>
  (
    await world.target.query(
      `select table_name || ' ' || inconsistency_type || ' ' || columns::text || ' ' || count(*) as said
         from trueup.reconciliation_log where run_id = $1 group by table_name, inconsistency_type, columns order by 1`,
      [runId],
    )
  ).map(({ said }) => said);

const contents = () =>
  world.target.query(
    `select 's' || s::text as row from spelt s union all select 'f' || f::text from filtered f
      union all select 'c' || c::text from child c order by 1`,
  );

describe('a whole run over rows that are spelt otherwise, or lie in the filter of one side only', () => {
  it('corrects them as the rows that they are, and an undo gives them back', async () => {
    const schema = `create extension citext schema public; create table spelt (k public.citext primary key, n int);
      create table filtered (id int primary key, state text, n int)`;
    await world.source.query(schema);
    await world.target.query(schema);
    await world.source.query(`
      insert into spelt select case when g % 2 = 0 then 'zed' else 'ABE' end || g, g from generate_series(1, 40) g where g <> 40;
      insert into filtered select g, case when g % 4 = 0 then 'closed' else 'open' end, g from generate_series(1, 40) g`);
    await world.target.query(`
      insert into spelt select case when g % 2 = 0 then 'ZED' else 'ABE' end || g, case when g = 7 or g = 8 then 0 else g end
        from generate_series(1, 40) g where g <> 39;
      insert into filtered select g, case when g % 5 = 0 then 'closed' else 'open' end, g from generate_series(1, 40) g;
      create table child (k public.citext references spelt on delete cascade, id int references filtered on delete cascade);
      insert into child select k, n from spelt where n > 20 and n < 39`);
    const before = await contents();
    const handle = await world.startReconcile({ apply: true, requestedBy: 'linus' }, 'same-rows');
    const result = await handle.result();
    expect(await found(result.runId)).toEqual([
      'filtered field_mismatch ["state"] 14',
      'spelt extra_in_target [] 1',
      'spelt field_mismatch ["k", "n"] 1',
      'spelt field_mismatch ["k"] 18',
      'spelt field_mismatch ["n"] 1',
      'spelt missing_in_target [] 1',
    ]);
    // What the policy keeps is left, and said.
    expect(result.status).not.toBe('consistent');
    expect(
      await world.target.query(`select count(*) as n from trueup.correction_log where status <> 'SUCCESS'`),
    ).toEqual([{ n: '0' }]);
    const same = `select lower(k::text) as k, n from spelt order by 1`;
    expect(await world.target.query(same)).toEqual(await world.source.query(same));
    const rows = 'select * from filtered order by id';
    expect(await world.target.query(rows)).toEqual(await world.source.query(rows));
    expect(await world.target.query('select count(*) as n from child')).toEqual([{ n: '18' }]);
    const again = await (await world.startReconcile({ apply: true, requestedBy: 'linus' }, 'again')).result();
    expect(await found(again.runId)).toEqual(['spelt field_mismatch ["k"] 19']);
    await world.undo({ runId: result.runId, requestedBy: 'linus' }, 'same-rows-undo');
    expect(await contents()).toEqual(before);
  });
});
