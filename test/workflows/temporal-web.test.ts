import type { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { waitUntil } from '../../client/embedded/wait-until';
import { InProcess, quiet, type Metadata } from '../support/in-process';
import { servers } from '../support/servers';
import { temporalCli, testClient } from '../support/temporal';

/*
 * What Temporal Web shows comes from the server: looked at here with the `temporal` CLI, which asks the same questions.
 */

const RUN = 'web-run';
let client: Client;
let connection: NativeConnection;
let world: InProcess;

beforeAll(async () => {
  quiet();
  client = await testClient();
  connection = await NativeConnection.connect({ address: servers.temporalAddress });
  world = await InProcess.start({ client, connection, taskQueue: 'temporal-web', searchAttributes: true });
  await world.reset();
});

afterAll(async () => {
  await world.stop();
  await connection.close();
  await client.connection.close();
});

async function temporal(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await temporalCli(args);
  if (code !== 0) throw new Error(`temporal ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Workflow IDs that a list query finds, of this file's runs. */
async function listed(query: string): Promise<readonly string[]> {
  const text = await temporal('workflow', 'list', '--query', `(${query}) and TaskQueue = 'temporal-web'`, '-o', 'json');
  const found = JSON.parse(text || '[]') as readonly { readonly execution: { readonly workflowId: string } }[];
  return found.map(({ execution }) => execution.workflowId).sort();
}

async function untilListed(query: string, ids: readonly string[]): Promise<void> {
  let found: readonly string[] = [];
  const same = async () => JSON.stringify((found = await listed(query))) === JSON.stringify(ids);
  // Visibility follows a workflow with a little delay.
  await waitUntil(same, { timeoutMs: 15_000, everyMs: 200 });
  expect(found).toEqual(ids);
}

async function metadataOf(workflowId: string): Promise<Metadata> {
  const text = await temporal('workflow', 'metadata', '--workflow-id', workflowId, '-o', 'json');
  const answer = JSON.parse(text) as { readonly queryResult: readonly Metadata[] };
  return answer.queryResult[0] ?? {};
}

/** The summaries of a history's activities, timers and children, in order, as its rows show them. */
async function summariesOf(workflowId: string) {
  const text = await temporal('workflow', 'show', '--workflow-id', workflowId, '-o', 'json');
  interface Event {
    readonly eventType: string;
    readonly userMetadata?: { readonly summary?: { readonly data: string } };
  }
  const { events } = JSON.parse(text) as { readonly events: readonly Event[] };
  const shown = events.filter(({ eventType }) =>
    /ACTIVITY_TASK_SCHEDULED|TIMER_STARTED|START_CHILD_WORKFLOW_EXECUTION_INITIATED/.test(eventType),
  );
  return shown.map(({ userMetadata }) => {
    const data = userMetadata?.summary?.data;
    return data === undefined ? null : (JSON.parse(Buffer.from(data, 'base64').toString()) as string);
  });
}

describe('a run in Temporal Web', () => {
  it('tells its story at the gate: plan, digest, deadline, and the command that approves it', async () => {
    const handle = await world.startReconcile({ apply: true }, RUN);
    const { digest } = await world.untilGate(handle);
    const details = (await metadataOf(RUN)).currentDetails ?? '';
    expect(details).toContain('Run `web-run`: **awaiting approval**');
    expect(details).toContain(`Plan **\`${digest}\`**, 5 corrections, deadline 20`);
    expect(details).toMatch(/\| orders\s+\| delete\s+\| 1\s+\| needed \|/);
    expect(details).toContain(`trueup approve ${RUN} --plan ${digest}`);
    expect(details).toContain(`temporal workflow signal --workflow-id ${RUN} --name approve --input '`);
    expect(details).toMatch(
      /\| orders\s+\| inconsistent\s+\| (\d+)\/\1\s+\| 60\s+\| 59\s+\| 2\s+\| 1\s+\| 1\s+\| 0\s+\| 0 \|/,
    );
    expect(details).not.toContain('secret');
    expect(details.length).toBeLessThan(20_000);
  });

  it('is found as waiting for approval, by its phase, and each table by its name', async () => {
    await untilListed('TrueupNeedsApproval = true', [RUN]);
    await untilListed("TrueupPhase = 'awaiting approval'", [RUN]);
    await untilListed("TrueupTable = 'orders'", [`${RUN}/orders`]);
    await untilListed("TrueupTable = 'customers' and TrueupPhase = 'done'", [`${RUN}/customers`]);
  });

  it('says in its pickers what each message takes', async () => {
    const { definition } = await metadataOf(RUN);
    const described = (of: Metadata['definition'] extends infer D ? D : never, kind: keyof NonNullable<typeof of>) =>
      Object.fromEntries((of?.[kind] ?? []).map(({ name, description }) => [name ?? '', description ?? '']));
    const signals = described(definition, 'signalDefinitions');
    expect(signals['approve']).toContain('{"approver": "…", "planDigest": "…", "note": "…"}');
    expect(signals['reject']).toContain('{"approver": "…", "reason": "…"}');
    expect(described(definition, 'updateDefinitions')['decide']).toContain('"decision": "approve" | "reject"');
    expect(described(definition, 'updateDefinitions')['tune']).toContain('"concurrency": 2');
    expect(described(definition, 'queryDefinitions')).toMatchObject({
      progress: 'Phase, chunks, rows and findings of each table',
      plan: "The plan's digest and counts, and how to approve it",
    });
  });

  it('is approved by the command that it shows, and then waits for nobody', async () => {
    const details = (await metadataOf(RUN)).currentDetails ?? '';
    const command = /temporal workflow signal (--workflow-id \S+) (--name approve) --input '(.*)'/.exec(details);
    const input = (command?.[3] ?? '').replace('YOUR NAME', 'ada');
    const words = `${command?.[1] ?? ''} ${command?.[2] ?? ''}`.split(' ');
    await temporal('workflow', 'signal', ...words, '--input', input);
    const handle = client.workflow.getHandle(RUN);
    expect(await handle.result()).toMatchObject({ status: 'applied' });
    const after = (await metadataOf(RUN)).currentDetails ?? '';
    expect(after).toContain('Run `web-run`: **applied**');
    expect(after).toContain('Decided: **approve** by ada at ');
    expect(after).toContain('Corrections: 5 of 5');
    await untilListed('TrueupNeedsApproval = true', []);
    await untilListed("TrueupPhase = 'done' and TrueupNeedsApproval = false", [RUN]);
  });

  it('names every activity, timer and child in its history', async () => {
    const run = await summariesOf(RUN);
    expect(run).not.toContain(null);
    expect(run.slice(0, 3)).toEqual(['check config, tables and privileges', 'Compare customers', 'Compare orders']);
    for (const summary of [
      'freeze the plan',
      'approval deadline',
      'record the decision: approve',
      'confirm that the plan is the approved one',
      'insert 2 rows of orders',
      'verify orders',
      'end the run: applied',
    ]) {
      expect(run).toContain(summary);
    }
    const table = await summariesOf(`${RUN}/orders`);
    expect(table).not.toContain(null);
    expect(table).toContain('plan chunks of orders');
    expect(table.some((summary) => /^compare orders, chunk 1 of \d+$/.test(summary ?? ''))).toBe(true);
    expect(table).toContain('settle at once what of 4 rows of orders is proven to stand still');
    expect(table).toContain('settle 4 rows of orders, 1 of 2');
    expect(table).toContain('aggregate orders');
    const described = await temporal('workflow', 'describe', '--workflow-id', `${RUN}/orders`, '-o', 'json');
    expect(described).toMatch(/"summary": "Compare orders"/);
  });
});
