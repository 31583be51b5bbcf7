import { Option, type Command } from 'commander';
import { TrueupError } from '../../contracts/errors';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import { INCONSISTENCY_TYPES, type InconsistencyType } from '../../contracts/finding';
import { streamFindings } from '../../ledger/finding';
import { findingJson, findingLine } from '../render/finding-line';
import { plural } from '../render/text';
import type { Runner } from './command';
import type { Context } from './context';
import { knownReport } from './lookup';

interface FindingsOptions {
  readonly json?: true;
  readonly table?: string;
  readonly type?: InconsistencyType;
}

const HELP = `
Values are PostgreSQL's text form, or NULL (null in JSON).

Examples:
  trueup findings RUN
  trueup findings RUN --table orders --type field_mismatch
  trueup findings RUN --json > findings.jsonl`;

export function addFindings(program: Command, runner: Runner): void {
  program
    .command('findings')
    .summary('every inconsistency that a run found')
    .description('Every inconsistency that a run found, one line each.')
    .argument('<run>', 'run ID or workflow ID')
    .option('--table <name>', 'only of this table, or of this business rule')
    .addOption(new Option('--type <type>', 'only of this type').choices(INCONSISTENCY_TYPES))
    .option('--json', 'print JSON lines')
    .addHelpText('after', HELP)
    .action(runner.action((context, ref: string, options: FindingsOptions) => findings(context, ref, options)));
}

async function findings(context: Context, ref: string, options: FindingsOptions): Promise<ExitCode> {
  const report = await knownReport(context, ref);
  const { table, type, json } = options;
  const rules = report.checks.filter(({ kind }) => kind === 'rules').map(({ subject }) => subject);
  const names = [...report.tables.map((each) => each.name), ...rules];
  if (table !== undefined && !names.includes(table)) {
    throw new TrueupError(
      'TABLE_UNKNOWN',
      `--table ${table}: not in run ${report.runId}, which has ${names.join(', ')}`,
    );
  }
  const { out } = context.io;
  const filter = { ...(table === undefined ? {} : { table }), ...(type === undefined ? {} : { type }) };
  let n = 0;
  for await (const finding of streamFindings(context.ledger, report.runId, filter)) {
    if (out.closed) return EXIT.ok;
    await out.write(`${json ? findingJson(finding) : findingLine(finding)}\n`);
    n += 1;
  }
  if (!json) out.line(n === 0 ? 'No findings.' : plural(n, 'finding'));
  return EXIT.ok;
}
