import { aggregateTable } from '../../activities/aggregate';
import { planChunks } from '../../activities/compare';
import { endRun } from '../../activities/close-run';
import { failChunks } from '../../ledger/chunk';
import { readRunReport } from '../../ledger/report';
import type { TestDatabase } from '../support/database';
import { CONTEXT, found, modeRun, opened, undone } from '../support/mode-run';
import { OneTable } from '../support/one-table';

const AUTO = 'corrections: { missing: auto, mismatched: auto, extra: auto }';
const TABLE = (more = '') =>
  `[{ name: t, updatedAt: updated_at, overlap: 1s, exclude: [updated_at], settle: { delay: 1ms, attempts: 1 }, ${AUTO}${more} }]`;
const INCREMENTAL = { mode: 'incremental' } as const;

let one: OneTable;
beforeAll(async () => {
  one = await OneTable.create('incremental');
  for (const side of [one.source, one.target]) {
    await side.query(`alter table t add v text, add updated_at timestamptz not null default clock_timestamp()`);
  }
});
afterAll(() => one.drop());

/** Both sides alike, and changed long ago. */
beforeEach(async () => {
  one.configure(TABLE());
  for (const side of [one.source, one.target]) {
    await side.query(`truncate t; insert into t select g, 'v', '2001-01-01' from generate_series(1, 50) g`);
  }
  await one.target.query('truncate trueup.run, trueup.reconciliation_metadata cascade').catch(() => undefined);
});

const change = (side: TestDatabase, id: number, v: string) =>
  side.query('update t set v = $2, updated_at = clock_timestamp() where id = $1', [id, v]);
/** A change that no time tells. */
const silently = (side: TestDatabase, id: number, v: string) =>
  side.query('update t set v = $2 where id = $1', [id, v]);
const marks = async () => {
  const [row] = await one.target.query('select * from trueup.reconciliation_metadata where table_name = $1', ['t']);
  return { watermark: row?.['watermark'] ?? null, target: row?.['watermark_target'] ?? null };
};

describe('a run of the rows that changed', () => {
  it('begins with all rows, and then compares those that changed on either side', async () => {
    const first = await modeRun(one, INCREMENTAL);
    expect(first.table).toMatchObject({ status: 'consistent', rowsSource: 50, rowsTarget: 50 });
    expect(first.table).not.toHaveProperty('compared');
    expect(first.table.notes.join()).toContain('all rows were compared: there is no watermark yet');

    const second = await modeRun(one, INCREMENTAL);
    expect(second.table).toMatchObject({ status: 'consistent', rowsSource: 0, compared: 'changed rows', chunks: 1 });
    expect(second.table.notes.join()).toMatch(
      /^compared were the rows that updated_at says were changed since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC.*deleted/,
    );

    await change(one.source, 3, 'new');
    await change(one.target, 4, 'by hand');
    await one.source.query(`insert into t values (51, 'v')`);
    await one.target.query(`insert into t values (52, 'v')`);
    for (const side of [one.source, one.target]) await change(side, 5, 'both');
    const third = await modeRun(one, INCREMENTAL);
    expect(found(third)).toEqual([
      'extra_in_target 52',
      'field_mismatch 3',
      'field_mismatch 4',
      'missing_in_target 51',
    ]);
    expect(third.table).toMatchObject({ status: 'inconsistent', rowsSource: 4, rowsTarget: 4 });
    const report = await readRunReport(await one.resources.ledger(), third.runId);
    expect(report?.tables[0]).toMatchObject({ compared: 'changed rows', rowsSource: 4 });
  });

  it('goes by a full run, too', async () => {
    await modeRun(one, { mode: 'full' });
    await change(one.source, 1, 'new');
    const run = await modeRun(one, INCREMENTAL);
    expect(run.table).toMatchObject({ compared: 'changed rows', rowsSource: 1 });
  });

  it('finds again what an earlier one left different, until it is equal', async () => {
    await silently(one.source, 7, 'other');
    await one.target.query('delete from t where id = 8');
    await modeRun(one, { mode: 'full' });
    for (let i = 0; i < 2; i += 1) {
      const run = await modeRun(one, INCREMENTAL);
      expect(found(run)).toEqual(['field_mismatch 7', 'missing_in_target 8']);
      expect(run.table).toMatchObject({ compared: 'changed rows', rowsSource: 2, rowsTarget: 1 });
    }
    await silently(one.target, 7, 'other');
    expect(found(await modeRun(one, INCREMENTAL))).toEqual(['missing_in_target 8']);
    await modeRun(one, { ...INCREMENTAL, apply: true });
    expect((await modeRun(one, INCREMENTAL)).table).toMatchObject({ status: 'consistent', rowsSource: 1 });
    expect((await modeRun(one, INCREMENTAL)).table).toMatchObject({ status: 'consistent', rowsSource: 0 });
  });

  it('looks again at what an undo gave back, though its time is old', async () => {
    await silently(one.source, 7, 'other');
    await one.target.query('delete from t where id = 8');
    const applied = await modeRun(one, { mode: 'full', apply: true }, { end: 'applied' });
    await modeRun(one, INCREMENTAL);
    expect((await modeRun(one, INCREMENTAL)).table).toMatchObject({ status: 'consistent', rowsSource: 0 });
    await undone(one, applied.runId);
    for (let i = 0; i < 2; i += 1) {
      expect(found(await modeRun(one, INCREMENTAL))).toEqual(['field_mismatch 7', 'missing_in_target 8']);
    }
  });

  it('compares all rows after corrections by another key', async () => {
    for (const side of [one.source, one.target]) await side.query(`update t set v = 'v' || id`);
    await one.target.query('create unique index by_v on t (v)');
    try {
      await modeRun(one, { mode: 'full' });
      await silently(one.source, 7, 'other');
      one.configure(TABLE().replace('name: t,', 'name: other, source: public.t, target: public.t, key: [v],'));
      const by = await modeRun(one, { mode: 'full', apply: true }, { end: 'applied' }, 'other');
      expect(by.plan.total).toBe(2);
      one.configure(TABLE());
      const run = await modeRun(one, INCREMENTAL);
      expect(run.table.notes.join()).toContain(
        'all rows were compared: corrections since the watermark went by another key',
      );
    } finally {
      await one.target.query('drop index by_v');
    }
  });

  it('deletes what is extra only when its key is gone from the source', async () => {
    await modeRun(one, INCREMENTAL);
    await change(one.target, 9, 'touched');
    await one.target.query(`insert into t values (60, 'v')`);
    const run = await modeRun(one, { ...INCREMENTAL, apply: true });
    expect(run.plan.lines.map(({ operation, rows }) => [operation, rows])).toEqual([
      ['update', 1],
      ['delete', 1],
    ]);
    expect(await one.target.query('select count(*) as n from t')).toEqual([{ n: '50' }]);
  });

  it('cannot see a delete, and says so; a full run does', async () => {
    await modeRun(one, INCREMENTAL);
    await one.source.query('delete from t where id = 2');
    const run = await modeRun(one, INCREMENTAL);
    expect(run.table).toMatchObject({ status: 'consistent', compared: 'changed rows' });
    expect(run.table.notes.join()).toContain('this does not see rows that were deleted');
    expect(found(await modeRun(one, { mode: 'full' }))).toEqual(['extra_in_target 2']);
  });

  it('sees what was committed late: the watermark is held back by a transaction that still runs', async () => {
    await modeRun(one, INCREMENTAL);
    one.configure(TABLE().replace('overlap: 1s', 'overlap: 1ms'));
    await one.source.query(`begin; insert into t values (70, 'late', now())`);
    // Begun before the run, committed after it, and older than what the run has seen.
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect((await modeRun(one, INCREMENTAL)).table).toMatchObject({ status: 'consistent' });
    await one.source.query('commit');
    expect(found(await modeRun(one, INCREMENTAL))).toEqual(['missing_in_target 70']);
  });

  it('sees what bears an older time, as far back as the overlap goes', async () => {
    await modeRun(one, INCREMENTAL);
    await modeRun(one, INCREMENTAL);
    const ago = (time: string, id: number) =>
      one.source.query(`insert into t values ($1, 'late', clock_timestamp() - $2::interval)`, [id, time]);
    await ago('10 minutes', 71);
    expect((await modeRun(one, INCREMENTAL)).findings).toEqual([]);
    one.configure(TABLE().replace('overlap: 1s', 'overlap: 15m'));
    expect(found(await modeRun(one, INCREMENTAL))).toEqual(['missing_in_target 71']);
  });

  it('compares all rows where the watermark no longer stands for the others', async () => {
    await modeRun(one, INCREMENTAL);
    const why = async (says: string) => {
      const run = await modeRun(one, INCREMENTAL);
      expect(run.table.notes.join()).toContain(`all rows were compared: ${says}`);
      expect(run.table).not.toHaveProperty('compared');
      expect(run.table.rowsSource).toBeGreaterThan(9);
    };
    one.configure(TABLE(', tolerance: { id: 1 }').replace('tolerance: { id: 1 }', `where: "id > 10"`));
    await why('what is compared of the table is not what it was');
    one.configure(TABLE(`, where: "updated_at < now()"`));
    await why('its filter may let rows in or out');
    one.configure(TABLE());
    await why('what is compared');
    await one.target.query(`update trueup.reconciliation_metadata set watermark = '2999-01-01 00:00:00+00'`);
    await why("the watermark lies ahead of a database's clock");
    const [{ watermark_run_id: runId } = {}] = await one.target.query('select * from trueup.reconciliation_metadata');
    await one.target.query(
      `with p as (insert into trueup.purge (purge_id, workflow_id, cutoff, findings, digest)
                    values ('p', 'p', clock_timestamp(), true, '') returning purge_id)
       insert into trueup.purge_run (purge_id, run_id) select purge_id, $1 from p`,
      [runId],
    );
    await why('what was found since the watermark was purged');
    await one.target.query('truncate trueup.purge cascade; delete from trueup.reconciliation_metadata');
    await why('there is no watermark yet');
  });
});

describe('the watermark', () => {
  it('is moved by a run that came to its end only, and never back', async () => {
    await modeRun(one, INCREMENTAL, { end: null });
    expect(await marks()).toEqual({ watermark: null, target: null });
    await modeRun(one, INCREMENTAL, { end: 'failed' });
    await modeRun(one, INCREMENTAL, { end: 'cancelled' });
    expect((await marks()).watermark).toBeNull();
    for (const end of ['consistent', 'expired', 'rejected'] as const) {
      const before = await marks();
      await modeRun(one, INCREMENTAL, { end });
      const after = await marks();
      expect(after.watermark).not.toBeNull();
      expect(String(after.watermark) > String(before.watermark ?? '')).toBe(true);
    }
    const late = await modeRun(one, INCREMENTAL, { end: null });
    await modeRun(one, INCREMENTAL);
    const newest = await marks();
    await endRun(one.resources, { runId: late.runId, status: 'consistent', error: null, phases: {}, verified: null });
    expect(await marks()).toEqual(newest);
  });

  it('is where the clocks were before any row was read', async () => {
    const [{ now } = {}] = await one.source.query(`select clock_timestamp()::text as now`);
    await modeRun(one, INCREMENTAL, { planned: () => change(one.source, 1, 'meanwhile') });
    const [{ between, at } = {}] = await one.source.query(
      `select $1::timestamptz >= $2::timestamptz and $1::timestamptz < updated_at as between, updated_at as at from t where id = 1`,
      [(await marks()).watermark, now],
    );
    expect([between, at]).toEqual(['t', expect.any(String)]);
  });

  it.each(['source', 'target'] as const)(
    "is of each side its own clock's: a transaction of the %s holds back its own alone",
    async (role) => {
      const held = one[role];
      await held.query('begin; select 1');
      try {
        await new Promise((resolve) => setTimeout(resolve, 20));
        await modeRun(one, INCREMENTAL);
        const { watermark, target } = await marks();
        const [{ held_back: heldBack, own } = {}] = await held.query(
          `select $1::timestamptz <= now() as held_back, $2::timestamptz > now() as own`,
          role === 'source' ? [watermark, target] : [target, watermark],
        );
        expect([heldBack, own]).toEqual(['t', 't']);
      } finally {
        await held.query('rollback');
      }
    },
  );

  it('of a target whose clock goes behind holds for the target alone', async () => {
    await modeRun(one, INCREMENTAL);
    await one.target.query(`update trueup.reconciliation_metadata
      set watermark_target = (watermark::timestamptz - interval '1 hour')::text`);
    for (const [side, id] of [
      [one.source, 3],
      [one.target, 4],
    ] as const) {
      await side.query(`update t set v = 'x', updated_at = clock_timestamp() - interval '30 minutes' where id = $1`, [
        id,
      ]);
    }
    // To the source's clock that row was there when the watermark was set; to the target's, the other was not.
    const run = await modeRun(one, INCREMENTAL);
    expect(run.table).toMatchObject({ compared: 'changed rows' });
    expect(found(run)).toEqual(['field_mismatch 4']);
  });

  it('of a target whose clock goes ahead is read from where the source was, whose times are copied with the rows', async () => {
    await modeRun(one, INCREMENTAL);
    await one.target.query(`update trueup.reconciliation_metadata
      set watermark = (watermark_target::timestamptz - interval '1 hour')::text`);
    for (const [side, id] of [
      [one.source, 3],
      [one.target, 4],
    ] as const) {
      await side.query(`update t set v = 'x', updated_at = clock_timestamp() - interval '30 minutes' where id = $1`, [
        id,
      ]);
    }
    const run = await modeRun(one, INCREMENTAL);
    expect(run.table).toMatchObject({ compared: 'changed rows' });
    expect(found(run)).toEqual(['field_mismatch 3', 'field_mismatch 4']);
  });

  it.each(['watermark', 'watermark_target'])('%s that lies ahead of its clock is no basis', async (column) => {
    await modeRun(one, INCREMENTAL);
    await one.target.query(`update trueup.reconciliation_metadata set ${column} = '2999-01-01 00:00:00+00'`);
    const run = await modeRun(one, INCREMENTAL);
    expect(run.table.notes.join()).toContain("all rows were compared: the watermark lies ahead of a database's clock");
    expect(run.table).toMatchObject({ rowsSource: 50 });
  });

  it('is left by a run that could not compare everything, and by one that samples', async () => {
    await modeRun(one, INCREMENTAL);
    const before = await marks();
    await modeRun(one, { mode: 'sample' });
    const { runId } = await opened(one, INCREMENTAL);
    const { chunks } = await planChunks(one.resources, { runId, table: 't' }, CONTEXT);
    await failChunks(await one.resources.ledger(), runId, 't', 0, chunks, 'STATEMENT_TIMEOUT');
    expect(await aggregateTable(one.resources, { runId, table: 't' })).toMatchObject({ status: 'incomplete' });
    await endRun(one.resources, { runId, status: 'incomplete', error: null, phases: {}, verified: null });
    expect(await marks()).toEqual(before);
  });
});

describe('a run that goes on from an incremental one', () => {
  it('compares the rows that were chosen, and moves the watermark to where the first one began', async () => {
    await modeRun(one, INCREMENTAL);
    await change(one.source, 1, 'new');
    const { runId } = await opened(one, INCREMENTAL);
    await planChunks(one.resources, { runId, table: 't' }, CONTEXT);
    await endRun(one.resources, { runId, status: 'cancelled', error: null, phases: {}, verified: null });
    await change(one.source, 2, 'since');
    await expect(opened(one, { resume: runId, mode: 'full' })).rejects.toThrow(
      `mode: found full, allowed with resume of run ${runId}: incremental`,
    );
    const resumed = await modeRun(one, { resume: runId });
    expect(found(resumed)).toEqual(['field_mismatch 1']);
    expect(resumed.table).toMatchObject({ compared: 'changed rows' });
    expect(found(await modeRun(one, INCREMENTAL))).toEqual(['field_mismatch 1', 'field_mismatch 2']);
  });
});

describe('tables without a time of change', () => {
  const both = `[{ name: t, updatedAt: updated_at }, { name: u, source: public.u }]`;
  beforeAll(async () => {
    for (const side of [one.source, one.target]) {
      await side.query('create table u (id int primary key); insert into u values (1), (2)');
    }
  });

  it('are compared in full beside others, and refused by name', async () => {
    one.configure(both);
    const { table } = await modeRun(one, INCREMENTAL, {}, 'u');
    expect(table).toMatchObject({ status: 'consistent', rowsSource: 2 });
    expect(table.notes).toContain('all rows were compared: the config names no updatedAt for this table');
    await expect(opened(one, { ...INCREMENTAL, tables: ['t', 'u'] })).rejects.toMatchObject({
      code: 'UPDATED_AT_UNUSABLE',
      message: 'updatedAt is missing for u: mode incremental finds changed rows by it',
    });
    one.configure('[t, u]');
    await expect(opened(one, INCREMENTAL)).rejects.toThrow('updatedAt is missing for t, u:');
  });

  it('are refused where the column is none; a full run does without it', async () => {
    one.configure('[{ name: t, updatedAt: v }]');
    await expect(opened(one, INCREMENTAL)).rejects.toMatchObject({ code: 'UPDATED_AT_UNUSABLE' });
    await opened(one, { mode: 'full' });
  });
});
