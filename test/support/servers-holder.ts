// Starts an embedded stack and holds it until it is killed; a test looks at what is left behind.
import { childrenOf } from '../../client/embedded/children-of';
import { startStack } from '../../client/embedded/stack';

void startStack().then(({ postgres, temporal }) => {
  const pids = [temporal.pid, postgres.pid, ...childrenOf(postgres.pid)];
  console.log('held ' + JSON.stringify({ pids, folder: postgres.dataDir }));
  setInterval(() => undefined, 60_000);
});
