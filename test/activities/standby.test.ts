import { readFileSync, writeFileSync } from 'node:fs';
import { aggregateTable } from '../../activities/aggregate';
import { endCheck, readCheck } from '../../activities/check';
import { compareChunks, planChunks } from '../../activities/compare';
import { settleCandidates } from '../../activities/settle';
import type { ReconcileInput } from '../../contracts/messages';
import { found, modeRun, opened, CONTEXT } from '../support/mode-run';
import { OneTable } from '../support/one-table';
import { StandbyPair } from '../support/standby';

/** The source is read from a standby, as one does to spare the primary; the target has all that the primary has. */
describe('a source that is a standby', () => {
  let servers: StandbyPair;
  let one: OneTable;
  const write = (sql: string) => servers.onPrimary(sql, 'legacy');

  beforeAll(async () => {
    servers = await StandbyPair.start();
    one = await OneTable.create('standby');
    await servers.onPrimary('create database legacy');
    await write('create table t (id int primary key); insert into t select generate_series(1, 100)');
    await one.target.query('insert into t select generate_series(1, 100)');
    one.configure('[t]', 'settle: { delay: 5ms, attempts: 2 }', 'ledger: { connection: modern }');
    const text = readFileSync(one.configPath, 'utf8');
    writeFileSync(one.configPath, text.replace(one.source.url, servers.standby.url('legacy')));
  });
  afterAll(async () => {
    await one.drop();
    await servers.remove();
  });
  beforeEach(async () => {
    await servers.restart({});
    await servers.onStandby('select pg_wal_replay_resume()');
    await write('delete from t where id > 100');
    await one.target.query('delete from t where id > 100');
    await servers.caughtUp();
  });

  it('is named in the notes, and what differs is found once it has replayed all', async () => {
    await one.target.query('insert into t values (101)');
    await write('delete from t where id = 1');
    await servers.caughtUp();
    const run = await modeRun(one, {});
    expect(found(run)).toEqual(['extra_in_target 1', 'extra_in_target 101']);
    expect(run.table.notes).toContainEqual(expect.stringMatching(/^the source is on a standby/));
    await write('insert into t values (1)');
  });

  it('that is paused confirms nothing: no finding, no plan', async () => {
    await servers.onStandby('select pg_wal_replay_pause()');
    await write('insert into t values (102); update t set id = 103 where id = 100');
    await one.target.query('insert into t values (102); update t set id = 103 where id = 100');
    await servers.caughtUp('receive');
    const run = await modeRun(one, {});
    expect({ found: found(run), planned: run.plan.total }).toEqual({ found: [], planned: 0 });
    expect(run.table).toMatchObject({ status: 'inconsistent', unsettled: 3, findings: {} });
    expect(run.table.notes).toContainEqual(
      expect.stringMatching(
        /^3 differences are unsettled: the source is a standby that had received .*: its replay is paused$/,
      ),
    );
    // Also where all is replayed that was received, as far as that is known.
    await servers.onStandby('select pg_wal_replay_resume()');
    await servers.caughtUp();
    await servers.onStandby('select pg_wal_replay_pause()');
    await one.target.query('insert into t values (104)');
    expect(found(await modeRun(one, {}))).toEqual([]);
    await write('update t set id = 100 where id = 103');
    await one.target.query('update t set id = 100 where id = 103');
  });

  it('that replays some seconds late is waited for, and with it what was in flight heals', async () => {
    await servers.restart({ recovery_min_apply_delay: '3s' });
    await write('insert into t values (105)');
    await one.target.query('insert into t values (105), (106)');
    await servers.caughtUp('receive');
    const run = await modeRun(one, {});
    expect(found(run)).toEqual(['extra_in_target 106']);
    expect(run.table).toMatchObject({ transient: 1, unsettled: 0 });
  });

  it('that replays an hour late leaves all that differs unsettled, by name', async () => {
    await servers.restart({ recovery_min_apply_delay: '1h' });
    await write('insert into t values (107)');
    await one.target.query('insert into t values (107)');
    await servers.caughtUp('receive');
    const run = await modeRun(one, {});
    expect(run.plan.total).toBe(0);
    expect(run.table).toMatchObject({ unsettled: 1, findings: {} });
    expect(run.table.notes).toContainEqual(expect.stringMatching(/replays 3600 s late \(recovery_min_apply_delay\)/));
  });

  it('that receives nothing by streaming confirms nothing before a later commit was replayed', async () => {
    await servers.restart({ primary_conninfo: '' });
    await write('insert into t values (108)');
    await one.target.query('insert into t values (108)');
    const run = await modeRun(one, {});
    expect(found(run)).toEqual([]);
    expect(run.table).toMatchObject({ unsettled: 1 });
    expect(run.table.notes).toContainEqual(expect.stringMatching(/without streaming/));
  });

  it('that is behind confirms no count either', async () => {
    const counted = async (input: ReconcileInput) => {
      const { runId } = await opened(one, input);
      const check = { runId, kind: 'counts', subject: 't' } as const;
      let reading = 1;
      for (; reading <= 3; reading += 1) {
        const { moving, open } = await readCheck(one.resources, { ...check, reading }, CONTEXT);
        if (open === 0 || (reading > 1 && moving === 0)) break;
      }
      return endCheck(one.resources, { ...check, reading: Math.min(reading, 3), error: null });
    };
    await one.target.query('insert into t values (109)');
    expect(await counted({ mode: 'count' })).toMatchObject({ findings: 1, unsettled: 0 });
    await write('insert into t values (109)');
    await servers.caughtUp();
    await servers.onStandby('select pg_wal_replay_pause()');
    await one.target.query('insert into t values (110)');
    await write('insert into t values (110)');
    await servers.caughtUp('receive');
    expect(await counted({ mode: 'count' })).toMatchObject({ findings: 0, unsettled: 1, status: 'failed' });
  });

  it('that is promoted between two readings confirms nothing that was seen before', async () => {
    const { runId } = await opened(one, {});
    const step = { runId, table: 't' };
    await one.target.query('insert into t values (111)');
    const { chunks } = await planChunks(one.resources, step, CONTEXT);
    await compareChunks(one.resources, { ...step, from: 0, until: chunks }, CONTEXT);
    await servers.onStandby('select pg_promote()');
    // What another run wrote long ago is proven by no checkpoint of this timeline yet.
    for (const attempt of [1, 2, 3]) await settleCandidates(one.resources, { ...step, attempt }, CONTEXT);
    const summary = await aggregateTable(one.resources, step);
    expect(summary).toMatchObject({ unsettled: 1, findings: {} });
    expect(summary.notes).toContainEqual(expect.stringMatching(/was not read again with more of it replayed/));
  });
});

describe('a target that is a standby', () => {
  it('is compared, and takes no corrections', async () => {
    const servers = await StandbyPair.start();
    const one = await OneTable.create('standby_target');
    try {
      await servers.onPrimary('create database modern');
      await servers.onPrimary('create table t (id int primary key)', 'modern');
      await servers.caughtUp();
      await one.source.query('insert into t values (1)');
      one.configure('[t]', 'settle: { delay: 5ms, attempts: 2 }', 'ledger: { connection: legacy }');
      const text = readFileSync(one.configPath, 'utf8');
      writeFileSync(one.configPath, text.replace(one.target.url, servers.standby.url('modern')));
      await expect(opened(one, { apply: true })).rejects.toMatchObject({ code: 'READ_ONLY', retryable: false });
      const run = await modeRun(one, {});
      expect(found(run)).toEqual(['missing_in_target 1']);
      expect(run.table.notes).toContainEqual(expect.stringMatching(/^the target is on a standby/));
    } finally {
      await one.drop();
      await servers.remove();
    }
  });
});
