import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { settleCandidates } from '../../activities/settle';
import { aggregateTable } from '../../activities/aggregate';
import { compareChunks, planChunks } from '../../activities/compare';
import { countCandidates } from '../../activities/settle';
import { freezePlan } from '../../activities/correct';
import { readSight } from '../../database/sight';
import { Database } from '../../database/connection';
import { CONTEXT, found, modeRun, opened } from '../support/mode-run';
import { OneTable } from '../support/one-table';

/** A policy or a grant that changes while a run is under way. */
describe('a table that can no longer be read as a whole', () => {
  const role = `reader_${randomBytes(4).toString('hex')}`;
  let one: OneTable;

  const sourceUrl = () => Object.assign(new URL(one.source.url), { username: role, password: 'p' }).href;

  beforeAll(async () => {
    one = await OneTable.create('unread');
    await one.source.query(`create role ${role} login password 'p'; grant select on t to ${role};
      insert into t select generate_series(1, 100)`);
    await one.target.query(`insert into t select generate_series(1, 105)`);
    one.configure(
      '[{ name: t, source: { connection: reading, table: t } }]',
      'settle: { delay: 5ms, attempts: 2 }',
      `ledger: { connection: modern }`,
    );

    const text = readFileSync(one.configPath, 'utf8');
    writeFileSync(one.configPath, text.replace('connections: {', `connections: { reading: { url: "${sourceUrl()}" },`));
  });
  afterAll(async () => {
    await one.source.query(`drop owned by ${role}; drop role ${role}`);
    await one.drop();
  });
  afterEach(() =>
    one.source.query(
      `alter table t disable row level security; drop policy if exists p on t; grant select on t to ${role}`,
    ),
  );

  const hide = () =>
    one.source.query(`create policy p on t using (id % 4 = 1); alter table t enable row level security`);
  const revoke = () => one.source.query(`revoke select on t from ${role}`);

  it('finds the five rows that are extra while it is', async () => {
    const run = await modeRun(one, {});
    expect(found(run)).toEqual([101, 102, 103, 104, 105].map((id) => `extra_in_target ${id}`));
    expect(run.plan.total).toBe(5);
  });

  it.each([
    ['a policy', 'ROW_SECURITY', hide],
    ['a revoked grant', 'PRIVILEGE_MISSING', revoke],
  ])(
    'by %s, from before it is opened, before chunks are planned, compared or settled: incomplete, nothing planned',
    async (_, code, change) => {
      for (const moment of ['planning', 'comparing', 'settling']) {
        const { runId } = await opened(one, {});
        const step = { runId, table: 't' };
        if (moment === 'planning') await change();
        const { chunks } = await planChunks(one.resources, step, CONTEXT);
        if (moment === 'comparing') {
          await change();
          await expect(
            compareChunks(one.resources, { ...step, from: 0, until: chunks }, CONTEXT),
          ).rejects.toMatchObject({ code, retryable: false });
        } else {
          await compareChunks(one.resources, { ...step, from: 0, until: chunks }, CONTEXT);
          const { open } = await countCandidates(one.resources, step);
          expect({ moment, open }).toEqual({ moment, open: moment === 'planning' ? 0 : 5 });
          if (moment === 'settling') {
            await change();
            // The first reads only what may be proven; the second everything.
            await settleCandidates(one.resources, { ...step, attempt: 1 }, CONTEXT);
            expect(await settleCandidates(one.resources, { ...step, attempt: 2 }, CONTEXT)).toEqual({ open: 0 });
          }
          const summary = await aggregateTable(one.resources, step);
          expect(summary).toMatchObject({
            status: 'incomplete',
            findings: {},
            unsettled: moment === 'settling' ? 5 : 0,
          });
          expect(summary.notes[0]).toMatch(new RegExp(`^not compared \\(${code}\\): table t: connection reading: `));
          expect((await freezePlan(one.resources, { runId }, CONTEXT)).total).toBe(0);
        }
        await one.source.query(
          `alter table t disable row level security; drop policy if exists p on t; grant select on t to ${role}`,
        );
      }
    },
  );

  it('is refused by a typed error that is not tried again', async () => {
    await hide();
    const database = new Database({ name: 'reading', url: sourceUrl() });
    const error = await database.query('select id from public.t').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ROW_SECURITY', sqlState: '42501', retryable: false });
    expect(await readSight(database, 'public', 't')).toMatchObject({ blindness: { code: 'ROW_SECURITY' } });
    expect(await readSight(database, 'public', 'nothing')).toBeNull();
    await database.close();
  });
});
