import { serverText, type RunServers } from '../../contracts/server';

/** What is said of the databases of a run: for each connection which it was, and whether it failed over meanwhile. */
export function serverFacts({ connections, ledger }: RunServers): readonly (readonly [string, string])[] {
  const facts = Object.entries(connections).map(([name, server]) => {
    const { timelines = [] } = server;
    const failover = timelines.length > 1 ? `, failed over: timeline ${timelines.join(', then ')}` : '';
    return [name, `${serverText(server)}${failover}`] as const;
  });
  return [...facts, ['ledger', `schema ${ledger.schema} of ${serverText(ledger.server)}`]];
}
