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
    readonly workflowExecutionStartedEventAttributes?: { readonly workflowId: string };
  }[];
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
