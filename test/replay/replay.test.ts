import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { bundle, quiet } from '../support/in-process';

const FOLDER = join(__dirname, 'histories');
const names = readdirSync(FOLDER)
  .map((file) => file.replace(/\.json$/, ''))
  .sort();
const textOf = (name: string) => readFileSync(join(FOLDER, `${name}.json`), 'utf8');

beforeAll(() => {
  quiet();
});

interface History {
  readonly events: readonly {
    readonly eventId: string;
    readonly timerFiredEventAttributes?: object;
    readonly activityTaskScheduledEventAttributes?: {
      readonly activityType: { readonly name: string };
      readonly input?: { readonly payloads: readonly { readonly data?: string }[] };
    };
    readonly activityTaskCompletedEventAttributes?: { readonly scheduledEventId: string };
    readonly workflowExecutionStartedEventAttributes?: { readonly workflowId: string };
  }[];
}

const historyOf = (name: string) => JSON.parse(textOf(name)) as History;

/** The activities of a history in their order; by numbers of events: when each was asked for, and when its answer was there. */
function activitiesOf(name: string) {
  const { events } = historyOf(name);
  return events.flatMap(({ eventId, activityTaskScheduledEventAttributes: scheduled }) => {
    if (scheduled === undefined) return [];
    const done = events.find((event) => event.activityTaskCompletedEventAttributes?.scheduledEventId === eventId);
    return [
      {
        type: scheduled.activityType.name,
        input: Buffer.from(scheduled.input?.payloads[0]?.data ?? '', 'base64').toString(),
        scheduled: Number(eventId),
        completed: done === undefined ? Infinity : Number(done.eventId),
      },
    ];
  });
}

async function replay(text: string): Promise<void> {
  const history = JSON.parse(text) as History;
  const workflowId = history.events[0]?.workflowExecutionStartedEventAttributes?.workflowId;
  await Worker.runReplayHistory({ workflowBundle: await bundle() }, history, workflowId);
}

/** Everything that a history's payloads hold, as text. */
function payloadsOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return '';
  return Object.entries(value)
    .map(([key, inner]) =>
      key === 'data' && typeof inner === 'string' ? Buffer.from(inner, 'base64').toString() : payloadsOf(inner),
    )
    .join(' ');
}

/*
 * Runs that wait for an approval outlive a release: the workflows must go on from a history that an earlier build
 * wrote. A change that fails here needs `patched()`, or, before the first release, the histories made again:
 * `node test/support/run-ts.js test/replay/record.ts`.
 */
describe('a recorded history', () => {
  it('is there for every way in which a run goes', () => {
    expect(names).toEqual([
      'applied',
      'applied-in-part',
      'applied-together',
      'cancelled',
      'dry-run',
      'expired',
      'failed',
      'job',
      'job-run',
      'job-waits',
      'late-decision',
      'purge',
      'purge-dry-run',
      'rejected-by-update',
      'review-expired',
      'review-kept',
      'review-resolved',
      'rules',
      'table',
      'table-checked',
      'table-continued-first',
      'table-continued-last',
      'table-counted',
      'table-tuned',
      'tuned',
      'undo',
      'undo-expired',
    ]);
    expect(textOf('table-continued-first')).toContain('workflowExecutionContinuedAsNewEventAttributes');
    expect(textOf('expired')).toContain('timerFiredEventAttributes');
    expect(textOf('rejected-by-update')).toContain('workflowExecutionUpdateCompletedEventAttributes');
    expect(textOf('applied-in-part')).toContain('"name": "leaveOut"');
    expect(textOf('applied-together')).toContain('"name": "applyTogether"');
    expect(textOf('review-resolved')).toContain('"name": "closeReview"');
    expect(textOf('review-resolved')).toContain('"REVIEW_REFUSED"');
    expect(textOf('purge')).toContain('"name": "dropPurged"');
    expect(textOf('cancelled')).toContain('workflowExecutionCanceledEventAttributes');
  });

  it.each(names)('%s is replayed by the workflows as they are', async (name) => {
    await replay(textOf(name));
  });

  /*
   * What the replay above holds the workflows to is only as good as what was recorded: histories that are made again
   * after a change would carry its mistakes along. So what must come before what is said here.
   */
  const CHANGING = ['leaveOut', 'confirmPlan', 'applyStep', 'applyTogether', 'resolveApplied', 'rejectPlan'];
  /** What enters a decision: of a review, its opening, whose resolution comes with it; what it enters later was refused. */
  const deciding = (name: string) => (name.startsWith('review') ? 'openReview' : 'recordDecision');
  const decidedFirst = names.filter((name) => {
    const types = activitiesOf(name).map(({ type }) => type);
    return types.includes(deciding(name)) && types.some((type) => CHANGING.includes(type));
  });

  it('of a run that asks somebody is there for every kind of such runs', () => {
    expect(decidedFirst).toEqual(
      expect.arrayContaining([
        'applied',
        'applied-in-part',
        'applied-together',
        'job-run',
        'rejected-by-update',
        'review-resolved',
        'undo',
      ]),
    );
  });

  it.each(decidedFirst)('%s has the decision in the ledger before anything is changed', (name) => {
    const activities = activitiesOf(name);
    // What failed, as an opening that is refused, has entered nothing.
    const recorded = activities.flatMap(({ type, completed }) =>
      type === deciding(name) && completed !== Infinity ? [completed] : [],
    );
    expect(recorded.length).toBeGreaterThan(0);
    const changing = activities.filter(({ type }) => CHANGING.includes(type));
    expect(changing.length).toBeGreaterThan(0);
    // Nothing is even asked for until the last of the decisions is known to be written.
    for (const { scheduled } of changing) expect(scheduled).toBeGreaterThan(Math.max(...recorded));
  });

  it.each(names.filter((name) => activitiesOf(name).some(({ type }) => type.startsWith('apply'))))(
    '%s has its plan confirmed before any of it is applied, and verifies after all of it',
    (name) => {
      const activities = activitiesOf(name);
      const of = (...types: readonly string[]) => activities.filter(({ type }) => types.includes(type));
      const applied = of('applyStep', 'applyTogether');
      const [confirmed, ...more] = of('confirmPlan');
      expect(more).toEqual([]);
      for (const { scheduled } of applied) expect(scheduled).toBeGreaterThan(confirmed?.completed ?? Infinity);
      const verified = of('verifyTable', 'verifyUndo');
      expect(verified.length).toBeGreaterThan(0);
      for (const { scheduled } of verified) {
        expect(scheduled).toBeGreaterThan(Math.max(...applied.map(({ completed }) => completed)));
      }
    },
  );

  it.each(names.filter((name) => activitiesOf(name).some(({ type }) => type === 'settleCandidates')))(
    '%s reads a difference again at once, and as often as the config says, each time after its delay',
    (name) => {
      const { events } = historyOf(name);
      const settles = activitiesOf(name).filter(({ type }) => type === 'settleCandidates');
      // The config of all recordings says twice.
      expect(settles.map(({ input }) => (JSON.parse(input) as { readonly attempt: number }).attempt)).toEqual([
        1, 2, 3,
      ]);
      const [first, ...rest] = settles;
      let before = first?.completed ?? Infinity;
      for (const { scheduled, completed } of rest) {
        const fired = events.some(
          ({ eventId, timerFiredEventAttributes }) =>
            timerFiredEventAttributes !== undefined && Number(eventId) > before && Number(eventId) < scheduled,
        );
        expect(fired).toBe(true);
        before = completed;
      }
    },
  );

  it('that the workflows would not have written is told apart', async () => {
    const text = textOf('applied');
    const swapped = text.replaceAll('"confirmPlan"', '"applyPlan"');
    expect(swapped).not.toBe(text);
    await expect(replay(swapped)).rejects.toMatchObject({ name: 'DeterminismViolationError' });
  });

  it.each(names)('%s holds no value of a row', (name) => {
    const text = textOf(name);
    const payloads = payloadsOf(JSON.parse(text));
    expect(payloads.length).toBeGreaterThan(50);
    // Every text in the tables that were recorded begins with this word.
    expect(text).not.toContain('secret');
    expect(payloads).not.toContain('secret');
    expect(payloads).not.toMatch(/postgres(ql)?:\/\//);
  });
});
