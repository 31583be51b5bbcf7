import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { waitUntil } from '../../client/embedded/wait-until';
import { AUDIT, auditOf, BANK_DAMAGE, BANK_ROWS, BANK_SCHEMA, BANK_TABLES } from './bank';
import type { TextRow } from './database';
import { runTrueup, spawnNode, spawnTrueup, type Exit, type RunningProcess } from './process';
import { servers } from './servers';
import { temporalCli, type CliResult } from './temporal';

export interface Contents {
  readonly tables: readonly string[];
  readonly schema: string;
  readonly rows: string;
  /** What is done to the target alone. */
  readonly damage: string;
}

export interface ScenarioOptions {
  /** The settling delay; null: the product's own default. */
  readonly settle?: string | null;
  /** YAML lines under `defaults:`. */
  readonly defaults?: readonly string[];
  /** YAML of the list `tables:`; default: all tables. */
  readonly tables?: string;
  readonly contents?: Contents;
  /** A server of the test's own; default: the shared one. */
  readonly postgresUrl?: string;
  readonly temporalAddress?: string;
}

export interface RunRow {
  readonly run_id: string;
  readonly workflow_id: string;
  readonly status: string;
  readonly plan_digest: string | null;
  readonly error_code: string | null;
}

export const BANK: Contents = { tables: BANK_TABLES, schema: BANK_SCHEMA, rows: BANK_ROWS, damage: BANK_DAMAGE };
const AS_TEXT = { getTypeParser: () => (value: string) => value } as never;
const SECONDS = 1_000;
/** The damage of the bank is more than a guard of 1,000 rows lets through; a test of guards says so itself. */
const GUARD = ['guard: { rows: 100000 }'];

/** Two databases that differ, a config, a Temporal namespace and workers of its own: all that one user would have. */
export class Scenario {
  readonly workers: RunningProcess[] = [];
  /** What workers logged, of all of them. */
  workerLogs = '';

  private constructor(
    readonly folder: string,
    readonly namespace: string,
    readonly address: string,
    readonly sourceUrl: string,
    readonly targetUrl: string,
    readonly contents: Contents,
    private readonly serverUrl: string,
  ) {}

  static async create(options: ScenarioOptions = {}): Promise<Scenario> {
    buildOnce();
    const unique = randomBytes(5).toString('hex');
    const serverUrl = options.postgresUrl ?? servers.postgresUrl;
    const address = options.temporalAddress ?? servers.temporalAddress;
    const [source, target] = [`legacy_${unique}`, `modern_${unique}`];
    const scenario = new Scenario(
      mkdtempSync(join(tmpdir(), 'trueup-e2e-')),
      `e2e-${unique}`,
      address,
      onDatabase(serverUrl, source),
      onDatabase(serverUrl, target),
      options.contents ?? BANK,
      serverUrl,
    );
    try {
      await Promise.all([scenario.#createDatabases(source, target), scenario.#createNamespace()]);
      scenario.writeConfig(options);
    } catch (error) {
      await scenario.remove();
      throw error;
    }
    return scenario;
  }

  writeConfig({
    defaults = [],
    tables,
    settle = '50ms',
  }: Pick<ScenarioOptions, 'defaults' | 'tables' | 'settle'>): void {
    const guard = defaults.some((line) => line.startsWith('guard:')) ? [] : GUARD;
    const delay = settle === null ? [] : [`settle: { delay: ${settle} }`];
    const lines = [
      'connections:',
      '  legacy: { url: "${LEGACY_URL}" }',
      '  modern: { url: "${MODERN_URL}" }',
      'defaults:',
      ...['source: legacy', 'target: modern', ...delay, ...guard, ...defaults].map((line) => `  ${line}`),
      'tables:',
      tables ?? this.contents.tables.map((name) => `  - { name: ${name}, source: public.${name} }`).join('\n'),
    ];
    writeFileSync(join(this.folder, 'trueup.yaml'), lines.join('\n') + '\n');
  }

  get env(): Record<string, string> {
    return {
      LEGACY_URL: this.sourceUrl,
      MODERN_URL: this.targetUrl,
      TRUEUP_CONFIG: join(this.folder, 'trueup.yaml'),
      TEMPORAL_ADDRESS: this.address,
      TEMPORAL_NAMESPACE: this.namespace,
    };
  }

  /** Starts a worker process and returns when it takes work. */
  async startWorker(env: Readonly<Record<string, string>> = {}): Promise<RunningProcess> {
    const worker = spawnNode('dist/workers/main.js', { env: { ...this.env, ...env }, cwd: this.folder });
    this.workers.push(worker);
    void worker.exited.then((exit) => (this.workerLogs += exit.stdout + exit.stderr));
    await worker.waitForLine(/worker ready/, 60 * SECONDS);
    return worker;
  }

  trueup(...args: string[]): Promise<Exit> {
    return runTrueup(args, { env: this.env, cwd: this.folder });
  }

  spawnTrueup(...args: string[]): RunningProcess {
    return spawnTrueup(args, { env: this.env, cwd: this.folder });
  }

  /** Runs the `temporal` CLI in the namespace of this scenario; what it prints must be a success. */
  async temporal(...args: string[]): Promise<string> {
    const command = [...args, '--namespace', this.namespace];
    let result: CliResult = await temporalCli(command, this.address);
    // A server that has just come back says so for a moment; whoever types the command would try again too.
    for (let tries = 0; tries < 20 && result.stderr.includes('Workflow is busy'); tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      result = await temporalCli(command, this.address);
    }
    if (result.code !== 0) throw new Error(`temporal ${args.join(' ')} ended with ${result.code}: ${result.stderr}`);
    return result.stdout;
  }

  /** Starts `reconcile` with the `temporal` CLI, as the product's page says; returns the workflow's ID. */
  async startReconcile(input: object): Promise<string> {
    const id = `e2e-${randomBytes(4).toString('hex')}`;
    const args = ['--type', 'reconcile', '--task-queue', 'trueup', '--workflow-id', id];
    await this.temporal('workflow', 'start', ...args, '--input', JSON.stringify(input));
    return id;
  }

  async approve(workflowId: string, planDigest: string, terms: object = {}): Promise<void> {
    const input = JSON.stringify({ approver: 'Ada', planDigest, ...terms });
    await this.temporal('workflow', 'signal', '--workflow-id', workflowId, '--name', 'approve', '--input', input);
  }

  source(sql: string, values: readonly unknown[] = []): Promise<TextRow[]> {
    return query(this.sourceUrl, sql, values);
  }

  target(sql: string, values: readonly unknown[] = []): Promise<TextRow[]> {
    return query(this.targetUrl, sql, values);
  }

  async count(sql: string, values: readonly unknown[] = []): Promise<number> {
    const [row] = await this.target(sql, values);
    return Number(Object.values(row ?? {})[0]);
  }

  /** The run of a workflow as it stands in the ledger; null before it was entered. */
  async findRun(workflowId: string): Promise<RunRow | null> {
    const rows = await this.target(
      'select run_id, workflow_id, status, plan_digest, error_code from trueup.run where workflow_id = $1',
      [workflowId],
    ).catch(() => []);
    return (rows[0] as unknown as RunRow | undefined) ?? null;
  }

  /** Waits until the ledger shows the run in one of these states, and fails as soon as it ends in another. */
  async waitForRun(workflowId: string, statuses: readonly string[], timeoutMs = 90 * SECONDS): Promise<RunRow> {
    let run: RunRow | null = null;
    const open = ['running', 'awaiting_approval'];
    await waitUntil(
      async () => {
        run = await this.findRun(workflowId);
        return run !== null && (statuses.includes(run.status) || !open.includes(run.status));
      },
      { timeoutMs, everyMs: 100 },
    );
    const found = run as RunRow | null;
    if (found !== null && statuses.includes(found.status)) return found;
    throw new Error(`run ${workflowId}: expected ${statuses.join(' or ')}, found ${JSON.stringify(found)}`);
  }

  async waitForTarget(what: string, sql: string, timeoutMs = 60 * SECONDS): Promise<void> {
    const isSo = async () => Object.values((await this.target(sql))[0] ?? {})[0] === 't';
    if (await waitUntil(isSo, { timeoutMs, everyMs: 20 })) return;
    throw new Error(`${what}: not within ${timeoutMs} ms`);
  }

  /** Waits until the workflow itself has closed, and returns how. */
  async waitForClose(workflowId: string, timeoutMs = 60 * SECONDS): Promise<string> {
    let status = '';
    await waitUntil(
      async () => {
        status = (await this.describe(workflowId)).status;
        return status !== 'WORKFLOW_EXECUTION_STATUS_RUNNING';
      },
      { timeoutMs, everyMs: 200 },
    );
    return status.replace('WORKFLOW_EXECUTION_STATUS_', '');
  }

  async describe(workflowId: string, runId = ''): Promise<{ readonly status: string; readonly historyLength: number }> {
    const text = await this.temporal(
      'workflow',
      'describe',
      '--workflow-id',
      workflowId,
      '--run-id',
      runId,
      '-o',
      'json',
    );
    const { workflowExecutionInfo: info } = JSON.parse(text) as {
      workflowExecutionInfo: { status: string; historyLength: string };
    };
    return { status: info.status, historyLength: Number(info.historyLength) };
  }

  /** Every execution in the namespace. */
  async executions(): Promise<
    readonly {
      readonly workflowId: string;
      readonly runId: string;
      readonly type: string;
      readonly searchAttributes: unknown;
    }[]
  > {
    const text = await this.temporal('workflow', 'list', '-o', 'json', '--limit', '500');
    const listed = JSON.parse(text || '[]') as {
      execution: { workflowId: string; runId: string };
      type: { name: string };
      searchAttributes?: unknown;
    }[];
    return listed.map(({ execution, type, searchAttributes }) => ({ ...execution, type: type.name, searchAttributes }));
  }

  /** Runs a statement that takes a lock on the target, and holds it until released. */
  async hold(sql: string): Promise<{ release(): Promise<void> }> {
    const client = await connect(this.targetUrl);
    await client.query('begin');
    await client.query(sql);
    return {
      release: async () => {
        await client.query('rollback').catch(() => undefined);
        await client.end().catch(() => undefined);
      },
    };
  }

  /** All rows of all tables of the target, as one digest for each table. */
  digestOfTarget(): Promise<Record<string, string>> {
    return digest(this.targetUrl, this.contents.tables);
  }

  digestOfSource(): Promise<Record<string, string>> {
    return digest(this.sourceUrl, this.contents.tables);
  }

  /** What a run must find, by plain SQL on both sides: `table type key`, sorted. */
  async expectedFindings(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const table of this.contents.tables) {
      const [source, target] = await Promise.all([rowsByKey(this.sourceUrl, table), rowsByKey(this.targetUrl, table)]);
      for (const [key, row] of source) {
        if (!target.has(key)) found.push(`${table} missing_in_target ${key}`);
        else if (target.get(key) !== row) found.push(`${table} field_mismatch ${key}`);
      }
      for (const key of target.keys()) if (!source.has(key)) found.push(`${table} extra_in_target ${key}`);
    }
    return found.sort();
  }

  /** What a run found by comparing rows, in the form of {@link expectedFindings}. */
  async findings(runId: string): Promise<readonly string[]> {
    const rows = await this.target(
      `select table_name || ' ' || inconsistency_type || ' ' || (select value from jsonb_each_text(record_key)) as line
         from trueup.reconciliation_log where run_id = $1 and check_kind is null`,
      [runId],
    );
    return rows.map((row) => row['line'] ?? '').sort();
  }

  async forgetChanges(): Promise<void> {
    await this.target('truncate audit.change');
  }

  /**
   * What must hold of a run however often it was interrupted: one entry for each plan item, one before-image for each
   * success and none beside, and each row changed in the target as often as the ledger says: once. `among`: of these tables.
   */
  async ledgerFaults(runId: string, among: readonly string[] = this.contents.tables): Promise<Record<string, number>> {
    const changes = `(select * from audit.change where table_name in (${among.map((name) => `'${name}'`).join(', ')}))`;
    const checks = {
      planWithoutOneEntry: `select count(*) from (select p.seq from trueup.plan_item p
        left join trueup.correction_log c using (run_id, seq) where p.run_id = $1
        group by p.seq, p.left_out having count(c.id) <> case when p.left_out then 0 else 1 end) x`,
      entriesOutsidePlan: `select count(*) from trueup.correction_log c left join trueup.plan_item p using (run_id, seq)
        where c.run_id = $1 and p.seq is null`,
      successWithoutOneImage: `select count(*) from (select c.seq from trueup.correction_log c
        left join trueup.before_image b using (run_id, seq) where c.run_id = $1 and c.status = 'SUCCESS'
        group by c.seq having count(b.seq) <> 1) x`,
      imageWithoutSuccess: `select count(*) from trueup.before_image b left join trueup.correction_log c
        on c.run_id = b.run_id and c.seq = b.seq and c.status = 'SUCCESS' where b.run_id = $1 and c.seq is null`,
      rowsChangedTwice: `select count(*) from (select 1 from ${changes} as a where $1 <> ''
        group by table_name, key having count(*) > 1) x`,
      changesOutsideLedger: `select count(*) from ${changes} as a full join
        (select replace(table_name, 'public.', '') as table_name, operation, (select value from jsonb_each_text(record_key)) as key
           from trueup.correction_log where run_id = $1 and status = 'SUCCESS') c
        on c.table_name = a.table_name and c.operation = a.operation and c.key = a.key
        where a.key is null or c.key is null`,
    };
    const faults: Record<string, number> = {};
    for (const [name, sql] of Object.entries(checks)) faults[name] = await this.count(sql, [runId]);
    return faults;
  }

  /** Stops every worker and takes databases and files away. */
  async remove(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop(5 * SECONDS)));
    for (const url of [this.sourceUrl, this.targetUrl]) {
      const name = new URL(url).pathname.slice(1);
      await query(this.serverUrl, `drop database if exists ${name} with (force)`);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #createDatabases(source: string, target: string): Promise<void> {
    const { schema, rows, damage, tables } = this.contents;
    await query(this.serverUrl, `create database ${source} template template0`);
    await query(this.sourceUrl, `${schema}\n${rows}`);
    await query(this.serverUrl, `create database ${target} template ${source}`);
    await query(this.targetUrl, `${damage}\n${AUDIT}`);
    for (const table of tables) await query(this.targetUrl, auditOf(table, await keyOf(this.targetUrl, table)));
    await Promise.all([query(this.sourceUrl, 'analyze'), query(this.targetUrl, 'analyze')]);
  }

  async #createNamespace(): Promise<void> {
    const made = await temporalCli(['operator', 'namespace', 'create', '--namespace', this.namespace], this.address);
    if (made.code !== 0) throw new Error(`no namespace ${this.namespace}: ${made.stderr}`);
    // The server's parts hear of it one after the other.
    const isKnown = async () =>
      (await temporalCli(['workflow', 'list', '--namespace', this.namespace], this.address)).code === 0;
    if (!(await waitUntil(isKnown, { timeoutMs: 30 * SECONDS, everyMs: 200 }))) {
      throw new Error(`namespace ${this.namespace} does not serve`);
    }
  }
}

/** No fault of any kind: what {@link Scenario.ledgerFaults} must give. */
export const NO_FAULTS = {
  planWithoutOneEntry: 0,
  entriesOutsidePlan: 0,
  successWithoutOneImage: 0,
  imageWithoutSuccess: 0,
  rowsChangedTwice: 0,
  changesOutsideLedger: 0,
};

function onDatabase(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url, types: AS_TEXT, connectionTimeoutMillis: 5 * SECONDS });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** One statement on a session of its own: the server may have been restarted since the last one. */
async function query(url: string, sql: string, values: readonly unknown[] = []): Promise<TextRow[]> {
  const client = await connect(url);
  try {
    const result = await client.query<TextRow>(values.length === 0 ? sql : { text: sql, values: [...values] });
    return (Array.isArray(result) ? (result.at(-1) as typeof result) : result).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function keyOf(url: string, table: string): Promise<string> {
  const [row] = await query(
    url,
    `select a.attname as name from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
      where i.indrelid = $1::regclass and i.indisprimary`,
    [table],
  );
  return row?.['name'] ?? '';
}

async function rowsByKey(url: string, table: string): Promise<ReadonlyMap<string, string>> {
  const rows = await query(url, `select ${await keyOf(url, table)}::text as key, t::text as row from ${table} t`);
  return new Map(rows.map((row) => [row['key'] ?? '', row['row'] ?? '']));
}

async function digest(url: string, tables: readonly string[]): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  for (const table of tables) {
    const [row] = await query(
      url,
      `select count(*) || ' ' || coalesce(md5(string_agg(t::text, E'\\n' order by t::text collate "C")), '') as d from ${table} t`,
    );
    digests[table] = row?.['d'] ?? '';
  }
  return digests;
}

/** The worker runs from dist, which must be what the sources say. */
function buildOnce(): void {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- a plain script, which the CLI requires likewise
  (require('../../scripts/build.js') as { build(): boolean }).build();
}
