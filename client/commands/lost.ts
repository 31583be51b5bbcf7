import type { RunReport } from '../../contracts/run';
import { listOpenRuns } from '../../ledger/open-runs';
import { messageOf } from '../temporal/failure';
import { RunHandle } from '../temporal/run-handle';
import type { Context } from './context';
import { withWorkflowState } from './ended';

/** The execution of the workflow of each run that the ledger holds for open. */
export async function executionsOf(context: Context, reports: readonly RunReport[]) {
  const runs = reports.filter(({ endedAt }) => endedAt === null).map(({ runId }) => runId);
  const open = runs.length === 0 ? [] : await listOpenRuns(context.ledger, { runs, before: null }, runs.length * 2);
  return new Map(open.map(({ runId, executionId }) => [runId, executionId]));
}

/** Reports of which those that are open in the ledger say so only if their workflow is open too. */
export async function withoutLost(context: Context, reports: readonly RunReport[]): Promise<readonly RunReport[]> {
  const executions = await executionsOf(context, reports);
  if (executions.size === 0) return reports;
  try {
    const temporal = await context.temporal();
    return await Promise.all(
      reports.map(async (report) => {
        const executionId = executions.get(report.runId);
        if (executionId === undefined) return report;
        const run = new RunHandle(temporal, report.workflowId, executionId);
        const description = await run.describe();
        return description === null ? report : withWorkflowState(report, description, null);
      }),
    );
  } catch (error) {
    context.io.err.line(`trueup: without asking Temporal whether open runs are: ${messageOf(error)}`);
    return reports;
  }
}
