import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDatabasePair } from '../../support/database';
import { runTrueup } from '../../support/process';
import { servers } from '../../support/servers';

const folder = mkdtempSync(join(tmpdir(), 'trueup-doctor-'));
let pair: Awaited<ReturnType<typeof createDatabasePair>>;
let env: Record<string, string | undefined>;

interface Shown {
  readonly ok: boolean;
  readonly checks: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly detail: string;
    readonly help: string | null;
  }[];
}

beforeAll(async () => {
  pair = await createDatabasePair('doctor');
  await pair.source.query(
    'create table orders (id bigint primary key); create table only_here (id bigint primary key)',
  );
  await pair.target.query('create table orders (id bigint primary key); create table keyless (id bigint)');
  env = {
    TRUEUP_CONFIG: undefined,
    TEMPORAL_ADDRESS: servers.temporalAddress,
    LEGACY_URL: pair.source.url,
    MODERN_URL: pair.target.url,
  };
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await pair.drop();
});

const trueup = (args: readonly string[], more: Record<string, string> = {}) =>
  runTrueup(args, { cwd: folder, env: { ...env, ...more } });

async function doctor(more: Record<string, string> = {}) {
  const exit = await trueup(['doctor', '--json'], more);
  return { code: exit.code, shown: JSON.parse(exit.stdout) as Shown };
}

test('init writes a config without a secret in it, and writes over nothing unasked', async () => {
  const args = ['init', '--source', pair.source.url, '--target', pair.target.url];
  expect(await trueup(args)).toMatchObject({ code: 0 });
  const text = readFileSync(join(folder, 'trueup.yaml'), 'utf8');
  expect(text).toContain('${LEGACY_URL}');
  expect(text).not.toContain(pair.source.url);
  expect(text).not.toContain(new URL(pair.source.url).password);
  const again = await trueup(args);
  expect(again.code).toBe(2);
  expect(again.stderr).toMatch(/already there; --force/);
  expect(await trueup([...args, '--force'])).toMatchObject({ code: 0 });
});

test('doctor passes what is well, down to the privileges on each table', async () => {
  const { shown } = await doctor();
  const ok = shown.checks.filter((check) => check.ok).map((check) => check.name);
  expect(ok).toEqual(
    expect.arrayContaining([
      'Node.js',
      'config',
      'connection URLs',
      'connection legacy',
      'legacy: table public.orders',
      'connection modern',
      'modern: table public.orders',
      'modern: schema trueup',
      'encodings',
      'Temporal',
      'namespace default',
      'search attributes',
    ]),
  );
});

test('doctor says what to do about a wrong password, and never shows it', async () => {
  const url = new URL(pair.source.url);
  url.username = 'nobody_of_that_name';
  url.password = 'hunter2';
  const { code, shown } = await doctor({ LEGACY_URL: url.href });
  expect(code).toBe(4);
  expect(shown.ok).toBe(false);
  const check = shown.checks.find((each) => each.name === 'connection legacy');
  expect(check).toMatchObject({ ok: false, detail: expect.stringContaining('AUTHENTICATION_FAILED') as string });
  expect(JSON.stringify(shown)).not.toContain('hunter2');
});

test('doctor names the privilege that is lacking and the statement that grants it', async () => {
  const url = new URL(pair.target.url);
  url.username = `reader_${pair.target.name}`;
  url.password = 'read';
  await pair.target.query(`create role "${url.username}" login password 'read'`);
  try {
    await pair.target.query(`grant select on orders to "${url.username}"`);
    await pair.target.query(`alter role "${url.username}" set track_counts = off`);
    const { code, shown } = await doctor({ MODERN_URL: url.href });
    expect(code).toBe(4);
    const check = shown.checks.find((each) => each.name === 'modern: table public.orders');
    expect(check?.detail).toBe('lacks INSERT, UPDATE, DELETE');
    expect(check?.help).toMatch(/grant insert, update, delete on public\.orders to reader_/);
    expect(shown.checks.find((each) => each.name === 'modern: track_counts')?.ok).toBe(false);
    expect(shown.checks.find((each) => each.name === 'modern: schema trueup')?.help).toMatch(
      /grant create on database/,
    );
  } finally {
    await pair.target.query(`drop owned by "${url.username}"; drop role "${url.username}"`);
  }
});

test('doctor has exit code 2 while the config has to be mended, and 4 while Temporal is away', async () => {
  writeFileSync(join(folder, 'bad.yaml'), 'tabels: []');
  const exit = await trueup(['doctor', '--config', 'bad.yaml']);
  expect(exit.code).toBe(2);
  expect(exit.stdout).toMatch(/FAIL config: CONFIG_INVALID/);
  const { code, shown } = await doctor({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
  expect(code).toBe(4);
  expect(shown.checks.find((check) => check.name === 'Temporal')?.help).toMatch(/trueup up/);
});

test('no run yet is not a failure, and a run that is not there is one', async () => {
  expect(await trueup(['status'])).toMatchObject({ code: 0, stdout: 'No runs yet. Start one with `trueup run`.\n' });
  expect(await trueup(['status', '--json'])).toMatchObject({ code: 0, stdout: '[]\n' });
  for (const args of [
    ['status', 'x'],
    ['plan', 'x'],
    ['findings', 'x'],
    ['undo', 'x'],
    ['approve', 'x', '--plan', 'd'],
  ]) {
    const exit = await trueup(args);
    expect(exit).toMatchObject({ code: 2, stdout: '' });
    expect(exit.stderr).toMatch(/^trueup: RUN_NOT_FOUND: /m);
  }
});
