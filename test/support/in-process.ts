import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client, WorkflowHandle } from '@temporalio/client';
import {
  bundleWorkflowCode,
  DefaultLogger,
  Runtime,
  Worker,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import type { NativeConnection } from '@temporalio/worker';
import { createActivities } from '../../activities';
import { Resources } from '../../activities/resources';
import { waitUntil } from '../../client/embedded/wait-until';
import type {
  Decision,
  DecideMessage,
  PlanAnswer,
  ProgressAnswer,
  ReconcileInput,
  ReconcileResult,
  UndoInput,
} from '../../contracts/messages';
import type { PlanSummary } from '../../contracts/run';
import { WORKFLOW_FAILURES } from '../../workers/workflow-failures';
import { createDatabasePair, type TestDatabase, type TextRow } from './database';

export const WORKFLOWS = join(__dirname, '..', '..', 'workflows', 'index.ts');

/** Two tables, one referring to the other; values that a history must not hold begin with `secret`. */
const SCHEMA = `
  create table customers (id int primary key, name text not null);
  create table orders (id bigint primary key, customer_id int not null references customers, note text);
  insert into customers select g, 'secret name ' || g from generate_series(1, 20) g;
  insert into orders select g, 1 + g % 20, 'secret note ' || g from generate_series(1, 60) g;`;
const DAMAGE = `
  delete from orders where id in (7, 8);
  update orders set note = 'secret change' where id = 30;
  insert into orders values (900, 1, 'secret extra');
  update customers set name = 'secret alias' where id = 5;`;

export interface Decided {
  readonly decision_no: string;
  readonly channel: string;
  readonly decision: string | null;
  readonly approver: string | null;
  readonly accepted: string;
  readonly refusal: string | null;
}

/** What the gate shows to whoever looks at a workflow in Temporal Web. */
export interface Metadata {
  readonly currentDetails?: string;
  readonly definition?: {
    readonly signalDefinitions?: readonly { readonly name?: string; readonly description?: string }[];
    readonly queryDefinitions?: readonly { readonly name?: string; readonly description?: string }[];
    readonly updateDefinitions?: readonly { readonly name?: string; readonly description?: string }[];
  };
}

export interface InProcessOptions {
  readonly client: Client;
  readonly connection: NativeConnection;
  readonly taskQueue: string;
  readonly searchAttributes?: boolean;
  /** Lines of the config beside those that every test has. */
  readonly config?: readonly string[];
  /** Fields of the config's defaults, such as `concurrency: 4`. */
  readonly defaults?: string;
  /** YAML of the list `tables:`; default: the two tables. */
  readonly tables?: string;
  /** URL of another server than the shared one. */
  readonly server?: string;
}

/** A worker in this process, with the real activities on two real databases that differ. */
export class InProcess {
  private constructor(
    readonly client: Client,
    readonly taskQueue: string,
    readonly resources: Resources,
    readonly source: TestDatabase,
    readonly target: TestDatabase,
    private readonly stopAll: () => Promise<void>,
  ) {}

  static async start(options: InProcessOptions): Promise<InProcess> {
    const { source, target, drop } = await createDatabasePair(options.taskQueue, options.server);
    await source.query(SCHEMA);
    await target.query(SCHEMA);
    const folder = mkdtempSync(join(tmpdir(), 'trueup-worker-'));
    const configPath = join(folder, 'trueup.yaml');
    const config = [
      `connections: { legacy: { url: "${source.url}" }, modern: { url: "${target.url}" } }`,
      'defaults: { source: legacy, target: modern, chunkRows: 5, ' +
        `${options.defaults ?? 'concurrency: 2'}, settle: { delay: 5ms, attempts: 2 } }`,
      `tables: ${options.tables ?? '[customers, orders]'}`,
      ...(options.config ?? []),
    ];
    writeFileSync(configPath, `${config.join('\n')}\n`);
    const searchAttributes = options.searchAttributes ?? false;
    const resources = new Resources({ configPath, concurrency: 2, searchAttributes });
    const worker = await Worker.create({
      connection: options.connection,
      namespace: options.client.options.namespace,
      taskQueue: options.taskQueue,
      workflowBundle: await bundle(),
      activities: createActivities(resources),
      workflowFailureErrorTypes: WORKFLOW_FAILURES,
    });
    const running = worker.run();
    return new InProcess(options.client, options.taskQueue, resources, source, target, async () => {
      worker.shutdown();
      await running;
      await resources.close();
      await drop();
      rmSync(folder, { recursive: true, force: true });
    });
  }

  /** Makes source and target as they were at the start: five rows differ. */
  async reset(): Promise<void> {
    await this.target.query(`drop table orders, customers; ${SCHEMA} ${DAMAGE}`);
  }

  startReconcile(input: ReconcileInput, workflowId: string) {
    return this.client.workflow.start<(input: ReconcileInput) => Promise<ReconcileResult>>('reconcile', {
      taskQueue: this.taskQueue,
      workflowId,
      args: [input],
    });
  }

  startUndo(input: UndoInput, workflowId: string) {
    return this.client.workflow.start<(input: UndoInput) => Promise<ReconcileResult>>('undo', {
      taskQueue: this.taskQueue,
      workflowId,
      args: [input],
    });
  }

  /** Undoes a run, or a part of it; `grace` approves the plan, if it asks. */
  async undo(input: UndoInput, workflowId: string): Promise<ReconcileResult> {
    const handle = await this.startUndo(input, workflowId);
    for (;;) {
      const { plan, deadline } = await handle.query<PlanAnswer>('plan');
      if (deadline !== null && plan) {
        await this.decide(handle, { decision: 'approve', approver: 'grace', planDigest: plan.digest });
        return handle.result();
      }
      if ((await handle.describe()).status.name !== 'RUNNING') return handle.result();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Waits, in real time, until the run stands at the gate and says so everywhere; returns its plan. */
  async untilGate(handle: WorkflowHandle): Promise<PlanSummary> {
    let answer: PlanAnswer | undefined;
    await waitUntil(
      async () => {
        answer = await handle.query<PlanAnswer>('plan');
        return (await handle.query<ProgressAnswer>('progress')).status === 'awaiting_approval';
      },
      { timeoutMs: 60_000, everyMs: 50 },
    );
    if (!answer?.plan) throw new Error(`the run did not come to its gate: ${JSON.stringify(answer)}`);
    return answer.plan;
  }

  async untilRefused(handle: WorkflowHandle, count: number): Promise<readonly string[]> {
    let refused: readonly string[] = [];
    const enough = async () => (refused = (await handle.query<PlanAnswer>('plan')).refused).length >= count;
    await waitUntil(enough, { timeoutMs: 10_000, everyMs: 50 });
    return refused;
  }

  decide(handle: WorkflowHandle, message: unknown, updateId?: string): Promise<Decision> {
    return handle.executeUpdate<Decision, [DecideMessage]>('decide', {
      args: [message as DecideMessage],
      ...(updateId === undefined ? {} : { updateId }),
    });
  }

  metadata(handle: WorkflowHandle): Promise<Metadata> {
    return handle.query<Metadata>('__temporal_workflow_metadata');
  }

  async decisions(runId: string): Promise<readonly Decided[]> {
    const rows = await this.target.query(
      `select decision_no, channel, decision, approver, accepted, refusal from trueup.decision
        where run_id = $1 order by decision_no`,
      [runId],
    );
    return rows as unknown as readonly Decided[];
  }

  /** Every row of the target's tables. */
  contents(): Promise<TextRow[]> {
    return this.target.query(
      `select 'orders' as name, o::text as row from orders o union all select 'customers', c::text from customers c order by 1, 2`,
    );
  }

  async resolutions(runId: string): Promise<readonly (string | null)[]> {
    const rows = await this.target.query('select resolution from trueup.reconciliation_log where run_id = $1', [runId]);
    return rows.map((row) => row['resolution'] ?? null);
  }

  async status(runId: string): Promise<string | null> {
    const [row] = await this.target.query('select status from trueup.run where run_id = $1', [runId]);
    return row?.['status'] ?? null;
  }

  async stop(): Promise<void> {
    await this.stopAll();
  }
}

let bundled: Promise<WorkflowBundleWithSourceMap> | undefined;

/** The workflows as a worker gets them; made once for each test file. */
export function bundle(): Promise<WorkflowBundleWithSourceMap> {
  return (bundled ??= bundleWorkflowCode({ workflowsPath: WORKFLOWS, logger: new DefaultLogger('WARN') }));
}

/** Keeps the SDK's notices out of the test's output; to be called before anything else of the SDK. */
export function quiet(): void {
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { forward: {}, filter: { core: 'ERROR', other: 'ERROR' } } },
  });
}
