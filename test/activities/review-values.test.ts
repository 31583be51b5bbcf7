import { openReview, type OpenReviewInput } from '../../activities/review';
import { checkResolveMessage } from '../../contracts/review';
import { settleReviews } from '../../ledger/review-plan';
import { CorrectionRun, type Entry } from '../support/correction-run';

const REVIEW = 'corrections: { missing: review, mismatched: review, extra: review }';
const statuses = (entries: readonly Entry[]) => entries.map(({ status, error }) => error ?? status);

describe('a reviewer lets values be written in the type in which they were compared', () => {
  let run: CorrectionRun;
  let number = 0;
  beforeAll(async () => {
    run = await CorrectionRun.create('review_values');
  });
  afterAll(() => run.drop());

  /** Compares, resolves the entries of a type, and applies what was planned. */
  async function resolve(type: string, resolution: string, values?: object) {
    const compared = await run.compare('queued');
    await run.freeze(compared);
    const given = { filter: { type }, resolution, reviewer: 'bo', ...(values ? { values } : {}) };
    const checked = checkResolveMessage(given);
    if (!checked.ok) throw new Error(checked.problem);
    const workflowId = `review-${(number += 1)}`;
    const request: OpenReviewInput = {
      message: checked.value,
      workflowId,
      firstExecutionRunId: `${workflowId}-execution`,
      decisionNo: 1,
      channel: 'update',
      final: false,
    };
    const context = { signal: new AbortController().signal, report: () => undefined };
    const opened = await openReview(run.resources, request, context);
    if (opened.kind !== 'opened') throw new Error(opened.kind);
    const { runId } = opened.recorded;
    const entries = await run.apply(runId, opened.plan.digest);
    await settleReviews(await run.resources.ledger(), runId);
    return { runId, entries };
  }

  async function prepare(more = ''): Promise<void> {
    await run.reset(`[{ name: t, source: public.t, ${REVIEW} }]`, ', fourEyes: false');
    await run.target.query('truncate trueup.manual_review_queue').catch(() => undefined);
    await run.source.query(`create table t (id int primary key, n numeric(10,2), m money, b boolean, v text);
      insert into t values (1, 5, 7.5, true, 'a'), (2, 6, 8.5, false, 'b')`);
    await run.target.query(`create table t (id int primary key, n int, m numeric(10,2), b smallint, v text${more});
      insert into t values (1, 1, 1, 0, 'x')`);
  }

  it('APPLY_SOURCE converts them, for a row that differs and one that is missing; undo gives it back', async () => {
    await prepare();
    const before = await run.contents('t');
    const first = await resolve('field_mismatch', 'APPLY_SOURCE');
    const second = await resolve('missing_in_target', 'APPLY_SOURCE');
    expect([...statuses(first.entries), ...statuses(second.entries)]).toEqual(['SUCCESS', 'SUCCESS']);
    expect(await run.rows('t')).toEqual([
      { id: '1', n: '5', m: '7.50', b: '1', v: 'a' },
      { id: '2', n: '6', m: '8.50', b: '0', v: 'b' },
    ]);
    await run.undo(second.runId);
    await run.undo(first.runId);
    expect(await run.contents('t')).toBe(before);
  });

  it('CUSTOM_FIX writes what was given in the form of the target, and the rest of a missing row as the source has it', async () => {
    await prepare();
    const values = { m: '3.25', b: '1' };
    const first = await resolve('field_mismatch', 'CUSTOM_FIX', values);
    const second = await resolve('missing_in_target', 'CUSTOM_FIX', values);
    expect([...statuses(first.entries), ...statuses(second.entries)]).toEqual(['SUCCESS', 'SUCCESS']);
    expect(await run.rows('t')).toEqual([
      { id: '1', n: '1', m: '3.25', b: '1', v: 'x' },
      { id: '2', n: '6', m: '3.25', b: '1', v: 'b' },
    ]);
    const items = await run.plan(second.runId);
    expect(items.map(({ given }) => given)).toEqual([['b', 'm']]);
  });

  it('does not insert a row without a column that must be filled, says so, and inserts it when its value is given', async () => {
    await prepare(', "Must" int not null default 1');
    await run.target.query('alter table t alter "Must" drop default');
    const refused = await resolve('missing_in_target', 'APPLY_SOURCE');
    expect(refused.entries).toEqual([]);
    expect(
      await run.target.query('select status, last_attempt from trueup.manual_review_queue where record_key = $1', [
        '{"id": "2"}',
      ]),
    ).toEqual([
      { status: 'PENDING', last_attempt: expect.stringContaining('give its value with CUSTOM_FIX') as string },
    ]);
    const given = await resolve('missing_in_target', 'CUSTOM_FIX', { Must: '4' });
    expect(statuses(given.entries)).toEqual(['SUCCESS']);
    expect((await run.rows('t'))[1]).toEqual({ id: '2', n: '6', m: '8.50', b: '0', v: 'b', Must: '4' });
  });

  it.each([
    ['timestamp', 'timestamptz'],
    ['timestamptz', 'timestamp'],
    ['date', 'timestamptz'],
  ])('APPLY_SOURCE writes a %s to a %s by the zone of its database, and undo gives it back', async (source, target) => {
    const zone = 'America/New_York';
    const other = await CorrectionRun.create('review_zones');
    const before = run;
    run = other;
    try {
      for (const { name, query } of [run.source, run.target]) {
        await query(`alter database "${name}" set timezone = '${zone}'; set timezone = '${zone}'`);
      }
      await run.reset(`[{ name: t, source: public.t, ${REVIEW} }]`, ', fourEyes: false');
      // Summer, and the hour that comes twice in autumn.
      await run.source.query(`create table t (id int primary key, at ${source});
        insert into t values (1, '2024-07-15 23:30'), (2, '2024-11-03 01:30')`);
      await run.target.query(
        `create table t (id int primary key, at ${target}); insert into t values (1, '2020-01-01')`,
      );
      const kept = await run.contents('t');
      const first = await resolve('field_mismatch', 'APPLY_SOURCE');
      const second = await resolve('missing_in_target', 'APPLY_SOURCE');
      expect([...statuses(first.entries), ...statuses(second.entries)]).toEqual(['SUCCESS', 'SUCCESS']);
      expect(await run.rows('t')).toEqual(
        await run.source.query(`select id, (at::${target})::text as at from t order by id`),
      );
      expect(statuses(await run.undo(second.runId))).toEqual(['SUCCESS']);
      expect(statuses(await run.undo(first.runId))).toEqual(['SUCCESS']);
      expect(await run.contents('t')).toBe(kept);
    } finally {
      run = before;
      await other.drop();
    }
  });
});
