import { bulkOf, insertColumns } from '../../activities/bulk-insert';
import { applyContext, cascadesIn } from '../../activities/effects';
import type { ApplyContext } from '../../engine/apply';
import { insertInBulk, type BulkInsert } from '../../engine/bulk-insert';
import { nextInsertPage } from '../../ledger/insert-page';
import { CorrectionRun } from '../support/correction-run';

const AUTO = 'corrections: { missing: auto, mismatched: auto, extra: auto }';

describe('inserting many rows', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await CorrectionRun.create('bulk_insert');
  });
  afterAll(() => run.drop());

  const contextOf = async (runId: string, table: string): Promise<ApplyContext> => {
    const comparison = await run.resources.comparison(runId, table);
    const cascades = cascadesIn(run.resources, runId, comparison);
    return applyContext(run.resources, { runId, schema: 'trueup', cascades }, comparison);
  };
  const bulkFor = async (runId: string, table: string): Promise<BulkInsert> => {
    const bulk = bulkOf(await contextOf(runId, table), table, 'trueup');
    if (bulk === null) throw new Error(`${table} is not inserted in bulk`);
    return bulk;
  };
  const firstPage = async (runId: string) => {
    const columns = insertColumns(await contextOf(runId, 't'));
    const page = await nextInsertPage(
      await run.resources.ledger(),
      { runId, step: 1, afterSeq: '0' },
      columns,
      100_000,
    );
    if (page === null) throw new Error('no page');
    return page;
  };
  const numberOf = async (sql: string) => Number((await run.target.query(sql))[0]?.['n']);

  /** Renamed, generated, identity and defaulted columns; values that are hard to quote. */
  async function awkward(rows: number): Promise<void> {
    await run.reset(`[{ name: t, source: public.t, columns: { note: remark }, exclude: [seen], ${AUTO} }]`);
    await run.source.query(
      `create table t (id bigint primary key, "Größe ""x""" numeric, note text, at timestamptz, raw bytea, doc jsonb,
                       list text[], seen int, twice bigint generated always as (id * 2) stored);
       insert into t select g, case g % 5 when 0 then 'NaN' when 1 then null else g / 8.0 end,
              (array[null, '', 'null', E'a\\tb\\nc\\\\d"e''f,{}', 'Ünïcödé 🙂'])[1 + g % 5],
              (array['infinity', '-infinity', '2024-02-29 12:00:00.000001+02', null])[1 + g % 4]::timestamptz,
              decode(lpad(to_hex(g), 8, '0'), 'hex'), jsonb_build_object('g', g, 'q', '\\"'),
              array['x', null, '"', g::text], 7
         from generate_series(1, ${rows}) as g`,
    );
    await run.target.query(
      `create table t (id bigint generated always as identity primary key, "Größe ""x""" numeric, remark text,
                       at timestamptz, raw bytea, doc jsonb, list text[], seen int default 3,
                       twice bigint generated always as (id * 2) stored, own text default 'here')`,
    );
  }

  it('writes each once, with one entry and the whole row as its marker, and gives all of them back', async () => {
    await awkward(2_500);
    const { runId, entries } = await run.correct('many');
    expect(entries).toHaveLength(2_500);
    expect(entries.every(({ status }) => status === 'SUCCESS')).toBe(true);
    expect(await run.verify(runId, 't')).toEqual({ checked: 2_500, differing: 0 });
    expect(await numberOf(`select count(*) as n from t where own = 'here' and twice = 2 * id`)).toBe(2_500);
    expect(
      await numberOf(
        `select count(*) as n from trueup.before_image b join t on t.id = (b.record_key ->> 'id')::bigint
          where b.run_id = '${runId}' and b.operation = 'insert' and b.before_row is null and b.relation = '"public"."t"'
            and b.after_row = (select jsonb_object_agg(key, value) from jsonb_each_text(to_jsonb(t)) where key not in ('doc', 'list', 'at', 'raw', 'Größe "x"'))
                || jsonb_build_object('doc', t.doc::text, 'list', t.list::text, 'at', (t.at at time zone 'UTC')::text
                     || case when isfinite(t.at) then '+00' else '' end, 'raw', t.raw::text, 'Größe "x"', t."Größe ""x"""::text)`,
      ),
    ).toBe(2_500);
    const undone = await run.undo(runId);
    expect(undone.filter(({ status }) => status === 'SUCCESS')).toHaveLength(2_500);
    expect(await numberOf('select count(*) as n from t')).toBe(0);
  });

  it('tried again, after a crash before the ledger knew, changes nothing', async () => {
    await awkward(50);
    const runId = await run.compare('again');
    await run.freeze(runId);
    const [bulk, page] = [await bulkFor(runId, 't'), await firstPage(runId)];
    expect((await insertInBulk(bulk, page)).size).toBe(50);
    // Nothing of it is done by this attempt: each is found to be done by its marker, one by one.
    expect((await insertInBulk(bulk, page)).size).toBe(0);
    const entries = await run.apply(runId, (await run.freeze(runId)).digest);
    expect(entries.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 'SUCCESS'));
    expect(await numberOf('select count(*) as n from t')).toBe(50);
    expect(await numberOf(`select count(*) as n from trueup.before_image where run_id = '${runId}'`)).toBe(50);
  });

  it('never writes a row whose source changed or went, nor over one that the target has by now', async () => {
    await awkward(600);
    const { entries } = await run.correct('stale', async () => {
      await run.source.query(`update t set note = 'other' where id = 7; delete from t where id = 300;
        update t set doc = null where id = 600; update t set seen = 8 where id = 8`);
      await run.target.query(`insert into t (id, remark) overriding system value values (5, 'mine')`);
    });
    const other = entries.filter(({ status }) => status !== 'SUCCESS');
    expect(other.map(({ key, status, error }) => [key, status, error])).toEqual([
      ['5', 'SKIPPED_STALE', 'the target has the row by now'],
      ['7', 'SKIPPED_STALE', 'the source row was changed since the plan was made'],
      // An excluded column is not compared, but it is written.
      ['8', 'SKIPPED_STALE', 'the source row was changed since the plan was made'],
      ['300', 'SKIPPED_STALE', 'the source row is gone since the plan was made'],
      ['600', 'SKIPPED_STALE', 'the source row was changed since the plan was made'],
    ]);
    expect(await run.target.query('select remark from t where id = 5')).toEqual([{ remark: 'mine' }]);
    expect(await numberOf('select count(*) as n from t')).toBe(596);
  });

  it('comes to the same as row by row, whatever stands in the way of some', async () => {
    // The key of `slow` has another type in the target, which is not inserted in bulk.
    await run.reset(`[{ name: fast, source: public.fast, ${AUTO} }, { name: slow, source: public.slow, ${AUTO} }]`);
    const table = (name: string, key: string) => `create table ${name} (id ${key} primary key, a text, b int);`;
    await run.source.query(`${table('fast', 'int')} ${table('slow', 'int')}
      insert into fast select g, 'a' || g, g % 1000 from generate_series(1, 1500) as g;
      insert into slow select * from fast`);
    const rules = (name: string) =>
      `alter table ${name} add check (b <> 13); create unique index on ${name} (a);
       insert into ${name} values (9000, 'a44', 1);
       create function ${name}_rule() returns trigger language plpgsql as $$ begin
         if new.id = 21 then return null; end if;
         if new.id = 22 then raise exception 'not 22'; end if;
         if new.id = 23 then new.b := -23; end if;
         return new; end $$;
       create trigger rule before insert on ${name} for each row execute function ${name}_rule();`;
    await run.target.query(`${table('fast', 'int')} ${table('slow', 'bigint')} ${rules('fast')} ${rules('slow')}`);
    const runId = await run.compare('both');
    expect(bulkOf(await contextOf(runId, 'fast'), 'fast', 'trueup')).not.toBeNull();
    await run.target.query(`delete from trueup.reconciliation_log where record_key ->> 'id' = '9000'`);
    const entries = await run.apply(runId, (await run.freeze(runId)).digest);
    const of = (name: string) =>
      entries
        .filter((entry) => entry.table === name)
        .map(({ key, status, error }) => [key, status, error?.replaceAll(name, 'table') ?? null]);
    expect(of('fast')).toEqual(of('slow'));
    expect(
      of('fast')
        .filter(([, status]) => status === 'FAILED')
        .map(([key]) => key),
    ).toEqual(['13', '21', '22', '23', '44', '1013']);
    const rows = (name: string) => run.target.query(`select id::text, a, b from ${name} order by id::int`);
    expect(await rows('fast')).toEqual(await rows('slow'));
    expect(await numberOf('select count(*) as n from fast where id = 23')).toBe(0);
    const images = (name: string) =>
      run.target.query(
        `select record_key, after_row from trueup.before_image where table_name = $1 order by (record_key ->> 'id')::int`,
        [name],
      );
    expect(await images('fast')).toEqual(await images('slow'));
  });
});
