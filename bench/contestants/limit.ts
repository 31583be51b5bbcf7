import { Client } from 'pg';
import { quoteIdentifier } from '../../database/identifier';
import type { LoadedTable, Urls } from '../load';
import { timed, type Contestant } from './contestant';

/** What the servers themselves need to hash every row of both sides at once, with no word about which rows differ. */
export async function limitContestant(urls: Urls): Promise<Contestant> {
  const sessions = [urls.source, urls.target].map((url) => new Client({ connectionString: url }));
  for (const session of sessions) session.on('error', () => undefined);
  await Promise.all(sessions.map((session) => session.connect()));
  return {
    name: 'limit',
    measure: async ({ name, table }: LoadedTable) => {
      const columns = table.columns.map((column) => quoteIdentifier(column.name)).join(', ');
      const sql = `select count(*), sum(hash_record_extended(row(${columns}), 0)) from ${quoteIdentifier(name)}`;
      const { seconds } = await timed(() => Promise.all(sessions.map((session) => session.query(sql))));
      return { seconds, wrong: null };
    },
    close: async () => void (await Promise.all(sessions.map((session) => session.end()))),
  };
}
