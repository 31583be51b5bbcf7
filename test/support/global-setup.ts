import { startStack, type EmbeddedStack } from '../../client/embedded/stack';
import { findTemporalTestServer } from './temporal-test-server';

declare global {
  var trueupTestStack: EmbeddedStack | undefined;
}

/** Starts the servers that all test files share; tests find them through `test/support/servers.ts`. */
export default async function globalSetup(): Promise<void> {
  const onStep = (line: string) => process.stderr.write(`${line}\n`);
  const [stack, testServer] = await Promise.all([startStack({ onStep }), findTemporalTestServer({ onStep })]);
  globalThis.trueupTestStack = stack;
  process.env['TRUEUP_TEST_POSTGRES_URL'] = stack.postgres.url();
  process.env['TRUEUP_TEST_TEMPORAL_ADDRESS'] = stack.temporal.address;
  process.env['TRUEUP_TEST_TEMPORAL_UI'] = stack.temporal.uiUrl;
  process.env['TRUEUP_TEST_TEMPORAL_CLI'] = stack.cli;
  process.env['TRUEUP_TEST_TEMPORAL_TEST_SERVER'] = testServer;
}
