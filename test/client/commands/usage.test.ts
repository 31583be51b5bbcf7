import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTrueup } from '../../support/process';

const folder = mkdtempSync(join(tmpdir(), 'trueup-usage-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const config = join(folder, 'good.yaml');
writeFileSync(
  config,
  `connections: { a: { url: "\${A_URL}" }, b: { url: "\${B_URL}" } }
ledger: { connection: b }
defaults: { source: a, target: b }
tables: [orders]
`,
);
const URLS = { A_URL: 'postgres://u:hunter2@127.0.0.1:1/a', B_URL: 'postgres://u:hunter2@127.0.0.1:1/b' };

const NOWHERE = { TEMPORAL_ADDRESS: '127.0.0.1:1', TRUEUP_CONFIG: undefined };
const trueup = (args: readonly string[], env: Record<string, string> = {}) =>
  runTrueup(args, { cwd: folder, env: { ...NOWHERE, ...env } });

const bad: readonly (readonly [what: string, args: readonly string[], code: number, says: RegExp])[] = [
  ['no command', [], 2, /Usage: trueup/],
  ['an unknown command', ['reconcile'], 2, /^trueup: USAGE: unknown command/],
  ['an unknown option', ['run', '--fast'], 2, /^trueup: USAGE: unknown option '--fast'/],
  ['a mode that is not there', ['run', '--mode', 'half'], 2, /Allowed choices are full, count, aggregate, incremental/],
  ['a seed of no sample', ['run', '--seed', '1'], 2, /--sample-rows, --seed: allowed with --mode sample/],
  ['a sample of no rows', ['run', '--mode', 'sample', '--sample-rows', '0'], 2, /Allowed is a whole number from 1 up/],
  ['an approval without a digest', ['approve', 'x'], 2, /--plan/],
  ['a rejection without a reason', ['reject', 'x', '--reason', ' '], 2, /--reason/],
  ['nothing to tune', ['tune', 'x'], 2, /^trueup: USAGE: tune: nothing to change/],
  ['two ways at once', ['tune', 'x', '--pause', '--resume'], 2, /--pause and --resume/],
  ['no Temporal to tune in', ['tune', 'x', '--pause', '--config', config], 4, /TEMPORAL_UNREACHABLE/],
  ['a script as JSON', ['plan', 'x', '--sql', '--json'], 2, /--json.*--sql|--sql.*--json/],
  [
    'a file for no script',
    ['plan', 'x', '--output', 'y'],
    2,
    /^trueup: USAGE: plan: --output and --connection go with/,
  ],
  ['no config', ['run'], 2, /^trueup: CONFIG_NOT_FOUND: /],
  ['an unknown table', ['run', 'ordres', '--config', config], 2, /^trueup: TABLE_UNKNOWN: .*ordres/],
  ['a timeout that is none', ['run', '--config', config, '--approval-timeout', '3x'], 2, /3x.*24h/],
  ['no Temporal', ['run', '--config', config], 4, /^trueup: TEMPORAL_UNREACHABLE: .*127\.0\.0\.1:1/],
  ['no database', ['status', '--config', config], 4, /^trueup: DATABASE_UNREACHABLE: /],
  ['no Temporal to decide in', ['approve', 'x', '--plan', 'd', '--config', config], 4, /TEMPORAL_UNREACHABLE/],
];

test.each(bad)('%s is told in a line or two, with exit code and without a stack trace', async (_, args, code, says) => {
  const exit = await trueup(args, URLS);
  expect({ code: exit.code, stdout: exit.stdout }).toEqual({ code, stdout: '' });
  expect(exit.stderr).toMatch(says);
  expect(exit.stderr).not.toMatch(/^\s+at /m);
  expect(exit.stderr).not.toContain('hunter2');
});

test('a variable that is not set is named before anything is started', async () => {
  const exit = await trueup(['run', '--config', config]);
  expect(exit.code).toBe(2);
  expect(exit.stderr).toMatch(/CONFIG_ENV_MISSING: .*B_URL/);
});

test('--help explains itself, for the whole and for each command', async () => {
  const { code, stdout, stderr } = await trueup(['--help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const commands = [
    'demo',
    'up',
    'worker',
    'init',
    'doctor',
    'run',
    'status',
    'plan',
    'findings',
    'corrections',
    'approve',
    'reject',
    'undo',
    'purge',
    'tune',
  ];
  for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
  const help = await trueup(['run', '--help']);
  expect(help.code).toBe(0);
  expect(help.stdout).toMatch(/--config <path>/);
  expect(help.stdout).toMatch(/Exit codes:/);
  expect(help.stdout).toMatch(/Examples:/);
});
