import type { ReconcileResult } from '../../contracts/messages';
import { openLedger } from '../../ledger/open';
import { readRunReport } from '../../ledger/report';
import { startReconcile } from '../../client/temporal/start';
import type { Temporal } from '../../client/temporal/connection';
import type { Expected } from '../load';
import type { World } from '../world';
import { timed, wrongAnswer, type Contestant } from './contestant';

const NOTHING_FOUND: Expected = { field_mismatch: 0, missing_in_target: 0, extra_in_target: 0 };

/** A whole dry run through Temporal and a worker process, with default settings, from its start to its result. */
export function runContestant(world: World): Contestant {
  const ledger = openLedger({ name: 'target', url: world.urls.target, schema: 'trueup' });
  return {
    name: 'run',
    measure: async (table) => {
      const { seconds, result: workflowId } = await timed(async () => {
        const { workflowId } = await startReconcile(world.temporal, { tables: [table.name] });
        await world.temporal.client.workflow.getHandle<() => Promise<ReconcileResult>>(workflowId).result();
        return workflowId;
      });
      const report = await readRunReport(ledger, workflowId);
      // What the checks find beside the rows, such as a shift that the changed rows have in common, is no row.
      const findings = report?.tables[0]?.findings ?? {};
      const rows = Object.fromEntries(Object.entries(findings).filter(([type]) => type in NOTHING_FOUND));
      const found = { status: report?.status, ...NOTHING_FOUND, ...rows };
      const status = Object.values(table.expected).some((n) => n > 0) ? 'inconsistent' : 'consistent';
      const waited = await waitedFor(world.temporal, `${workflowId}/${table.name}`);
      return { seconds, waited, wrong: wrongAnswer({ status, ...table.expected }, found) };
    },
    close: () => ledger.close(),
  };
}

/** Seconds that a workflow spent on timers: the delay before what differs is read again. */
async function waitedFor(temporal: Temporal, workflowId: string): Promise<number> {
  const { events } = await temporal.client.workflow.getHandle(workflowId).fetchHistory();
  const at = (time: { seconds?: unknown; nanos?: number | null } | null | undefined) =>
    Number(time?.seconds ?? 0) + (time?.nanos ?? 0) / 1e9;
  let waited = 0;
  for (const event of events ?? []) {
    if (event.timerStartedEventAttributes) waited -= at(event.eventTime);
    if (event.timerFiredEventAttributes) waited += at(event.eventTime);
  }
  return waited;
}
