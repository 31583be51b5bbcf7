import { planScript } from '../../../client/commands/plan-script';
import { loadConfig } from '../../../config/load';
import { readNewestReport } from '../../../ledger/report';
import { CorrectionRun } from '../../support/correction-run';
import { runScript } from '../../support/psql';

/** What triggers do beside the plan while its script runs. Plain SQL says what they have done. */
describe('beside the plan, the script of it', () => {
  let run: CorrectionRun;
  let number = 0;
  beforeAll(async () => {
    run = await CorrectionRun.create('plan_script_beside');
  });
  afterAll(() => run.drop());

  const LOGS = `create function log() returns trigger language plpgsql as $$ begin
      insert into public.hist_log (what) values (tg_op); return null; end $$;
    create trigger logs after insert or update or delete on hist for each row execute function log()`;

  /** Makes the script of a plan with four corrections of `hist`, and runs it; `sql` makes the triggers of the target. */
  async function scripted(tables: string, sql: string, sideEffects = '') {
    const options = sideEffects === '' ? '' : `, sideEffects: ${sideEffects}`;
    await run.reset(tables, `, corrections: { missing: auto, mismatched: auto, extra: auto }${options}`);
    await run.both(`create table hist (id int primary key, v text);
      create table hist_log (id int generated always as identity primary key, what text)`);
    await run.source.query(`insert into hist values (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')`);
    await run.target.query(`insert into hist values (1, 'old'), (2, 'b'), (9, 'extra'); ${sql}`);
    const runId = await run.compare(`beside-${(number += 1)}`);
    await run.freeze(runId);
    const ledger = await run.resources.ledger();
    const report = await readNewestReport(ledger, runId);
    if (!report) throw new Error(`no run ${runId}`);
    const config = loadConfig({ path: run.configPath, env: {}, cwd: '/' });
    let script = '';
    for await (const piece of planScript({ config, ledger }, report, undefined)) script += piece;
    return { script, before: await run.contents('hist', 'hist_log') };
  }
  const psql = (script: string, ...flags: readonly string[]) =>
    runScript(run.target.url, script, 'trueup_override', ...flags);
  const hist = async () =>
    (await run.target.query('select id, v from hist order by 1')).map(({ id, v }) => `${id}${v}`);
  const logged = async () => Number((await run.target.query('select count(*) as n from hist_log'))[0]?.n);

  it.each([
    ['a row trigger', LOGS],
    [
      'a deferred trigger',
      `create function log() returns trigger language plpgsql as $$ begin
         insert into public.hist_log (what) values (tg_op); return null; end $$;
       create constraint trigger logs after insert or update or delete on hist deferrable initially deferred
         for each row execute function log()`,
    ],
    [
      'a trigger that truncates',
      `create function log() returns trigger language plpgsql as $$ begin truncate public.hist_log; return null; end $$;
       create trigger logs after insert or update or delete on hist for each statement execute function log()`,
    ],
    [
      'a rule',
      `create rule ri as on insert to hist do also insert into hist_log (what) values ('i');
       create rule ru as on update to hist do also insert into hist_log (what) values ('u');
       create rule rd as on delete to hist do also insert into hist_log (what) values ('d')`,
    ],
  ])('leaves what %s changes a table of the config by', async (_name, triggers) => {
    const { script, before } = await scripted('[hist, hist_log]', triggers);
    const { code, messages } = await psql(script);
    expect(messages.match(/LEFT \d+: .*hist_log.*beside the plan/g)).toHaveLength(4);
    expect(code).toBe(3);
    expect(await run.contents('hist', 'hist_log')).toBe(before);
  });

  it('leaves those rows alone whose trigger does it', async () => {
    const { script } = await scripted(
      '[hist, hist_log]',
      LOGS.replace('update or delete', 'update').replace('for each row', 'for each row when (new.id = 3)'),
    );
    const { code, messages } = await psql(script);
    expect(messages.match(/LEFT \d+: insert .*"3".*hist_log/g)).toHaveLength(1);
    expect([code, await hist(), await logged()]).toEqual([3, ['1a', '2b', '4d'], 0]);
  });

  it('leaves what changes other rows of the table itself', async () => {
    const { script } = await scripted(
      '[hist]',
      `create function other() returns trigger language plpgsql as $$ begin
         update public.hist set v = 'touched' where id = 2; return null; end $$;
       create trigger other after update on hist for each row when (pg_trigger_depth() = 0) execute function other()`,
    );
    const { code, messages } = await psql(script);
    expect(messages.match(/LEFT \d+: update .*public\.hist.*1 updated/g)).toHaveLength(1);
    expect([code, await hist()]).toEqual([3, ['1old', '2b', '3c', '4d']]);
  });

  it('says what was changed in tables that the config does not name, and also when it gives back', async () => {
    const { script } = await scripted('[hist]', LOGS);
    const { code, messages } = await psql(script);
    expect(messages).toMatch(/BESIDE THE PLAN.*public\.hist_log: 4 inserted, 0 updated, 0 deleted/);
    expect([code, await hist(), await logged()]).toEqual([0, ['1a', '2b', '3c', '4d'], 4]);
    const back = await psql(script, 'trueup_give_back');
    expect(back.messages).toMatch(/BESIDE THE PLAN.*public\.hist_log: 4 inserted/);
    expect([back.code, await hist(), await logged()]).toEqual([0, ['1old', '2b', '9extra'], 8]);
  });

  it('holds to what the config forbids and allows', async () => {
    const forbidden = await scripted('[hist]', LOGS, 'forbid');
    expect((await psql(forbidden.script)).code).toBe(3);
    expect(await run.contents('hist', 'hist_log')).toBe(forbidden.before);
    const allowed = await scripted('[{ name: hist, sideEffects: { allow: [hist_log] } }, hist_log]', LOGS);
    const { code, messages } = await psql(allowed.script);
    expect(messages).toMatch(/BESIDE THE PLAN.*public\.hist_log: 4 inserted/);
    expect([code, await logged()]).toEqual([0, 4]);
  });

  it('counts rows in partitions as those of the table', async () => {
    const { script } = await scripted(
      '[hist]',
      `drop table hist; create table hist (id int primary key, v text) partition by range (id);
       create table hist_a partition of hist for values from (0) to (3); create table hist_x partition of hist default;
       insert into hist values (1, 'old'), (2, 'b'), (9, 'extra')`,
    );
    const { code, messages } = await psql(script);
    expect(messages).not.toContain('BESIDE');
    expect([code, await hist()]).toEqual([0, ['1a', '2b', '3c', '4d']]);
  });
});
