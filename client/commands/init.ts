import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { TrueupError } from '../../contracts/errors';
import { named } from '../../contracts/named';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import { renderConfigTemplate } from '../../config/template';
import { Database } from '../../database/connection';
import { listTables } from '../../database/table-shape';
import { readTriggerAssignments } from '../../database/trigger-assignment';
import type { Runner } from './command';
import type { Context } from './context';

interface InitOptions {
  readonly source: string;
  readonly target: string;
  readonly out: string;
  readonly force?: true;
}

const HELP = `
Tables of the same name are paired; those without a partner are named in a comment. The URLs are only used to look: the
file refers to the environment variables LEGACY_URL (source) and MODERN_URL (target), so it holds no secret.

Example:
  trueup init --source "$LEGACY_URL" --target "$MODERN_URL"`;

export function addInit(program: Command, runner: Runner): void {
  program
    .command('init')
    .summary('write a config by looking at both databases')
    .description('Write trueup.yaml by looking at both databases.')
    .requiredOption('--source <url>', 'PostgreSQL URL of the source')
    .requiredOption('--target <url>', 'PostgreSQL URL of the target')
    .option('--out <path>', 'the file to write', 'trueup.yaml')
    .option('--force', 'overwrite the file')
    .addHelpText('after', HELP)
    .action(runner.action((context, options: InitOptions) => init(context, options)));
}

async function init({ io }: Context, options: InitOptions): Promise<ExitCode> {
  const path = resolve(io.cwd, options.out);
  if (!options.force && existsSync(path)) throw alreadyThere(options.out);
  const [ofSource, ofTarget] = await Promise.all([look('source', options.source), look('target', options.target)]);
  const source = ofSource.filter(({ readable }) => readable);
  const target = ofTarget.filter(({ readable }) => readable);
  const text = renderConfigTemplate({ source: { tables: source }, target: { tables: target } });
  write(path, text, options);
  const targetNames = new Set(target.map((table) => table.name));
  const shared = source.filter((table) => targetNames.has(table.name)).length;
  io.out.line(`Wrote ${options.out}: ${shared} of ${source.length} source tables have a namesake in the target.`);
  for (const [side, tables] of Object.entries({ source: ofSource, target: ofTarget })) {
    const hidden = tables.filter(({ readable }) => !readable).map(({ schema, name }) => `${schema}.${name}`);
    if (hidden.length > 0) io.out.line(`Left out, as the user may not read them in the ${side}: ${named(hidden, 10)}.`);
  }
  io.out.line('Next: set LEGACY_URL and MODERN_URL in the environment, read the file, then run `trueup doctor`.');
  return EXIT.ok;
}

function alreadyThere(path: string): TrueupError {
  return new TrueupError('USAGE', `${path} is already there; --force overwrites it, --out names another file`);
}

async function look(name: 'source' | 'target', url: string) {
  if (!/^postgres(ql)?:\/\//.test(url)) {
    throw new TrueupError(
      'USAGE',
      `--${name}: not a PostgreSQL URL; allowed is postgres://user:password@host:5432/database`,
    );
  }
  const database = new Database({ name, url, readOnly: true, maxConnections: 1 });
  try {
    const tables = await listTables(database);
    const assignments = name === 'target' ? await readTriggerAssignments(database) : [];
    return tables.map((table) => ({
      ...table,
      maintained: assignments
        .filter((found) => found.schema === table.schema && found.table === table.name)
        .flatMap(({ trigger, columns }) => columns.map((column) => ({ column, trigger }))),
    }));
  } finally {
    await database.close();
  }
}

function write(path: string, text: string, { force, out }: InitOptions): void {
  try {
    writeFileSync(path, text, { flag: force ? 'w' : 'wx' });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'EEXIST') throw alreadyThere(out);
    throw new TrueupError('USAGE', `--out ${out}: the file cannot be written (${code})`);
  }
}
