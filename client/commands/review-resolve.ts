import { Option, type Command } from 'commander';
import { TrueupError } from '../../contracts/errors';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import {
  checkResolveMessage,
  REVIEW_RESOLUTIONS,
  type ReviewFilter,
  type ReviewResolution,
} from '../../contracts/review';
import { countSelected, readLedgerTime } from '../../ledger/review';
import { plural } from '../render/text';
import { osUser } from '../temporal/ids';
import { startResolution } from '../temporal/review';
import { ask } from './ask';
import type { Runner } from './command';
import type { Context } from './context';
import { onInterrupt } from './interrupt';
import { orIfEmpty } from './lookup';
import { printFailure } from './failure-lines';
import { addFilter, filterOf, type FilterOptions } from './review-filter';
import { namedEntries, type NamedEntries } from './review-named';
import { waitForRun } from './wait';

interface ResolveOptions extends FilterOptions {
  readonly all?: true;
  readonly resolution?: ReviewResolution;
  readonly reviewer?: string;
  readonly notes?: string;
  readonly values?: string;
  readonly asOf?: string;
  readonly plan?: string;
  readonly override?: true;
  readonly yes?: true;
  readonly json?: true;
}

const HELP = `
APPLY_SOURCE  makes the target as the source is: an extra row is deleted, a missing one inserted, a mismatch overwritten.
              A row that has changed since it was seen is left alone, and its entry stays open.
KEEP_TARGET   leaves the target as it is; the same difference is not raised again until one of its values changes.
CUSTOM_FIX    writes the values that you give: over a mismatch or an extra row, or on top of the source's for a missing row.
              The values are in the workflow's input, and so in its history.

Where rows to be deleted have others that the database would delete or change with them, nothing is done at first: the
answer names the run whose plan lists them, and the digest that --plan needs.

What was corrected has its before-image in the target: \`trueup undo RUN\` gives it back.

Each resolution is a run of its own, one after the other; with --json, a line for each. One that is refused keeps no other from
being carried out.

Exit codes: 0 resolved, 1 some entries stay open, 2 usage, 4 refused or failed.

Examples:
  trueup review resolve 42 43 --resolution APPLY_SOURCE --reviewer ada
  trueup review resolve 42=KEEP_TARGET 43=APPLY_SOURCE --reviewer ada
  trueup review resolve --table orders --type missing_in_target --resolution APPLY_SOURCE --yes
  trueup review resolve 42 --resolution CUSTOM_FIX --values '{"amount": "10.50", "note": null}'`;

export function addResolve(review: Command, runner: Runner): void {
  addFilter(review.command('resolve'))
    .summary('decide on entries, and carry it out')
    .description('Decide on entries of the review queue, named by ID or by a filter, and carry the decision out.')
    .argument('[id...]', 'IDs of entries, each with its own resolution if need be: 42=KEEP_TARGET')
    .option('--all', 'every open entry')
    .addOption(
      new Option('--resolution <resolution>', 'what to do, where an ID does not say').choices(REVIEW_RESOLUTIONS),
    )
    .option('--reviewer <name>', 'who decides (default: your user name)')
    .option('--notes <text>', 'kept with the decision')
    .option('--values <json>', 'for CUSTOM_FIX: target columns with their texts or null')
    .option('--as-of <time>', 'refuse entries that have changed since this time, which `trueup review show` prints')
    .option('--plan <digest>', 'of the plan that was read: needed where deleting takes further rows along')
    .option('--override', 'also where more of a table is deleted or overwritten than its guard allows')
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON report and nothing else')
    .addHelpText('after', HELP)
    .action(
      runner.action((context, ids: readonly string[], options: ResolveOptions) => resolve(context, ids, options)),
    );
}

async function resolve(context: Context, words: readonly string[], options: ResolveOptions): Promise<ExitCode> {
  const filter = filterFrom(words, options);
  const { ledger } = context;
  const asOf = options.asOf ?? (filter === null ? undefined : await orIfEmpty(readLedgerTime(ledger), undefined));
  if (filter !== null) {
    const { resolution } = options;
    if (resolution === undefined) throw new TrueupError('USAGE', 'how? Say --resolution');
    const message = messageFrom({ filter, resolution }, asOf, options);
    if (!(await isConfirmed(context, { filter, resolution }, asOf ?? null, options))) return EXIT.ok;
    return carryOut(context, message, `${resolution}: entries by filter, by ${reviewerOf(options)}`, options);
  }
  const groups = namedEntries(words, options.resolution);
  if (groups.length > 1) needOneTaker(groups, options);
  // All of them are looked at before any is carried out.
  const messages = groups.map((group) =>
    messageFrom({ reviewIds: group.ids, resolution: group.resolution }, asOf, forGroup(group, groups, options)),
  );
  let worst: ExitCode = EXIT.ok;
  for (const [i, { resolution, ids }] of groups.entries()) {
    const summary = `${resolution}: entries ${ids.slice(0, 10).join(', ')}, by ${reviewerOf(options)}`;
    const code = await carryOut(context, messages[i] ?? {}, summary, options).catch((error: unknown) => {
      if (groups.length === 1) throw error;
      return printFailure(context.io, error);
    });
    if (code > worst) worst = code;
  }
  return worst;
}

/** Starts the run that carries a resolution out, and waits for its end. */
async function carryOut(
  context: Context,
  message: object,
  summary: string,
  options: ResolveOptions,
): Promise<ExitCode> {
  const json = options.json === true;
  const { run, recorded } = await startResolution(await context.temporal(), message, summary);
  if (!json) {
    const { resolution, reviewer, reviews } = recorded;
    context.io.out.line(
      `${resolution} by ${reviewer} recorded for ${plural(reviews, 'entry', 'entries')}: run ${run.workflowId}`,
    );
  }
  return waitForRun(context, run, { json });
}

/** The filter, or null where IDs are given. Throws USAGE. */
function filterFrom(words: readonly string[], options: ResolveOptions): ReviewFilter | null {
  const filter = filterOf(options);
  const isFilter = Object.keys(filter).length > 0 || options.all === true;
  if (words.length > 0 && isFilter)
    throw new TrueupError('USAGE', 'IDs, or --table, --type, --severity or --all: not both');
  if (words.length === 0 && !isFilter) {
    throw new TrueupError('USAGE', 'which entries? Name their IDs, or --table, --type, --severity, or --all');
  }
  return words.length > 0 ? null : filter;
}

/** Of several resolutions, values are those of CUSTOM_FIX, and a plan is that of the one which may delete. Throws USAGE. */
function needOneTaker(groups: readonly NamedEntries[], { values, plan }: ResolveOptions): void {
  const has = (resolution: ReviewResolution) => groups.some((group) => group.resolution === resolution);
  if (values !== undefined && !has('CUSTOM_FIX')) throw new TrueupError('USAGE', '--values goes with CUSTOM_FIX');
  if (plan !== undefined && !has('APPLY_SOURCE')) throw new TrueupError('USAGE', '--plan goes with APPLY_SOURCE');
}

function forGroup(group: NamedEntries, groups: readonly NamedEntries[], options: ResolveOptions): ResolveOptions {
  if (groups.length === 1) return options;
  const { values, plan, ...rest } = options;
  return {
    ...rest,
    ...(values !== undefined && group.resolution === 'CUSTOM_FIX' ? { values } : {}),
    ...(plan !== undefined && group.resolution === 'APPLY_SOURCE' ? { plan } : {}),
  };
}

function reviewerOf({ reviewer }: ResolveOptions): string {
  if (reviewer?.trim() === '') throw new TrueupError('USAGE', '--reviewer: a decision needs a name');
  return reviewer ?? osUser();
}

/** What the workflow is sent; checked here as it is there, so that a slip is told at once. Throws USAGE. */
function messageFrom(what: object, asOf: string | undefined, options: ResolveOptions): object {
  const message = {
    ...what,
    reviewer: reviewerOf(options),
    ...(options.notes === undefined ? {} : { notes: options.notes }),
    ...(options.values === undefined ? {} : { values: parseValues(options.values) }),
    ...(asOf === undefined ? {} : { asOf }),
    ...(options.plan === undefined ? {} : { planDigest: options.plan }),
    ...(options.override ? { override: true } : {}),
  };
  const checked = checkResolveMessage(message);
  if (!checked.ok) throw new TrueupError('USAGE', checked.problem);
  return message;
}

function parseValues(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new TrueupError('USAGE', `--values: found no JSON, allowed: such as '{"amount": "10.50", "note": null}'`);
  }
}

/** Says how many entries a filter holds, and asks. Throws USAGE where nobody can be asked, REVIEW_REFUSED where none is. */
async function isConfirmed(
  { io, ledger }: Context,
  { filter, resolution }: { readonly filter: ReviewFilter; readonly resolution: ReviewResolution },
  asOf: string | null,
  options: ResolveOptions,
): Promise<boolean> {
  const groups = await orIfEmpty(countSelected(ledger, { filter }, asOf), []);
  const total = groups.reduce((sum, group) => sum + group.count, 0);
  if (total === 0) throw new TrueupError('REVIEW_REFUSED', 'found no open entry that matches the filter');
  const say = options.json ? io.err : io.out;
  say.line(`${resolution} would resolve ${plural(total, 'open entry', 'open entries')}:`);
  for (const { table, type, count } of groups) say.line(`  ${table} ${type}: ${count}`);
  if (options.yes) return true;
  if (!io.interactive) throw new TrueupError('USAGE', 'nobody can be asked here: say --yes to resolve them');
  const interrupt = onInterrupt();
  try {
    const answer = await ask(io, 'Type yes to resolve them: ', interrupt.signal);
    if (answer?.toLowerCase() === 'yes') return true;
    io.out.line('Nothing was resolved.');
    return false;
  } finally {
    interrupt.dispose();
  }
}
