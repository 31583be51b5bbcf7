import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createActivities } from '../activities';
import { Metrics } from '../activities/metrics';
import { Resources } from '../activities/resources';
import { loadConfig } from '../config/load';
import { EXIT } from '../contracts/exit-code';
import { TrueupError } from '../contracts/errors';
import { TASK_QUEUE } from '../contracts/names';
import { watchDrift } from './drift-watch';
import { createLogger } from './logger';
import { metricsAddress, metricsUrl } from './metrics-address';
import { installRuntime } from './runtime';
import { registerSearchAttributes } from './search-attributes';
import { WORKFLOW_FAILURES } from './workflow-failures';

/** Activities beside the chunks that are compared: planning, settling, applying, and the short steps. */
const OTHER_ACTIVITIES = 12;

const STARTED_AT = Date.now() - process.uptime() * 1_000;

async function connect(): Promise<{ readonly connection: NativeConnection; readonly namespace: string }> {
  const { connectionOptions, namespace } = loadClientConnectConfig({});
  const address = connectionOptions.address ?? 'localhost:7233';
  try {
    return {
      connection: await NativeConnection.connect({ ...connectionOptions, address }),
      namespace: namespace ?? 'default',
    };
  } catch {
    throw new TrueupError('TEMPORAL_UNREACHABLE', `no Temporal server answers at ${address}`);
  }
}

/** The bundle that the build made of the workflows, or the sources to make one of. */
function workflows(): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  const codePath = join(__dirname, '..', 'workflows', 'bundle.js');
  if (existsSync(codePath)) return { workflowBundle: { codePath } };
  return { workflowsPath: require.resolve('../workflows') };
}

async function main(log: Logger): Promise<void> {
  const { values } = parseArgs({ options: { config: { type: 'string' }, metrics: { type: 'string' } } });
  const config = loadConfig({ path: values.config });
  const address = await metricsAddress(values.metrics ?? process.env['TRUEUP_METRICS_ADDRESS']);
  installRuntime(log, address);
  const { connection, namespace } = await connect();
  const { concurrency } = config.defaults;
  const searchAttributes = await registerSearchAttributes(connection, namespace, log);
  const metrics = address === null ? undefined : new Metrics(Runtime.instance().metricMeter, STARTED_AT);
  const resources = new Resources({ configPath: config.path, concurrency, searchAttributes, metrics });
  const watch = metrics && watchDrift(resources, metrics, config, log);
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue: TASK_QUEUE,
    ...workflows(),
    activities: createActivities(resources),
    maxConcurrentActivityTaskExecutions: 4 * concurrency + OTHER_ACTIVITIES,
    workflowFailureErrorTypes: WORKFLOW_FAILURES,
    maxCachedWorkflows: 200,
    // A chunk that is being compared may finish; what does not is taken up by the next worker.
    shutdownGraceTime: '10s',
    shutdownForceTime: '30s',
  });
  const serves = address === null ? {} : { metrics: metricsUrl(address) };
  log.info({ taskQueue: TASK_QUEUE, namespace, concurrency, config: config.path, ...serves }, 'worker ready');
  try {
    await worker.run();
  } finally {
    await watch?.stop();
    await resources.close();
    await connection.close();
  }
}

const log = createLogger(process.env);
main(log).then(
  () => log.info('worker stopped'),
  (error: unknown) => {
    if (error instanceof TrueupError) log.fatal({ code: error.code, help: error.help }, error.message);
    else log.fatal({ errorName: (error as Error).name }, (error as Error).message);
    process.exitCode = error instanceof TrueupError ? error.exitCode : EXIT.failed;
  },
);
