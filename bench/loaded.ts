import type { Sizes } from './home';
import { dropTable, findTable, loadTable, tableName, type LoadedTable } from './load';
import type { BenchOptions } from './options';
import type { World } from './world';

/**
 * Hands one table after the other to `use`, made before and dropped after, so that the disk holds one at a time; with a
 * data folder they stay.
 */
export async function eachTable(
  world: World,
  sizes: Sizes,
  { dataDir, skipData }: Pick<BenchOptions, 'dataDir' | 'skipData'>,
  onStep: (line: string) => void,
  use: (table: LoadedTable) => Promise<void>,
): Promise<void> {
  for (const { table, rows } of sizes) {
    const known = await findTable(world.urls, table, rows);
    if (known === null && skipData) throw new Error(`${dataDir ?? ''} holds no table ${tableName(table, rows)}`);
    if (known === null) onStep(`Loading ${tableName(table, rows)} …`);
    const loaded = known ?? (await loadTable(world.urls, table, rows));
    await use(loaded);
    if (dataDir === undefined) await dropTable(world.urls, loaded);
  }
}
