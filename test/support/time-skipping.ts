import { TestWorkflowEnvironment } from '@temporalio/testing';
import { servers } from './servers';

/**
 * A Temporal of its own in which waiting takes no time: while a workflow's result is awaited, timers fire at once.
 * Tear it down in `afterAll`, or its server stays behind.
 */
export function createTimeSkipping(): Promise<TestWorkflowEnvironment> {
  return TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: servers.temporalTestServer } },
  });
}
