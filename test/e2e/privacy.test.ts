import { randomBytes } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { Scenario, type Contents } from '../support/scenario';
import { servers } from '../support/servers';

jest.setTimeout(180_000);

const CONTENTS: Contents = {
  tables: ['clients', 'letters'],
  schema: `
    create table clients (code text primary key, note text, rank int);
    create table letters (id int primary key, client text references clients, body text unique);`,
  rows: `
    insert into clients select 'KEYSECRET' || lpad(g::text, 4, '0'), 'SECRETVALUE123-' || g, g from generate_series(1, 300) g;
    insert into letters select g, 'KEYSECRET' || lpad(g::text, 4, '0'), 'SECRETVALUE123-letter-' || g from generate_series(1, 300) g;`,
  damage: `
    delete from letters where id % 10 = 1;
    update clients set note = 'SECRETVALUE123-other' where rank % 20 = 2;
    update clients set note = 'SECRETVALUE123-free' where rank = 3;
    insert into letters values (1001, 'KEYSECRET0004', 'SECRETVALUE123-letter-11');
    alter table clients add constraint no_third check (note <> 'SECRETVALUE123-3');`,
};
const PASSWORD = 'PASSWORDSECRET987';
const WRONG = 'WRONGSECRET555';
const SECRET = /SECRETVALUE123|KEYSECRET|PASSWORDSECRET987|WRONGSECRET555/;

/** A history as the CLI prints it, with whatever is encoded in it beside it in plain text. */
function readable(json: string): string {
  const encoded = [...json.matchAll(/"([A-Za-z0-9+/]{16,}={0,2})"/g)].map(([, data]) =>
    Buffer.from(data ?? '', 'base64').toString('utf8'),
  );
  return [json, ...encoded].join('\n');
}

describe('what leaves the databases', () => {
  let admin: TestDatabase;
  let scenario: Scenario;
  const role = `e2e_${randomBytes(5).toString('hex')}`;

  beforeAll(async () => {
    admin = await createTestDatabase('privacy');
    await admin.query(`create role ${role} login superuser password '${PASSWORD}'`);
    const url = new URL(servers.postgresUrl);
    url.username = role;
    url.password = PASSWORD;
    scenario = await Scenario.create({ contents: CONTENTS, postgresUrl: url.href, defaults: ['chunkRows: 7'] });
  });
  afterAll(async () => {
    await scenario?.remove();
    await admin?.query(`drop role if exists ${role}`);
    await admin?.drop();
  });

  test('no row value, key or password is in a history, a log line or a search attribute, also when things fail', async () => {
    const worker = await scenario.startWorker({ TRUEUP_LOG_LEVEL: 'trace' });
    const workflowId = await scenario.startReconcile({ apply: true });
    const waiting = await scenario.waitForRun(workflowId, ['awaiting_approval']);
    await scenario.approve(workflowId, waiting.plan_digest ?? '');
    const { run_id: runId } = await scenario.waitForRun(workflowId, ['applied', 'incomplete']);
    await scenario.waitForClose(workflowId);
    // The test sees what it is about: the ledger has the values, and the reason of the failure with them.
    expect(
      await scenario.count(`select count(*) from trueup.correction_log where run_id = $1 and status = 'FAILED'`, [
        runId,
      ]),
    ).toBeGreaterThan(0);
    expect(JSON.stringify(await scenario.findings(runId))).toMatch(SECRET);
    const undo = await scenario.trueup('undo', runId, '--yes', '--json');
    expect(undo.code).toBe(0);
    expect(undo.stdout + undo.stderr).not.toMatch(SECRET);
    const seen = [await scenario.temporal('workflow', 'metadata', '--workflow-id', workflowId)];
    await worker.stop();

    const wrong = new URL(scenario.sourceUrl);
    wrong.password = WRONG;
    const locked = await scenario.startWorker({ LEGACY_URL: wrong.href, TRUEUP_LOG_LEVEL: 'trace' });
    const refused = await scenario.trueup('run', '--json');
    expect(refused.code).toBe(4);
    expect(refused.stdout + refused.stderr).toMatch(/AUTHENTICATION_FAILED|password/i);
    expect(refused.stdout + refused.stderr).not.toMatch(SECRET);
    await locked.stop();

    const executions = await scenario.executions();
    expect(new Set(executions.map(({ type }) => type))).toEqual(new Set(['reconcile', 'reconcileTable', 'undo']));
    for (const execution of executions) {
      seen.push(JSON.stringify(execution));
      for (const command of ['show', 'describe']) {
        const args = ['--workflow-id', execution.workflowId, '--run-id', execution.runId, '-o', 'json'];
        seen.push(readable(await scenario.temporal('workflow', command, ...args)));
      }
    }
    expect(seen.join('\n')).toContain('compareChunks');
    expect(seen.join('\n')).not.toMatch(SECRET);
    expect(scenario.workerLogs).toContain('worker ready');
    expect(scenario.workerLogs).not.toMatch(SECRET);
  });
});
