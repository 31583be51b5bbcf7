import { Option, type Command } from 'commander';
import { TrueupError } from '../../contracts/errors';
import { EXIT, type ExitCode } from '../../contracts/exit-code';
import { REVIEW_STATUSES, type ReviewEntry, type ReviewStatus } from '../../contracts/review';
import { readLedgerTime, readReview, streamReviews } from '../../ledger/review';
import { reviewLine, reviewLines } from '../render/review-entry';
import { plural } from '../render/text';
import type { Runner } from './command';
import type { Context } from './context';
import { orIfEmpty } from './lookup';
import { addFilter, checkId, filterOf, type FilterOptions } from './review-filter';
import { addResolve } from './review-resolve';
import { readRowsNow } from './review-now';

interface ListOptions extends FilterOptions {
  readonly status: ReviewStatus | 'ALL';
  readonly json?: true;
}

const LIST_HELP = `
PENDING: nobody has decided yet. REVIEWED: resolved, by whom and how. HEALED: a later complete comparison no longer found
the difference, and its row was read again and agrees, so nobody has to decide.

Examples:
  trueup review list --table orders --severity high
  trueup review list --status ALL --json > queue.jsonl`;

export function addReview(program: Command, runner: Runner): void {
  const review = program
    .command('review')
    .summary('the manual review queue: list, show, resolve')
    .description('The manual review queue: differences whose policy is `review`, which a person decides on.');
  addFilter(review.command('list'))
    .summary('what stands in the queue')
    .description('The entries of the review queue, one line each.')
    .addOption(
      new Option('--status <status>', 'only with this status').choices([...REVIEW_STATUSES, 'ALL']).default('PENDING'),
    )
    .option('--json', 'print JSON lines')
    .addHelpText('after', LIST_HELP)
    .action(runner.action((context, options: ListOptions) => list(context, options)));
  review
    .command('show')
    .summary('one entry, field by field')
    .description('One entry field by field: source and target as they were seen, and as they are now.')
    .argument('<id>', 'ID of the entry')
    .option('--json', 'print one JSON document')
    .action(runner.action((context, id: string, options: { json?: true }) => show(context, id, options.json === true)));
  addResolve(review, runner);
}

async function list({ io, ledger }: Context, options: ListOptions): Promise<ExitCode> {
  const { out } = io;
  const status = options.status === 'ALL' ? null : options.status;
  let n = 0;
  for await (const entry of entries(streamReviews(ledger, filterOf(options), status))) {
    if (out.closed) return EXIT.ok;
    await out.write(`${options.json ? JSON.stringify(entry) : reviewLine(entry)}\n`);
    n += 1;
  }
  if (!options.json) out.line(n === 0 ? 'No entries.' : plural(n, 'entry', 'entries'));
  return EXIT.ok;
}

/** A ledger without its tables has an empty queue. */
async function* entries(found: AsyncIterable<ReviewEntry>): AsyncIterable<ReviewEntry> {
  const iterator = found[Symbol.asyncIterator]();
  for (;;) {
    const next = await orIfEmpty(iterator.next(), { done: true as const, value: undefined });
    if (next.done) return;
    yield next.value;
  }
}

async function show(context: Context, id: string, json: boolean): Promise<ExitCode> {
  const { io, ledger } = context;
  checkId(id);
  const asOf = await readLedgerTime(ledger);
  const entry = await orIfEmpty(readReview(ledger, id), null);
  if (entry === null) throw new TrueupError('REVIEW_REFUSED', `entry ${id}: there is none in the review queue`);
  const now = await readRowsNow(context, entry);
  if (json) {
    io.out.line(JSON.stringify({ ...entry, now: typeof now === 'string' ? null : now, asOf }));
    return EXIT.ok;
  }
  reviewLines(entry, now).forEach((line) => io.out.line(line));
  if (entry.status === 'PENDING' && entry.resolvedBy === null) {
    io.out.line('');
    io.out.line('To decide on what is shown here:');
    for (const resolution of ['APPLY_SOURCE', 'KEEP_TARGET']) {
      io.out.line(`  trueup review resolve ${id} --resolution ${resolution} --as-of ${asOf}`);
    }
  }
  return EXIT.ok;
}
