import { PassThrough } from 'node:stream';
import { runCli } from '../../client/commands/program';
import { colorsFor } from '../../client/render/colors';
import { Output } from '../../client/render/output';
import { Scenario, type Contents } from '../support/scenario';

const SHOP: Contents = {
  tables: ['customers', 'orders'],
  schema: `create table customers (id int primary key, name text not null);
           create table orders (id int primary key, customer_id int not null references customers on delete cascade, note text);`,
  rows: `insert into customers select g, 'Customer ' || g from generate_series(1, 40) g;
         insert into orders select g, 1 + g % 40, 'Note ' || g from generate_series(1, 90) g;`,
  damage: `delete from orders where id in (7, 8); update orders set note = 'lost' where id in (30, 31);
           insert into customers values (900, 'Extra'); insert into orders select 900 + g, 900, 'extra' from generate_series(1, 3) g;
           update customers set name = 'Alias' where id = 5;`,
};

interface Report {
  readonly runId: string;
  readonly workflowId: string;
  readonly status: string;
  readonly planDigest: string;
  readonly corrections: Record<string, number>;
  readonly undo: { readonly runId: string; readonly force: boolean; readonly tables: readonly string[] | null } | null;
}

let scenario: Scenario;
let damaged: Record<string, string>;
const parse = (text: string) => JSON.parse(text) as Report;

/** An applied run; returns its ID. */
async function applied(): Promise<string> {
  const workflowId = await scenario.startReconcile({ apply: true });
  const { plan_digest: digest } = await scenario.waitForRun(workflowId, ['awaiting_approval']);
  await scenario.approve(workflowId, digest ?? '');
  const { run_id: runId } = await scenario.waitForRun(workflowId, ['applied']);
  expect(await scenario.digestOfTarget()).toEqual(await scenario.digestOfSource());
  return runId;
}

/** `trueup …` as somebody at a terminal runs it who answers every question with this. */
async function atTerminal(answer: string, ...args: readonly string[]) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  let shown = '';
  stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
    if (shown.endsWith(': ')) setImmediate(() => stdin.write(`${answer}\n`));
  });
  stderr.resume();
  const code = await runCli(args, {
    env: scenario.env,
    cwd: scenario.folder,
    stdin,
    out: new Output(stdout, false),
    err: new Output(stderr, false),
    colors: colorsFor(false, {}),
    interactive: true,
  });
  return { code, shown };
}

describe('undo and purge on the command line', () => {
  beforeAll(async () => {
    scenario = await Scenario.create({ contents: SHOP });
    damaged = await scenario.digestOfTarget();
    await scenario.startWorker();
  }, 120_000);
  afterAll(() => scenario.remove());

  let runId: string;
  let undoId: string;

  test('an undo waits for its approval with exit code 3, also over the death of the worker', async () => {
    runId = await applied();
    const waiting = await scenario.trueup('undo', runId, '--json');
    expect(waiting.code).toBe(3);
    const report = parse(waiting.stdout);
    undoId = report.runId;
    expect(report).toMatchObject({
      status: 'awaiting_approval',
      undo: { runId, force: false, tables: null },
      corrections: {},
    });
    expect(waiting.stderr).toContain(`trueup approve ${undoId} --plan ${report.planDigest}`);
    expect(await scenario.digestOfTarget()).toEqual(await scenario.digestOfSource());
    await scenario.workers.at(-1)?.kill9();
    await scenario.startWorker();
    expect((await scenario.trueup('approve', undoId, '--plan', 'f'.repeat(64))).code).toBe(4);
    expect((await scenario.trueup('approve', undoId, '--plan', report.planDigest, '--approver', 'Ada')).code).toBe(0);
    await scenario.waitForRun(report.workflowId, ['applied']);
    expect(await scenario.waitForClose(report.workflowId)).toBe('COMPLETED');
    expect(await scenario.digestOfTarget()).toEqual(damaged);
    const status = await scenario.trueup('status', undoId);
    expect(status).toMatchObject({ code: 0 });
    expect(status.stdout).toContain(`Of run ${runId}: all of it.`);
  });

  test('on a terminal the plan is shown and asked for', async () => {
    const left = await atTerminal('l', 'undo', undoId, '--table', 'orders');
    expect(left.code).toBe(3);
    expect(left.shown).toContain('The plan waits for a decision');
    const waiting = /Undo (\S+) of run/.exec(left.shown)?.[1] ?? '';
    expect((await scenario.trueup('reject', waiting, '--reason', 'changed my mind')).code).toBe(0);
    expect(await scenario.digestOfTarget()).toEqual(damaged);
    const approved = await atTerminal('approve', 'undo', undoId, '--table', 'orders');
    expect(approved.code).toBe(0);
    expect((await scenario.digestOfTarget())['orders']).toBe((await scenario.digestOfSource())['orders']);
    const back = /Undo (\S+) of run/.exec(approved.shown)?.[1] ?? '';
    expect((await scenario.trueup('undo', back, '--yes')).code).toBe(0);
    expect(await scenario.digestOfTarget()).toEqual(damaged);
  });

  test('the undo is undone, then one table of the run, by whoever says yes', async () => {
    const again = await scenario.trueup('undo', undoId, '--yes', '--json');
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(await scenario.digestOfTarget()).toEqual(await scenario.digestOfSource());
    const part = await scenario.trueup('undo', runId, '--table', 'customers', '--yes');
    // The extra customer comes back; its orders are of the other table.
    expect(part).toMatchObject({ code: 0, stderr: '' });
    expect(part.stdout).toContain('tables customers');
    const now = await scenario.digestOfTarget();
    expect(now['customers']).toBe(damaged['customers']);
    expect(now['orders']).not.toBe(damaged['orders']);
  });

  test('rows that were changed since are left alone and listed; force overwrites them', async () => {
    await scenario.target(`update orders set note = 'edited' where id = 30`);
    const refused = await scenario.trueup('undo', runId, '--yes');
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain('1 row SKIPPED_STALE: changed since the correction, and left alone.');
    expect(refused.stdout).toContain(`trueup undo ${runId} --force`);
    const listed = /trueup corrections (\S+) --status SKIPPED_STALE FAILED/.exec(refused.stdout)?.[1] ?? '';
    const corrections = await scenario.trueup('corrections', listed, '--status', 'SKIPPED_STALE', '--json');
    expect(corrections).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(corrections.stdout)).toMatchObject({
      table: 'orders',
      key: { id: '30' },
      status: 'SKIPPED_STALE',
      forced: false,
      error: 'the row was changed since the correction: note was "Note 30", is "edited"',
    });
    const forced = await scenario.trueup('undo', runId, '--force', '--yes', '--json');
    expect(forced).toMatchObject({ code: 0, stderr: '' });
    expect(parse(forced.stdout)).toMatchObject({ undo: { runId, force: true }, corrections: { SUCCESS: 1 } });
    expect(await scenario.digestOfTarget()).toEqual(damaged);
  });

  test('bad usage is told before anything is started', async () => {
    const usage: [string[], RegExp][] = [
      [['undo', runId, '--correction', 'x'], /--correction x: not the number of a correction/],
      [['undo', runId, '--yes', '--detach'], /--yes: not together with --detach/],
      [['undo', runId, '--approval-timeout', 'soon'], /--approval-timeout soon: not a duration/],
      [
        ['undo', runId, '--table', 'parcels', '--yes'],
        /TABLE_UNKNOWN: run \S+ corrected customers, orders; asked for parcels/,
      ],
      [['purge'], /USAGE: give --older-than or --runs: the config has no ledger\.retention/],
      [['purge', '--older-than', 'long'], /--older-than long: not a duration/],
      [['purge', '--older-than', '1d'], /USAGE: purge asks before it drops, and nobody can be asked/],
    ];
    for (const [args, says] of usage) {
      const exit = await scenario.trueup(...args);
      expect(exit).toMatchObject({ code: 2 });
      expect(exit.stderr).toMatch(says);
    }
  });

  test('a purge says what it would drop, and drops it; the run can be undone no more', async () => {
    const images = (id: string) => scenario.count('select count(*) from trueup.before_image where run_id = $1', [id]);
    const had = await images(runId);
    expect(had).toBeGreaterThan(5);
    const dry = await scenario.trueup('purge', '--runs', runId, '--dry-run');
    expect(dry).toMatchObject({ code: 0, stderr: '' });
    expect(dry.stdout).toContain('To be dropped: 1 run.');
    expect(dry.stdout).toMatch(/orders\s+│?\s+7 /);
    expect(dry.stdout).toContain('This run can be undone no more then.');
    const no = await atTerminal('no', 'purge', '--runs', runId);
    expect(no.code).toBe(1);
    expect(no.shown).toContain('Nothing was dropped.');
    expect(await images(runId)).toBe(had);
    const yes = await atTerminal('purge', 'purge', '--runs', undoId);
    expect(yes).toMatchObject({ code: 0 });
    expect(yes.shown).toContain('Dropped. It is recorded in the ledger');
    expect(await images(undoId)).toBe(0);
    const done = await scenario.trueup('purge', '--runs', runId, '--yes', '--json');
    expect(done).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(done.stdout)).toMatchObject({ status: 'done', runs: 1, oldest: [runId] });
    expect(await images(runId)).toBe(0);
    const undo = await scenario.trueup('undo', runId);
    expect(undo.code).toBe(2);
    expect(undo.stderr).toMatch(
      /RUN_NOT_UNDOABLE: the before-images of run \S+ were purged .* UTC by \S+: it can be undone no more/,
    );
    expect((await scenario.trueup('purge', '--runs', runId, '--yes')).stderr).toContain(`${runId}: purged`);
  });
});
