import { SEARCH_ATTRIBUTE, TASK_QUEUE } from '../../contracts/names';
import { connectTemporal, type Environment, type Temporal } from '../temporal/connection';
import { temporalFailure } from '../temporal/failure';
import { workersPolling } from '../temporal/pollers';
import { failed, failedBy, passed, type Check } from './check';

const CLI_TYPE = { KEYWORD: 'Keyword', BOOL: 'Bool' } as const;

/** Checks the server, the namespace, our search attributes, and that a worker polls. */
export async function checkTemporal(env: Environment): Promise<readonly Check[]> {
  let temporal: Temporal;
  try {
    temporal = await connectTemporal(env);
  } catch (error) {
    return [failedBy('Temporal', error)];
  }
  try {
    const checks = [passed('Temporal', `reached at ${temporal.address}`)];
    const namespace = await checkNamespace(temporal);
    checks.push(namespace);
    if (!namespace.ok) return checks;
    return [...checks, await checkSearchAttributes(temporal), await checkWorkers(temporal)];
  } finally {
    await temporal.close();
  }
}

async function checkNamespace({ connection, namespace }: Temporal): Promise<Check> {
  const name = `namespace ${namespace}`;
  try {
    await connection.withDeadline(Date.now() + 5_000, () =>
      connection.workflowService.describeNamespace({ namespace }),
    );
    return passed(name, 'there');
  } catch (error) {
    const { message } = temporalFailure(error, 'cannot be read');
    return failed(
      name,
      message,
      `Set TEMPORAL_NAMESPACE, or create it: temporal operator namespace create -n ${namespace}`,
    );
  }
}

async function checkSearchAttributes({ connection, namespace }: Temporal): Promise<Check> {
  const name = 'search attributes';
  const wanted = Object.values(SEARCH_ATTRIBUTE);
  try {
    const { customAttributes } = await connection.withDeadline(Date.now() + 5_000, () =>
      connection.operatorService.listSearchAttributes({ namespace }),
    );
    const lacking = wanted.filter((attribute) => !Object.hasOwn(customAttributes, attribute.name));
    if (lacking.length === 0) return passed(name, wanted.map((attribute) => attribute.name).join(', '));
    const flags = lacking.map((attribute) => `--name ${attribute.name} --type ${CLI_TYPE[attribute.type]}`).join(' ');
    return failed(
      name,
      `not registered: ${lacking.map((attribute) => attribute.name).join(', ')}`,
      `A worker registers them at its start, or: temporal operator search-attribute create -n ${namespace} ${flags}`,
    );
  } catch (error) {
    return failedBy(name, temporalFailure(error, 'cannot be listed'));
  }
}

async function checkWorkers(temporal: Temporal): Promise<Check> {
  const name = `worker on task queue ${TASK_QUEUE}`;
  try {
    const workers = await workersPolling(temporal);
    if (workers.length > 0) return passed(name, workers.join(', '));
    return failed(name, 'none polls', 'Start one: trueup worker');
  } catch (error) {
    return failedBy(name, temporalFailure(error, 'cannot be described'));
  }
}
