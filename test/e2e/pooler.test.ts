import { Client } from 'pg';
import { PgBouncer } from '../support/pgbouncer';
import { Scenario } from '../support/scenario';
import { servers } from '../support/servers';

/** What an application sees of its sessions that was not there before. (The pooler itself sets `application_name`.) */
const SEEN = `select coalesce(string_agg(name || '=' || setting, ',' order by name), '') as s
  from pg_settings where source = 'session' and name <> 'application_name'`;

describe('source, target and ledger behind a transaction pooler of five sessions', () => {
  let scenario: Scenario;
  let bouncer: PgBouncer;
  let others: readonly Client[];
  const seen = () => Promise.all(others.map(async (client) => (await client.query<{ s: string }>(SEEN)).rows[0]?.s));
  const parse = (text: string) => JSON.parse(text) as { readonly runId: string; readonly planDigest: string };

  beforeAll(async () => {
    bouncer = await PgBouncer.start(servers.postgresUrl, 'transaction', { default_pool_size: 5 });
    scenario = await Scenario.create();
    await scenario.target('create table public.others (n int)');
    others = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const client = new Client({ connectionString: bouncer.url(scenario.targetUrl) });
        await client.connect();
        return client;
      }),
    );
  });
  afterAll(async () => {
    await Promise.all(others.map((client) => client.end()));
    await scenario.remove();
    await bouncer.stop();
  });

  test('a run, its undo, a review and an audit are right, and the sessions of another application are as they were', async () => {
    const url = { LEGACY_URL: bouncer.url(scenario.sourceUrl), MODERN_URL: bouncer.url(scenario.targetUrl) };
    Object.defineProperty(scenario, 'env', { configurable: true, value: { ...scenario.env, ...url } });
    const damaged = await scenario.digestOfTarget();
    const before = await seen();
    let written = 0;
    let isOver = false;
    const writing = (async () => {
      while (!isOver) {
        await others[written % others.length]?.query('insert into others values (1)');
        written += 1;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    })();
    // Where something below fails, this ends with the sessions.
    writing.catch(() => undefined);
    await scenario.startWorker();
    const expected = await scenario.expectedFindings();
    const dry = await scenario.trueup('run', '--json');
    expect(dry).toMatchObject({ code: 1, stderr: '' });
    expect(await scenario.findings(parse(dry.stdout).runId)).toEqual(expected);
    const planned = await scenario.trueup('run', '--apply', '--json');
    expect(planned.code).toBe(3);
    const { runId, planDigest } = parse(planned.stdout);
    await scenario.trueup('approve', runId, '--plan', planDigest, '--approver', 'Ada');
    const [run] = await scenario.target('select workflow_id as id from trueup.run where run_id = $1', [runId]);
    await scenario.waitForRun(run?.['id'] ?? '', ['applied']);
    expect(await scenario.digestOfTarget()).toEqual(await scenario.digestOfSource());
    expect(await scenario.trueup('audit', runId)).toMatchObject({ code: 0 });
    const undo = await scenario.trueup('undo', runId, '--yes', '--json');
    expect(undo.code).toBe(0);
    expect(await scenario.digestOfTarget()).toEqual(damaged);
    expect(await scenario.trueup('doctor')).toMatchObject({ code: 0 });
    scenario.writeConfig({ defaults: ['corrections: { missing: review, mismatched: review, extra: review }'] });
    expect((await scenario.trueup('run', '--apply', '--json')).code).toBe(1);
    const listed = await scenario.trueup('review', 'list', '--json', '--type', 'field_mismatch');
    const [entry] = listed.stdout.split('\n').map((line) => line && (JSON.parse(line) as { readonly id: string }).id);
    const resolve = ['--resolution', 'APPLY_SOURCE', '--reviewer', 'ada', '--json'];
    expect(await scenario.trueup('review', 'resolve', entry ?? '', ...resolve)).toMatchObject({ code: 0, stderr: '' });
    expect(await scenario.digestOfTarget()).not.toEqual(damaged);
    isOver = true;
    await writing;
    expect(written).toBeGreaterThan(0);
    for (const client of others) await client.query('insert into others values (2)');
    expect(await seen()).toEqual(before);
  }, 240_000);

  test('doctor names a pooler of single statements', async () => {
    const statements = await PgBouncer.start(servers.postgresUrl, 'statement');
    try {
      const url = { LEGACY_URL: statements.url(scenario.sourceUrl) };
      Object.defineProperty(scenario, 'env', { configurable: true, value: { ...scenario.env, ...url } });
      const { code, stdout, stderr } = await scenario.trueup('doctor');
      expect(code).not.toBe(0);
      expect(stdout + stderr).toContain('POOLER_UNSUPPORTED');
    } finally {
      await statements.stop();
    }
  }, 60_000);
});
