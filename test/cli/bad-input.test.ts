import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../client/embedded/free-port';
import { ERRORS, type ErrorCode } from '../../contracts/errors';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { runTrueup, type Exit } from '../support/process';
import { Scenario } from '../support/scenario';

const SCHEMA = `
  create table customers (id int primary key, name text not null);
  create table hidden (id int primary key, name text not null);
  create table keyless (id int, name text);`;
const ROWS = `
  insert into customers select g, 'secret ' || g from generate_series(1, 20) g;
  insert into hidden select g, 'secret ' || g from generate_series(1, 20) g;
  insert into keyless select g, 'secret ' || g from generate_series(1, 20) g;`;

const reader = `trueup_reader_${randomBytes(4).toString('hex')}`;
const PASSWORD = 'keep-this-out-of-sight';
let scenario: Scenario;
let admin: TestDatabase;
let config: string;
let env: Record<string, string>;

const as = (url: string, user: string, password: string) =>
  Object.assign(new URL(url), { username: user, password }).href;

const writeConfig = (text: string) => writeFileSync(join(scenario.folder, 'trueup.yaml'), text);
const trueup = (args: readonly string[], more: Record<string, string> = {}) =>
  runTrueup(args, { env: { ...env, ...more }, cwd: scenario.folder });

/** What every failure on the command line looks like: the code, what was found, what to do, and no stack. */
function expectFailure({ code, stdout, stderr }: Exit, error: ErrorCode, found: RegExp): void {
  const said = stdout + stderr;
  expect(said).toContain(error);
  expect(said).toMatch(found);
  expect(said.replaceAll(/\s+/g, ' ')).toContain(ERRORS[error].help);
  expect(said).not.toMatch(/\n\s+at |node_modules|\.[jt]s:\d/);
  expect(said).not.toMatch(/secret|not-the-password|keep-this-out/);
  expect({ said, code }).toEqual({ said, code: ERRORS[error].exitCode });
}

interface Failure {
  readonly message?: string;
  readonly cause?: Failure;
  readonly applicationFailureInfo?: { readonly type?: string; readonly nonRetryable?: boolean };
}

interface Event {
  readonly eventTime: string;
  readonly activityTaskStartedEventAttributes?: { readonly attempt?: number };
  readonly workflowTaskFailedEventAttributes?: object;
  readonly workflowExecutionFailedEventAttributes?: { readonly failure: Failure };
}

/** Waits for a workflow's end, which must be a typed failure at the first attempt. */
async function failureOf(workflowId: string) {
  expect(await scenario.waitForClose(workflowId, 20_000)).toBe('FAILED');
  const text = await scenario.temporal('workflow', 'show', '--workflow-id', workflowId, '-o', 'json');
  const { events } = JSON.parse(text) as { events: readonly Event[] };
  expect(events.filter((event) => event.workflowTaskFailedEventAttributes)).toEqual([]);
  for (const event of events) expect(event.activityTaskStartedEventAttributes?.attempt ?? 1).toBe(1);
  const [first, last] = [events[0], events.at(-1)];
  let failure = last?.workflowExecutionFailedEventAttributes?.failure;
  while (failure?.cause) failure = failure.cause;
  expect(text).not.toMatch(/secret|not-the-password|keep-this-out/);
  return {
    type: failure?.applicationFailureInfo?.type,
    nonRetryable: failure?.applicationFailureInfo?.nonRetryable,
    message: failure?.message ?? '',
    tookMs: Date.parse(last?.eventTime ?? '') - Date.parse(first?.eventTime ?? ''),
  };
}

async function lastRun() {
  const [row] = await scenario.target(
    'select workflow_id, status, error_code, ended_at is not null as ended from trueup.run order by started_at desc limit 1',
  );
  return row ?? {};
}

async function startWith(type: string, input: string): Promise<string> {
  const id = `bad-${randomBytes(4).toString('hex')}`;
  const args = ['--type', type, '--task-queue', 'trueup', '--workflow-id', id, '--input', input];
  await scenario.temporal('workflow', 'start', ...args);
  return id;
}

describe('what cannot be done', () => {
  beforeAll(async () => {
    admin = await createTestDatabase('roles');
    await admin.query(`create role ${reader} login password '${PASSWORD}'`);
    scenario = await Scenario.create({
      contents: {
        tables: ['customers'],
        schema: SCHEMA,
        rows: ROWS,
        damage: 'delete from customers where id = 7; alter table keyless drop name;',
      },
    });
    for (const side of ['source', 'target'] as const) await scenario[side](`grant select on customers to ${reader}`);
    const closed = new URL(scenario.sourceUrl);
    closed.port = String(await freePort());
    const pair = (name: string, source: string, target: string, table = 'customers') =>
      `  - { name: ${name}, source: { connection: ${source}, table: public.${table} }, target: { connection: ${target}, table: public.${table} } }`;
    config = [
      'connections:',
      '  legacy: { url: "${LEGACY_URL}" }',
      '  modern: { url: "${MODERN_URL}" }',
      '  closed: { url: "${CLOSED_URL}" }',
      '  nowhere: { url: "postgres://user@host.invalid:5432/none" }',
      '  stranger: { url: "${STRANGER_URL}" }',
      '  reading: { url: "${READING_URL}" }',
      '  writing: { url: "${WRITING_URL}" }',
      '  unset: { url: "${TRUEUP_TEST_UNSET}" }',
      'ledger: { connection: modern }',
      'defaults: { source: legacy, target: modern, settle: { delay: 50ms } }',
      'tables:',
      pair('customers', 'legacy', 'modern'),
      pair('keyless', 'legacy', 'modern', 'keyless').replace(/ }$/, ', key: [name] }'),
      pair('absent', 'legacy', 'modern', 'absent'),
      pair('from_closed', 'closed', 'modern'),
      pair('from_nowhere', 'nowhere', 'modern'),
      pair('from_stranger', 'stranger', 'modern'),
      pair('from_hidden', 'reading', 'modern', 'hidden'),
      pair('to_read_only', 'legacy', 'writing'),
      pair('from_unset', 'unset', 'modern'),
      '',
    ].join('\n');
    writeConfig(config);
    env = {
      ...scenario.env,
      CLOSED_URL: closed.href,
      STRANGER_URL: as(scenario.sourceUrl, reader, 'not-the-password'),
      READING_URL: as(scenario.sourceUrl, reader, PASSWORD),
      WRITING_URL: as(scenario.targetUrl, reader, PASSWORD),
    };
    await scenario.startWorker(env);
  });

  afterAll(async () => {
    await scenario.remove();
    await admin.query(`drop role ${reader}`);
    await admin.drop();
  });

  afterEach(() => writeConfig(config));

  describe('a run that cannot be done', () => {
    it.each<[string, readonly string[], ErrorCode, RegExp]>([
      ['a key of one side only', ['keyless'], 'KEY_UNUSABLE', /keyless: key column name is not on both sides/],
      ['a table that is not there', ['absent'], 'TABLE_NOT_FOUND', /public\.absent/],
      ['a closed port', ['from_closed'], 'DATABASE_UNREACHABLE', /connection closed:/],
      ['a host that is none', ['from_nowhere'], 'DATABASE_UNREACHABLE', /connection nowhere: .*host\.invalid/],
      ['a wrong password', ['from_stranger'], 'AUTHENTICATION_FAILED', /connection stranger: password authentication/],
      ['a source that may not be read', ['from_hidden'], 'PRIVILEGE_MISSING', /reading lacks SELECT on public\.hidden/],
      [
        'a target that may not be written',
        ['to_read_only', '--apply'],
        'PRIVILEGE_MISSING',
        /writing lacks .*UPDATE.* on public\.customers/,
      ],
      [
        'a variable that the worker does not have',
        ['from_unset'],
        'CONFIG_ENV_MISSING',
        /connections\.unset\.url: environment variable TRUEUP_TEST_UNSET is not set/,
      ],
    ])('%s ends at once, on the command line, in Temporal and in the ledger', async (_, args, code, found) => {
      const json = await trueup(['run', ...args, '--json']);
      expect(json.code).toBe(ERRORS[code].exitCode);
      const report = JSON.parse(json.stdout) as { workflowId: string; status: string; error: { code: string } };
      expect(report).toMatchObject({ status: 'failed', error: { code } });
      const failure = await failureOf(report.workflowId);
      expect(failure).toMatchObject({
        type: code,
        nonRetryable: true,
        message: expect.stringMatching(found) as unknown,
      });
      expect(failure.tookMs).toBeLessThan(10_000);
      expect(await lastRun()).toEqual({
        workflow_id: report.workflowId,
        status: 'failed',
        error_code: code,
        ended: 't',
      });
      expectFailure(await trueup(['run', ...args]), code, found);
    });

    it('an unreachable ledger ends it likewise, in Temporal and on the command line', async () => {
      writeConfig(config.replace('ledger: { connection: modern }', 'ledger: { connection: closed }'));
      const failure = await failureOf(await startWith('reconcile', '{"tables":["customers"]}'));
      expect(failure).toMatchObject({ type: 'DATABASE_UNREACHABLE', nonRetryable: true });
      expect(failure.tookMs).toBeLessThan(10_000);
      expectFailure(await trueup(['run', 'customers']), 'DATABASE_UNREACHABLE', /connection closed/);
    });

    it('a target that may only be read is compared all the same', async () => {
      const exit = await trueup(['run', 'to_read_only', '--json']);
      expect(JSON.parse(exit.stdout)).toMatchObject({ status: 'inconsistent' });
      expect(exit.code).toBe(1);
    });
  });

  describe('a config that is wrong', () => {
    it.each<[string, (text: string) => string, ErrorCode, RegExp]>([
      ['malformed YAML', (text) => `${text}\n tables: [`, 'CONFIG_MALFORMED', /trueup\.yaml/],
      [
        'an unknown field',
        (text) => text.replace('defaults: {', 'defaults: { chunkrows: 5,'),
        'CONFIG_INVALID',
        /defaults\.chunkrows|defaults.*chunkrows/,
      ],
      [
        'a value of the wrong kind',
        (text) => text.replace('defaults: {', 'defaults: { chunkRows: many,'),
        'CONFIG_INVALID',
        /defaults\.chunkRows.*many.*whole number/,
      ],
    ])('%s is told by the command, and ends a run that Temporal Web starts', async (_, change, code, found) => {
      writeConfig(change(config));
      expectFailure(await trueup(['run']), code, found);
      const failure = await failureOf(await startWith('reconcile', '{}'));
      expect(failure).toMatchObject({
        type: code,
        nonRetryable: true,
        message: expect.stringMatching(found) as unknown,
      });
      expect(failure.tookMs).toBeLessThan(10_000);
    });

    it('a missing file or variable is told before anything is started', async () => {
      const missing = await trueup(['run', '--detach', '--json'], {
        TRUEUP_CONFIG: join(scenario.folder, 'none.yaml'),
      });
      expectFailure(missing, 'CONFIG_NOT_FOUND', /none\.yaml: there is no such file/);
      writeConfig(config.replace('ledger: { connection: modern }', 'ledger: { connection: unset }'));
      expectFailure(await trueup(['run']), 'CONFIG_ENV_MISSING', /TRUEUP_TEST_UNSET is not set/);
    });
  });

  describe('an input that is wrong', () => {
    it('an unknown table is told by the command, and ends a run that Temporal Web starts', async () => {
      expectFailure(await trueup(['run', 'costumers']), 'TABLE_UNKNOWN', /costumers.*customers/);
      const id = await startWith('reconcile', '{"tables":["costumers"]}');
      const failure = await failureOf(id);
      expect(failure).toMatchObject({ type: 'TABLE_UNKNOWN', nonRetryable: true });
      expect(failure.message).toMatch(/costumers.*customers/);
      expect(await lastRun()).toMatchObject({ workflow_id: id, status: 'failed', error_code: 'TABLE_UNKNOWN' });
    });

    it.each([
      ['reconcile', '{"apply":"yes"}', 'input of reconcile: apply: found a string, allowed: true or false'],
      ['reconcile', '{"tabels":[]}', 'input of reconcile: unknown field "tabels"; allowed: tables, mode, checks,'],
      ['reconcile', '[1]', 'input of reconcile: found a list, allowed: one JSON object'],
      ['reconcile', '"x"', 'input of reconcile: found a string, allowed: one JSON object'],
      ['undo', '{}', 'input of undo: runId is missing'],
      ['undo', '[]', 'input of undo: found a list'],
      ['lateDecision', '{}', 'input of lateDecision: runId is missing'],
      ['lateDecision', '"x"', 'input of lateDecision: found a string'],
    ])('%s with %s says what is allowed', async (type, input, message) => {
      const failure = await failureOf(await startWith(type, input));
      expect(failure).toMatchObject({ type: 'INPUT_INVALID', nonRetryable: true });
      expect(failure.message).toContain(message);
      expect(failure.tookMs).toBeLessThan(10_000);
    });

    it('an undo of no run or of one without corrections is told', async () => {
      expectFailure(await trueup(['undo', 'trueup-none']), 'RUN_NOT_FOUND', /trueup-none/);
      const failure = await failureOf(await startWith('undo', '{"runId":"trueup-none"}'));
      expect(failure).toMatchObject({ type: 'RUN_NOT_FOUND', nonRetryable: true });
    });
  });

  describe('a run and a terminal', () => {
    it('a Temporal that is not there ends the command within seconds', async () => {
      const started = Date.now();
      const exit = await trueup(['run'], { TEMPORAL_ADDRESS: `127.0.0.1:${await freePort()}` });
      expectFailure(exit, 'TEMPORAL_UNREACHABLE', /no Temporal server answers at 127\.0\.0\.1/);
      expect(Date.now() - started).toBeLessThan(20_000);
    });

    it('Ctrl-C ends the command, not the run, and says how to return', async () => {
      const lock = await scenario.hold('lock table customers in access exclusive mode');
      const run = scenario.spawnTrueup('run', 'customers');
      const workflowId = (await run.waitForLine(/^Run \S+ started/)).split(' ')[1] ?? '';
      await scenario.waitForRun(workflowId, ['running']);
      run.signal('SIGINT');
      const exit = await run.exited;
      expect(exit).toMatchObject({ code: 0, signal: null });
      expect(exit.stderr).toContain(`Run ${workflowId} goes on without this process`);
      expect(exit.stderr).toContain(`trueup status ${workflowId}`);
      expect((await scenario.describe(workflowId)).status).toBe('WORKFLOW_EXECUTION_STATUS_RUNNING');
      await lock.release();
      expect(await scenario.waitForClose(workflowId)).toBe('COMPLETED');
      expect(await scenario.waitForRun(workflowId, ['inconsistent'])).toMatchObject({ status: 'inconsistent' });
    });
  });
});
