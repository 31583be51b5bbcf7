import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTrueup, spawnTrueup, waitUntilGone } from '../../support/process';
import { childrenOf } from '../../../client/embedded/children-of';

// The demo's own folder, so that what it leaves behind is told from what others made.
const folder = mkdtempSync(join(tmpdir(), 'trueup-demo-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const env = {
  TMPDIR: folder,
  TEMPORAL_ADDRESS: 'nowhere.invalid:1',
  TEMPORAL_API_KEY: 'not for the demo',
  TRUEUP_CONFIG: '/nowhere.yaml',
};

test('demo --yes mends what it planted, proves it by plain SQL, and leaves nothing behind', async () => {
  const exit = await runTrueup(['demo', '--yes', '--scale', '0.02'], { env });
  expect({ code: exit.code, stderr: exit.stderr }).toEqual({ code: 0, stderr: '' });
  expect(exit.stdout).toMatch(/Temporal Web: http:\/\/127\.0\.0\.1:\d+\/namespaces\/default\/workflows\/trueup-/);
  expect(exit.stdout).toMatch(/needs approval/);
  expect(exit.stdout).toMatch(/Phases: .*comparing .*applying/);
  expect(exit.stdout).not.toMatch(/DIFFERENT|NOT EQUAL/);
  expect(exit.stdout.match(/ exact /g)).toHaveLength(8);
  expect(exit.stdout.match(/ equal /g)).toHaveLength(6);
  // Of references and times, too, all that was planted and nothing else.
  expect(exit.stdout).toMatch(/│ +references │ +times │ found of planted/);
  expect(exit.stdout).toMatch(/│ references │ transactions │ failed +│ +[1-9]\d* │/);
  expect(exit.stdout).toMatch(/│ times +│ orders +│ failed +│ +[1-9]\d* │ created_at <= shipped_at/);
  expect(exit.stdout).not.toMatch(/not yet checked/i);
  expect(exit.stdout).toContain('All planted differences were found, and all rows mended.');
  expect(exit.stdout).toMatch(/orders │ notes +│ high +│ text \/ character varying\(40\) │ exact/);
  expect(exit.stdout).toMatch(/orders │ channel │ low +│ none \/ text +│ exact/);
  expect(exit.stdout).toContain(
    '  alter table "public"."orders" alter column "notes" type text using "notes"::text;\n',
  );
  expect(exit.stdout).not.toContain('NOT PLANTED');
  expect(readdirSync(folder)).toEqual([]);
}, 180_000);

test('where nobody can be asked it says so, with exit code 3, and leaves nothing behind', async () => {
  const exit = await runTrueup(['demo', '--scale', '0.02'], { env });
  expect(exit.code).toBe(3);
  expect(exit.stdout).toMatch(/no terminal. `trueup demo --yes`/);
  expect(readdirSync(folder)).toEqual([]);
}, 180_000);

test('Ctrl-C in the middle stops everything that it started', async () => {
  const demo = spawnTrueup(['demo', '--yes', '--scale', '0.05'], { env });
  await demo.waitForLine(/phase: comparing/, 120_000);
  const children = childrenOf(demo.pid);
  expect(children.length).toBeGreaterThanOrEqual(3);
  demo.signal('SIGINT');
  expect(await demo.exited).toMatchObject({ code: 4 });
  expect(await waitUntilGone(children)).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
}, 180_000);
