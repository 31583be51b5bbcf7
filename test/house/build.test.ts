import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const CHECKOUT = join(__dirname, '..', '..');

describe('the build', () => {
  let root: string;
  const at = (...path: string[]) => join(root, ...path);
  const write = (path: string, text: string) => {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), text);
  };
  const build = () => {
    const run = spawnSync(process.execPath, [at('scripts/build.js')], { encoding: 'utf8' });
    return { status: run.status, output: (run.stdout + run.stderr).trim() };
  };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'trueup-build-'));
    for (const path of ['scripts', 'bin', 'tsconfig.json', 'tsconfig.build.json', 'package.json']) {
      cpSync(join(CHECKOUT, path), at(path), { recursive: true });
    }
    symlinkSync(join(CHECKOUT, 'node_modules'), at('node_modules'));
    write('client/main.ts', `console.log('hello', process.argv.slice(2).join());\n`);
    write('ledger/migrations/1.sql', 'select 1;\n');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('compiles, copies what is not TypeScript, does nothing twice, and drops what lost its source', () => {
    expect(build()).toEqual({ status: 0, output: 'Building …' });
    expect(readFileSync(at('dist/ledger/migrations/1.sql'), 'utf8')).toBe('select 1;\n');
    expect(build()).toEqual({ status: 0, output: 'Already built.' });

    rmSync(at('ledger/migrations/1.sql'));
    write('client/other.ts', 'export const other = 1;\n');
    expect(build()).toEqual({ status: 0, output: 'Building …' });
    expect(existsSync(at('dist/ledger/migrations/1.sql'))).toBe(false);
    expect(existsSync(at('dist/client/other.js'))).toBe(true);

    rmSync(at('dist'), { recursive: true });
    expect(build()).toEqual({ status: 0, output: 'Building …' });
    expect(existsSync(at('dist/client/main.js'))).toBe(true);
    expect(existsSync(at('.trueup'))).toBe(false);
  });

  it('is made once when two start at the same time, and by the command itself when it is stale', async () => {
    const outputs = await Promise.all(
      [1, 2].map(
        (n) =>
          new Promise<string>((resolve) => {
            const child = spawn(process.execPath, [at('bin/trueup.js'), String(n)]);
            let output = '';
            child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
            child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
            child.once('close', () => resolve(output));
          }),
      ),
    );
    expect(outputs.filter((output) => output.includes('Building'))).toHaveLength(1);
    expect(outputs[0]).toContain('hello 1');
    expect(outputs[1]).toContain('hello 2');
  });

  it('shows what does not compile and fails', () => {
    write('client/main.ts', 'const n: number = "text";\nconsole.log(n);\n');
    const { status, output } = build();
    expect(status).toBe(1);
    expect(output).toContain('client/main.ts(1,7): error TS2322');
  });
});
