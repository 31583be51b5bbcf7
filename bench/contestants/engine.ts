import { DEFAULTS, pairOf } from '../../config/config';
import { TrueupError } from '../../contracts/errors';
import { Database } from '../../database/connection';
import { readTableShape } from '../../database/table-shape';
import { compareChunk } from '../../engine/compare-chunk';
import { chooseHash } from '../../engine/canary';
import { resolveComparison } from '../../engine/comparison';
import { keyValues, type KeyValues } from '../../engine/key';
import { planChunks } from '../../engine/plan-chunks';
import { readBoth } from '../../engine/settle';
import { sideOf } from '../../engine/side';
import type { Urls } from '../load';
import type { Damage } from '../table';
import { timed, wrongAnswer, type Contestant } from './contestant';

const { chunkRows, concurrency } = DEFAULTS;

/** Keys read again at a time, as a run does. */
const BATCH = 500;

/** The engine's own work with a run's default settings: no Temporal, no ledger, no waiting before the second reading. */
export function engineContestant(urls: Urls): Contestant {
  const open = (name: 'source' | 'target') =>
    new Database({ name, url: urls[name], maxConnections: concurrency + 8, readOnly: name === 'source' });
  const databases = { source: open('source'), target: open('target') };
  return {
    name: 'engine',
    measure: async (table) => {
      const { seconds, result } = await timed(() => compare(databases, table.name));
      return { seconds, wrong: wrongAnswer(table.expected, result) };
    },
    close: async () => void (await Promise.all([databases.source.close(), databases.target.close()])),
  };
}

async function compare(databases: { readonly source: Database; readonly target: Database }, table: string) {
  const shapeOn = async (role: 'source' | 'target') => {
    const shape = await readTableShape(databases[role], 'public', table);
    if (shape === null) throw new TrueupError('TABLE_NOT_FOUND', `the ${role} has no table ${table}`);
    return shape;
  };
  const ref = (connection: string) => ({ connection, schema: 'public', table });
  const pair = pairOf({ ...DEFAULTS }, { name: table, source: ref('source'), target: ref('target') });
  const hash = await chooseHash(databases.source, databases.target);
  const comparison = resolveComparison(pair, await shapeOn('source'), await shapeOn('target'), hash);
  const sides = {
    source: sideOf(comparison, 'source', databases.source),
    target: sideOf(comparison, 'target', databases.target),
  };
  const chunks = (await planChunks(comparison, sides, chunkRows)).values();
  const keys: KeyValues[] = [];
  const counts: Record<Damage, number> = { field_mismatch: 0, missing_in_target: 0, extra_in_target: 0 };
  const lane = async () => {
    for (const chunk of chunks) {
      await compareChunk(comparison, sides, chunk, async (differences) => {
        for (const difference of differences) {
          counts[difference.type] += 1;
          keys.push(keyValues(comparison, difference.key));
        }
      });
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  for (let at = 0; at < keys.length; at += BATCH) await readBoth(comparison, sides, keys.slice(at, at + BATCH));
  return counts;
}
