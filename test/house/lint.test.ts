import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const CHECKOUT = join(__dirname, '..', '..');

function run(script: string, args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(CHECKOUT, 'node_modules', script), ...args], {
    cwd: CHECKOUT,
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  return { status, output: `${stdout}${stderr}` };
}

describe('the whole house', () => {
  it('has no lint error and no warning', () => {
    const { status, output } = run('eslint/bin/eslint.js', ['.', '--max-warnings=0']);
    expect(output).toBe('');
    expect(status).toBe(0);
  }, 240_000);

  it('is formatted', () => {
    const { status, output } = run('prettier/bin/prettier.cjs', ['--check', '--log-level=warn', '.']);
    expect(output).toBe('');
    expect(status).toBe(0);
  }, 120_000);

  it('type-checks, tests included', () => {
    const { status, output } = run('typescript/bin/tsc', ['--noEmit', '-p', '.']);
    expect(output).toBe('');
    expect(status).toBe(0);
  }, 240_000);
});
