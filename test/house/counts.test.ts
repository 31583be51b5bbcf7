import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const RUNNER = join(__dirname, '..', '..', 'scripts', 'test.js');

describe('the last line of npm test', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'trueup-counts-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function run(files: Readonly<Record<string, string>>, args: readonly string[] = []) {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const config = JSON.stringify({ rootDir: folder, testMatch: ['**/*.check.js'] });
    const result = spawnSync(process.execPath, [RUNNER, '--config', config, ...args], { encoding: 'utf8' });
    return { status: result.status, last: result.stdout.trimEnd().split('\n').at(-1) };
  }

  it('counts what passed', () => {
    const files = { 'a.check.js': `test('a', () => {}); test('b', () => {});` };
    expect(run(files)).toEqual({ status: 0, last: '2 passed, 0 failed' });
    expect(run(files, ['-t', 'a'])).toEqual({ status: 0, last: '1 passed, 0 failed, 1 skipped' });
  });

  it('counts what failed, and a file that could not be run', () => {
    const files = {
      'a.check.js': `test('a', () => {}); test('b', () => { throw new Error('b'); });`,
      'b.check.js': `require('./missing');`,
    };
    expect(run(files)).toEqual({ status: 1, last: '1 passed, 2 failed' });
  });

  it('never says that nothing failed when jest did', () => {
    expect(run({}, ['nothing-matches'])).toEqual({ status: 1, last: '0 passed, 1 failed' });
  });
});
