import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import type { Config } from '../../config/config';
import { checkDatabases } from './check-database';
import { checkTemporal } from './check-temporal';
import { checkLines, exitCodeOfChecks, failed, failedBy, passed, type Check } from './check';
import type { Runner } from './command';
import type { Context } from './context';

const HELP = `
Checks, in this order: Node.js, the config, its variables, each connection (reach, login, version, privileges on each
table, room for the ledger), encodings, Temporal, its namespace and search attributes, and that a worker polls.

Exit codes: 0 all is well, 2 the config has to be mended, 4 something else has.`;

const OLDEST_NODE = [20, 3] as const;

export function addDoctor(program: Command, runner: Runner): void {
  program
    .command('doctor')
    .summary('check everything, and what to do about it')
    .description('Check the config, the databases and Temporal, and say what to do about each failure.')
    .option('--json', 'print one JSON document')
    .addHelpText('after', HELP)
    .action(runner.action((context, options: { json?: true }) => doctor(context, options.json === true)));
}

async function doctor(context: Context, json: boolean): Promise<ExitCode> {
  const { io } = context;
  const checks: Check[] = [];
  const add = (...more: readonly Check[]) => {
    checks.push(...more);
    if (!json) more.forEach((check) => checkLines(check, io.colors).forEach((line) => io.out.line(line)));
  };
  add(checkNode());
  const { check, config } = checkConfig(context);
  add(check);
  if (config !== null) {
    const variables = checkVariables(config);
    add(variables);
    add(...(await checkDatabases(config)));
  }
  add(...(await checkTemporal(io.env)));
  const code = exitCodeOfChecks(checks);
  if (json) {
    const shown = checks.map(({ name, ok, detail, help }) => ({ name, ok, detail, help }));
    io.out.line(JSON.stringify({ ok: code === EXIT.ok, checks: shown }));
  } else {
    const bad = checks.filter((each) => !each.ok).length;
    io.out.line(bad === 0 ? 'All is well.' : `${bad} of ${checks.length} checks failed.`);
  }
  return code;
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isNew = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  if (isNew) return passed('Node.js', process.version);
  return failed('Node.js', process.version, `Install Node.js ${OLDEST_NODE.join('.')} or newer.`);
}

function checkConfig(context: Context): { readonly check: Check; readonly config: Config | null } {
  try {
    const { config } = context;
    const tables =
      config.tables === null ? 'tables of the same name' : `tables ${config.tables.map((t) => t.name).join(', ')}`;
    return { check: passed('config', `${config.path}: ${tables}`), config };
  } catch (error) {
    return { check: failedBy('config', error), config: null };
  }
}

/** Whether every connection's URL can be put together; the values are never shown. */
function checkVariables(config: Config): Check {
  const problems: unknown[] = [];
  for (const name of config.connectionNames) {
    try {
      config.connectionUrl(name);
    } catch (error) {
      problems.push(error);
    }
  }
  if (problems.length === 0) return passed('connection URLs', `complete: ${config.connectionNames.join(', ')}`);
  return failedBy('connection URLs', problems[0]);
}
