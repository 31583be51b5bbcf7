import { listSideEffects } from '../../ledger/side-effect';
import { readTally } from '../../ledger/daily';
import { readRunReport } from '../../ledger/report';
import { reportHtml } from '../../client/render/report/html';
import { runDocument } from '../../client/render/report/run';
import { reportText } from '../../client/render/report/text';
import { summaryLines } from '../../client/render/summary';
import { colorsFor } from '../../client/render/colors';
import { CorrectionRun } from '../support/correction-run';

/** What triggers and rules of the target do beside the plan. Plain SQL says what they have done. */
describe('beside the plan', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await CorrectionRun.create('side_effects');
  });
  afterAll(() => run.drop());

  const AUTO = 'corrections: { missing: auto, mismatched: auto, extra: auto }';
  const LOGGED = `create function log() returns trigger language plpgsql as $$ begin
      insert into public.hist_log (what) values (tg_op); return null; end $$;
    create trigger logs after insert or update or delete on hist for each row execute function log()`;
  const TABLES = `create table hist (id int primary key, v text);
    create table hist_log (id int generated always as identity primary key, what text)`;

  /** `hist` lacks 3 and 4, has 1 otherwise and 9 too much; `tables` in YAML, `sql` for the target. */
  async function scene(tables: string, sql: string, sideEffects = ''): Promise<void> {
    await run.reset(tables, `, ${AUTO}${sideEffects === '' ? '' : `, sideEffects: ${sideEffects}`}`);
    await run.both(TABLES);
    await run.source.query(`insert into hist values (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')`);
    await run.target.query(`insert into hist values (1, 'old'), (2, 'b'), (9, 'extra'); ${sql}`);
  }
  const outcomes = (entries: readonly { status: string; error: string | null }[]) =>
    entries.map(({ status, error }) => error ?? status);
  const sideEffects = async (runId: string) =>
    (await listSideEffects(await run.resources.ledger(), runId)).map(
      ({ schema, table, inserted, updated, deleted }) => `${schema}.${table} +${inserted} ~${updated} -${deleted}`,
    );
  const isSame = async () =>
    expect(await run.contents('hist')).toBe(
      JSON.stringify([await run.source.query('select t::text from hist as t order by 1')]),
    );

  it.each([
    ['a row trigger', LOGGED],
    [
      'a statement trigger with a transition table',
      `create function log() returns trigger language plpgsql as $$ begin
         insert into public.hist_log (what) select 'x' from changed; return null; end $$;
       create trigger logs_i after insert on hist referencing new table as changed for each statement execute function log();
       create trigger logs_u after update on hist referencing new table as changed for each statement execute function log();
       create trigger logs_d after delete on hist referencing old table as changed for each statement execute function log()`,
    ],
    [
      'a deferred constraint trigger',
      `create function log() returns trigger language plpgsql as $$ begin
         insert into public.hist_log (what) values (tg_op); return null; end $$;
       create constraint trigger logs after insert or update or delete on hist deferrable initially deferred
         for each row execute function log()`,
    ],
    [
      'two levels of triggers',
      `create table middle (what text);
       create function pass() returns trigger language plpgsql as $$ begin insert into public.middle values (tg_op); return null; end $$;
       create function log() returns trigger language plpgsql as $$ begin insert into public.hist_log (what) values (new.what); return null; end $$;
       create trigger logs after insert or update or delete on hist for each row execute function pass();
       create trigger further after insert on middle for each row execute function log()`,
    ],
    [
      'a trigger that truncates',
      `insert into hist_log (what) values ('kept');
       create function log() returns trigger language plpgsql as $$ begin truncate public.hist_log; return null; end $$;
       create trigger logs after insert or update or delete on hist for each statement execute function log()`,
    ],
    [
      'a trigger that hides in a subtransaction',
      `create function log() returns trigger language plpgsql as $$ begin
         begin insert into public.hist_log (what) values (tg_op); exception when others then null; end; return null; end $$;
       create trigger logs after insert or update or delete on hist for each row execute function log()`,
    ],
  ])('%s in a table of the config fails the corrections, and nothing is changed', async (_name, sql) => {
    await scene('[hist, hist_log]', sql);
    await run.source.query(
      'insert into hist_log (what) select what from (values (1)) as t(x), (select null) as u(what) where false',
    );
    const log = await run.target.query('select * from hist_log order by 1');
    for (const { what } of log) await run.source.query(`insert into hist_log (what) values ('${what}')`);
    const before = await run.contents('hist', 'hist_log');
    const { runId, entries } = await run.correct('config');
    expect(entries.map(({ table, status }) => `${table} ${status}`)).toEqual(entries.map(() => 'hist FAILED'));
    expect(entries).toHaveLength(4);
    for (const { error } of entries)
      expect(error).toMatch(/rows of public\.hist_log \(.*\), which the config names.*logs.* on public\.hist/);
    expect(await run.contents('hist', 'hist_log')).toBe(before);
    expect(await run.images(runId)).toEqual([]);
    expect(await sideEffects(runId)).toEqual([]);
  });

  it('in a table that the config does not name is done and recorded, and an undo says that it stays', async () => {
    await scene('[hist]', LOGGED);
    const { runId, entries } = await run.correct('audit');
    expect(outcomes(entries)).toEqual(['SUCCESS', 'SUCCESS', 'SUCCESS', 'SUCCESS']);
    await isSame();
    const [{ n } = {}] = await run.target.query('select count(*) as n from hist_log');
    expect(n).toBe('4');
    expect(await sideEffects(runId)).toEqual(['public.hist_log +4 ~0 -0']);
    const report = await readRunReport(await run.resources.ledger(), runId);
    expect(report?.sideEffects).toEqual([
      {
        connection: 'modern',
        schema: 'public',
        table: 'hist_log',
        inserted: 4,
        updated: 0,
        deleted: 0,
        truncated: false,
      },
    ]);
    expect(report ? summaryLines(report, colorsFor(false, {})).join('\n') : '').toContain(
      'an undo cannot give it back:\n  public.hist_log on modern: 4 inserted',
    );
    if (!report) throw new Error('no report');
    const document = runDocument(report, await readTally(await run.resources.ledger(), { runId }));
    expect(reportText(document)).toMatch(
      /an undo does not give it back\n[^]*modern [^\w]*public\.hist_log [^\w]*4 [^\w]*0 [^\w]*0 /,
    );
    expect(reportHtml(document)).toMatch(
      /an undo does not give it back<[^]*<td>public\.hist_log<\/td><td class="right">4</,
    );
    const { runId: undoId, plan } = await run.planUndo(runId);
    const undo = await readRunReport(await run.resources.ledger(), undoId);
    expect(undo?.notGivenBack).toEqual(report?.sideEffects);
    expect(outcomes(await run.apply(undoId, plan.digest))).toEqual(['SUCCESS', 'SUCCESS', 'SUCCESS', 'SUCCESS']);
    expect(await run.rows('hist')).toEqual([
      { id: '1', v: 'old' },
      { id: '2', v: 'b' },
      { id: '9', v: 'extra' },
    ]);
    expect(await sideEffects(undoId)).toEqual(['public.hist_log +4 ~0 -0']);
  });

  it('in a partitioned log is named by the partition, and by the table where the config names that', async () => {
    const partitioned = `drop table hist_log; create table hist_log (id int, what text, primary key (id, what)) partition by list (what);
      create table "hist log I" partition of hist_log for values in ('INSERT'); create table hist_log_x partition of hist_log default;
      create sequence s; create function log() returns trigger language plpgsql as $$ begin
        insert into public.hist_log values (nextval('public.s'), tg_op); return null; end $$;
      create trigger logs after insert or update or delete on hist for each row execute function log()`;
    await scene('[hist]', partitioned);
    const { runId } = await run.correct('parts');
    expect(await sideEffects(runId)).toEqual(['public.hist log I +2 ~0 -0', 'public.hist_log_x +2 ~0 -0']);
    await scene('[hist, { name: hist_log, source: hist_log, key: [id, what] }]', partitioned);
    await run.source.query('drop table hist_log; create table hist_log (id int, what text, primary key (id, what))');
    const { entries } = await run.correct('parts');
    expect(entries.map(({ status }) => status)).toEqual(['FAILED', 'FAILED', 'FAILED', 'FAILED']);
    expect(entries[0]?.error).toContain('hist log I');
  });

  it('of a table that was to be changed itself: other rows than those of the plan fail it', async () => {
    await run.reset('[hist]', `, ${AUTO}`);
    await run.both(`create table hist (id int primary key, v text, is_default boolean not null)`);
    await run.source.query(`insert into hist values (1, 'a', false), (2, 'b', false), (3, 'c', true)`);
    await run.target.query(`insert into hist values (1, 'a', false), (2, 'b', false), (4, 'd', false);
      create function one() returns trigger language plpgsql as $$ begin
        update public.hist set v = v || '!' where id <> new.id and id = 2; return null; end $$;
      create trigger keeps after insert on hist for each row when (new.is_default) execute function one()`);
    const { entries } = await run.correct('same');
    expect(entries.map(({ key, status }) => `${key} ${status}`)).toEqual(['3 FAILED', '4 SUCCESS']);
    expect(entries[0]?.error).toMatch(/rows of public\.hist \(1 updated\).*keeps on public\.hist/);
    expect(await run.rows('hist')).toEqual([
      { id: '1', v: 'a', is_default: 'f' },
      { id: '2', v: 'b', is_default: 'f' },
    ]);
  });

  it.each(['before_image', 'side_effect'])(
    'in a table that is named as one of Trueup’s own, %s, counts like in any other',
    async (name) => {
      const named = (sql: string) => sql.replaceAll('hist_log', name);
      await run.reset('[hist]', `, ${AUTO}, sideEffects: forbid`);
      await run.both(named(TABLES));
      await run.source.query(`insert into hist values (1, 'a')`);
      await run.target.query(named(LOGGED));
      const { entries } = await run.correct('named');
      expect(entries.map(({ status }) => status)).toEqual(['FAILED']);
      expect(entries[0]?.error).toContain(`public.${name} (1 inserted)`);
      expect(await run.contents('hist', name)).toBe(JSON.stringify([[], []]));
    },
  );

  it('is a table that is emptied, also where the plan takes rows of it along', async () => {
    await run.reset('[parent]', `, ${AUTO}, sideEffects: forbid`);
    await run.both('create table parent (id int primary key); insert into parent values (1)');
    await run.target.query(`insert into parent values (2);
      create table child (id int primary key, p int references parent on delete cascade);
      insert into child values (10, 2), (11, 1), (12, 1);
      create function empties() returns trigger language plpgsql as $$ begin truncate public.child; return null; end $$;
      create trigger empty after delete on parent for each statement execute function empties()`);
    const before = await run.contents('parent', 'child');
    const { entries } = await run.correct('emptied');
    expect(entries.map(({ status }) => status)).not.toContain('SUCCESS');
    expect(entries.map(({ error }) => error).join()).toMatch(
      /rows of public\.child \(.*truncated\).*empty on public\.parent/,
    );
    expect(await run.contents('parent', 'child')).toBe(before);
  });

  it('by a rule', async () => {
    await scene(
      '[hist, hist_log]',
      `create rule also as on update to hist do also insert into hist_log (what) values ('rule')`,
    );
    const { entries } = await run.correct('rule');
    expect(entries.map(({ operation, status }) => `${operation} ${status}`)).toEqual([
      'insert SUCCESS',
      'insert SUCCESS',
      'update FAILED',
      'delete SUCCESS',
    ]);
    expect(entries[2]?.error).toMatch(/rows of public\.hist_log \(1 inserted\).*a rule/);
  });

  it('is forbidden everywhere where the config says so', async () => {
    await scene('[hist]', LOGGED, 'forbid');
    const { entries } = await run.correct('forbid');
    expect(entries.map(({ status }) => status)).toEqual(['FAILED', 'FAILED', 'FAILED', 'FAILED']);
    expect(entries[0]?.error).toMatch(
      /public\.hist_log \(1 inserted\), which sideEffects: forbid rules out.*logs on public\.hist/,
    );
    expect(await run.rows('hist_log')).toEqual([]);
  });

  it('is allowed in tables of the config that it names, and recorded', async () => {
    await scene(`[{ name: hist, sideEffects: { allow: [hist_log] } }, hist_log]`, LOGGED);
    const { runId, entries } = await run.correct('allow');
    expect(outcomes(entries)).toEqual(['SUCCESS', 'SUCCESS', 'SUCCESS', 'SUCCESS']);
    expect(await sideEffects(runId)).toEqual(['public.hist_log +4 ~0 -0']);
    await isSame();
  });

  it('fails only the rows whose trigger does it, of many', async () => {
    await scene(
      '[hist, hist_log]',
      LOGGED.replace('for each row', 'for each row when (pg_trigger_depth() = 0)').replace(
        'insert or update or delete',
        'insert',
      ),
    );
    await run.target.query(
      `drop trigger logs on hist; create trigger logs after insert on hist for each row when (new.id = 777) execute function log()`,
    );
    await run.source.query(`insert into hist select i, 'x' from generate_series(100, 900) as i`);
    const { entries } = await run.correct('some');
    expect(entries.filter(({ status }) => status !== 'SUCCESS').map(({ key }) => key)).toEqual(['777']);
    expect(await run.rows('hist_log')).toEqual([]);
  });

  it('of all of many rows costs a bounded number of transactions', async () => {
    await scene('[hist, hist_log]', LOGGED.replace('insert or update or delete', 'insert'));
    await run.source.query(`insert into hist select i, 'x' from generate_series(100, 5099) as i`);
    const tried = async () => Number((await run.target.query('select pg_current_xact_id() as n'))[0]?.n);
    const runId = await run.compare('many');
    const { digest } = await run.freeze(runId);
    const before = await tried();
    const entries = await run.apply(runId, digest);
    // One by one they would be more than 5,000; other tests on the server have some of these numbers.
    expect((await tried()) - before).toBeLessThan(2_000);
    const inserts = entries.filter(({ operation }) => operation === 'insert');
    expect([inserts.length, new Set(inserts.map(({ status }) => status))]).toEqual([5002, new Set(['FAILED'])]);
    for (const { error } of inserts) expect(error).toContain('hist_log');
    expect(await run.rows('hist')).toEqual([
      { id: '1', v: 'a' },
      { id: '2', v: 'b' },
    ]);
    expect(await run.rows('hist_log')).toEqual([]);
  });

  it('of most of many rows does not keep the others from being corrected where one that is tried alone succeeds', async () => {
    await scene(
      '[hist, hist_log]',
      `${LOGGED}; drop trigger logs on hist;
       create trigger logs after insert on hist for each row when (new.id < 900) execute function log()`,
    );
    await run.source.query(`insert into hist select i, 'x' from generate_series(100, 1099) as i`);
    const { entries } = await run.correct('most');
    const made = entries.filter(({ status, operation }) => status === 'SUCCESS' && operation === 'insert');
    expect(made).toHaveLength(200);
    expect(await run.rows('hist_log')).toEqual([]);
  });

  it('is none where rows lie in partitions, and where the plan has what a cascade takes', async () => {
    await run.reset('[hist, parent]', `, ${AUTO}`);
    await run.both(`create table parent (id int primary key)`);
    await run.source.query(
      `create table hist (id int primary key, v text); insert into hist values (1, 'a'), (2, 'b'), (11, 'c')`,
    );
    await run.target.query(`create table hist (id int primary key, v text) partition by range (id);
      create table hist_a partition of hist for values from (0) to (10); create table hist_x partition of hist default;
      insert into hist values (1, 'z'), (12, 'a'); insert into parent values (1), (2);
      create table child (id int primary key, p int references parent on delete cascade, q int references parent on delete set null);
      insert into child values (1, 1, 2), (2, null, 1)`);
    const { entries, runId } = await run.correct('parts');
    expect(outcomes(entries)).toEqual(entries.map(() => 'SUCCESS'));
    await isSame();
    expect(await run.rows('child')).toEqual([{ id: '2', p: null, q: null }]);
    expect(await sideEffects(runId)).toEqual([]);
  });

  it('is counted once where the step is tried again, and from a session that has counted before', async () => {
    await scene('[hist]', LOGGED);
    const runId = await run.compare('again');
    const { digest } = await run.freeze(runId);
    await run.apply(runId, digest);
    await (
      await run.resources.ledger()
    )
      .query('delete from trueup.correction_log where run_id = $1', [runId])
      .catch(() => undefined);
    await run.apply(runId, digest);
    expect(await sideEffects(runId)).toEqual(['public.hist_log +4 ~0 -0']);
  });
});
