import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRun } from '../../activities/open-run';
import { Resources } from '../../activities/resources';
import { createDatabasePair, type TestDatabase } from './database';

/** Activities as a worker calls them, without Temporal, on two databases with one empty table `t (id)`. */
export class OneTable {
  private constructor(
    readonly source: TestDatabase,
    readonly target: TestDatabase,
    readonly resources: Resources,
    readonly configPath: string,
    private readonly dropAll: () => Promise<void>,
  ) {}

  static async create(name: string): Promise<OneTable> {
    const { source, target, drop } = await createDatabasePair(name);
    for (const side of [source, target]) await side.query('create table t (id int primary key)');
    const folder = mkdtempSync(join(tmpdir(), 'trueup-one-table-'));
    const configPath = join(folder, 'trueup.yaml');
    const resources = OneTable.resources(configPath);
    const one = new OneTable(source, target, resources, configPath, async () => {
      await resources.close();
      await drop();
      rmSync(folder, { recursive: true, force: true });
    });
    one.configure();
    return one;
  }

  /** What another worker with the same config would hold. */
  static resources(configPath: string): Resources {
    return new Resources({ configPath, concurrency: 2, searchAttributes: false });
  }

  /** Writes the config; `tables` and `defaults`, further fields of them, in YAML; `more`, further lines. */
  configure(tables = '[t]', defaults = 'fourEyes: false', more = ''): void {
    const connections = `connections: { legacy: { url: "${this.source.url}" }, modern: { url: "${this.target.url}" } }`;
    const all = `defaults: { source: legacy, target: modern, ${defaults} }`;
    writeFileSync(this.configPath, `${connections}\n${all}\ntables: ${tables}\n${more}\n`);
  }

  open(workflowId: string, resources = this.resources) {
    const firstExecutionRunId = `${workflowId}-execution`;
    return openRun(resources, { input: { apply: true }, workflowId, firstExecutionRunId });
  }

  drop(): Promise<void> {
    return this.dropAll();
  }
}
