import { Argument, type Command } from 'commander';
import { JOB_OF, SCHEDULE_NAMES, type ScheduleName } from '../../contracts/job';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import { schedulesTable } from '../render/schedules-table';
import { requester } from '../temporal/ids';
import { scheduleOptions, Schedules, type ScheduleChange } from '../temporal/schedule';
import type { Runner } from './command';
import type { Context } from './context';

const HELP = `
The config's \`schedules\` name the jobs and when they run, in UTC: \`every 15m\`, or five cron fields.
  quick           quickReconciliation: counts of the critical tables
  comprehensive   comprehensiveReconciliation: some rows of each table; corrects what policy allows, queues the rest
  deep            deepValidation: every row, references, times, schemas, counts, aggregates, anomalies; a dry run
  businessRules   businessLogicValidation: the config's rules

A job that is still under way when its next time comes is not started twice; one that came due while the server was down
is made up for if that was less than about one interval ago.

Examples:
  trueup schedule apply               make Temporal's schedules be as the config says
  trueup schedule apply --dry-run     say what that would change
  trueup schedule trigger quick       run a job now`;

interface JsonOption {
  readonly json?: true;
}

export function addSchedule(program: Command, runner: Runner): void {
  const schedule = program
    .command('schedule')
    .summary('make Temporal Schedules from the config, and look after them')
    .description("Make Temporal Schedules from the config's `schedules`, and look after them.")
    .addHelpText('after', HELP);
  schedule
    .command('apply')
    .summary('create, update and remove schedules, as the config says')
    .option('--dry-run', 'only say what would change')
    .option('--json', 'print one JSON array')
    .action(
      runner.action((context, options: JsonOption & { readonly dryRun?: true }) =>
        apply(context, options.dryRun === true, options.json === true),
      ),
    );
  schedule
    .command('list')
    .summary('the schedules that Temporal has')
    .option('--json', 'print one JSON array')
    .action(runner.action((context, { json }: JsonOption) => list(context, json === true)));
  const name = () => new Argument('<schedule>', 'its name in the config').choices(SCHEDULE_NAMES);
  for (const [verb, done, summary] of [
    ['pause', 'paused', 'start a job no more, until it is resumed'],
    ['resume', 'resumed', 'start a paused job again at its times'],
  ] as const) {
    schedule
      .command(verb)
      .summary(summary)
      .addArgument(name())
      .option('--note <text>', 'why')
      .action(
        runner.action((context, which: ScheduleName, { note }: { readonly note?: string }) =>
          tell(context, `${which} is ${done}.`, (all) => all[verb](which, note ?? `${done} by ${requester()}`)),
        ),
      );
  }
  schedule
    .command('trigger')
    .summary('start a job now')
    .addArgument(name())
    .action(
      runner.action((context, which: ScheduleName) =>
        tell(context, `${which} is started, if it was not under way: trueup schedule list`, (all) =>
          all.trigger(which),
        ),
      ),
    );
}

interface AppliedSchedule {
  readonly name: ScheduleName;
  readonly job: string;
  readonly when: string | null;
  readonly change: ScheduleChange;
}

async function apply(context: Context, dryRun: boolean, json: boolean): Promise<ExitCode> {
  const { config, io } = context;
  const wanted = config.schedules;
  // All of them are looked at before the first is changed.
  for (const name of SCHEDULE_NAMES) if (wanted[name] !== undefined) scheduleOptions(name, wanted[name]);
  const all = new Schedules(await context.temporal());
  const applied: AppliedSchedule[] = [];
  for (const name of SCHEDULE_NAMES) {
    const when = wanted[name] ?? null;
    applied.push({ name, job: JOB_OF[name], when, change: await all.apply(name, when, dryRun) });
  }
  const shown = applied.filter(({ when, change }) => when !== null || change !== 'unchanged');
  if (json) io.out.line(JSON.stringify(shown));
  else if (shown.length === 0) io.out.line('The config names no schedules, and Temporal has none.');
  else for (const line of shown) io.out.line(changeLine(line, dryRun));
  return EXIT.ok;
}

function changeLine({ name, job, when, change }: AppliedSchedule, dryRun: boolean): string {
  const word = dryRun && change !== 'unchanged' ? `would be ${change}` : change;
  return `${name} (${job})${when === null ? '' : `, ${when}`}: ${word}`;
}

async function list(context: Context, json: boolean): Promise<ExitCode> {
  const states = await new Schedules(await context.temporal()).list();
  const { out, err } = context.io;
  if (json) out.line(JSON.stringify(states));
  else if (states.length === 0)
    err.line('Temporal has no schedules of Trueup; make them with `trueup schedule apply`.');
  else out.line(schedulesTable(states));
  return EXIT.ok;
}

async function tell(context: Context, done: string, use: (all: Schedules) => Promise<void>): Promise<ExitCode> {
  await use(new Schedules(await context.temporal()));
  context.io.out.line(done);
  return EXIT.ok;
}
