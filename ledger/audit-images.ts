import type { AuditProblem } from '../contracts/audit';
import type { Queryable } from '../database/connection';
import { quoteQualified } from '../database/identifier';
import type { AuditedRun } from './audited-run';
import { streamRows } from './cursor';

/** One side of the comparison: which correction of which row it is, from what it started, and a digest of all that. */
interface Half {
  readonly seq: string;
  readonly what: string;
  readonly digest: string;
  /** Of an entry: whether the correction was made. */
  readonly status: string;
}

const described = (alias: string, before: string) =>
  `${alias}.operation || ' ' || ${alias}.table_name || ' ' || ${alias}.record_key::text as what,
   encode(sha256(convert_to(row(${alias}.table_name, ${alias}.operation, ${alias}.record_key, ${alias}.${before})::text,
                            'UTF8')), 'hex') as digest`;

/** The corrections of a run in order. */
function streamEntries(session: Queryable, runId: string): AsyncGenerator<Half> {
  const query = `select c.seq, c.status, ${described('c', 'before_data')} from correction_log c
                  where c.run_id = $1 order by c.seq`;
  return streamRows<Half>(session, 'entries', query, [runId]);
}

/** The before-images of a run in order, in one of its targets; the session has to be within a transaction. */
export function streamImages(session: Queryable, schema: string, runId: string): AsyncGenerator<Half> {
  const query = `select b.seq, 'IMAGE' as status, ${described('b', 'before_row')}
                   from ${quoteQualified(schema, 'before_image')} b where b.run_id = $1 order by b.seq`;
  return streamRows<Half>(session, 'images', query, [runId]);
}

/**
 * Holds the corrections of a run against its before-images: each that was made has one, of the same row as it was, and
 * there is no other. Counts the before-images in `seen`.
 */
export async function* auditImages(
  session: Queryable,
  run: AuditedRun,
  targets: readonly AsyncGenerator<Half>[],
  seen: { images: number },
): AsyncGenerator<AuditProblem> {
  const entries = new Reader(streamEntries(session, run.runId));
  const images = targets.map((target) => new Reader(target));
  for (;;) {
    const heads = [entries, ...images];
    for (const reader of heads) await reader.fill();
    const seqs = heads.flatMap(({ head }) => (head === null ? [] : [BigInt(head.seq)]));
    const [first, ...others] = seqs;
    if (first === undefined) return;
    const seq = others.reduce((least, next) => (next < least ? next : least), first);
    const entry = entries.take(seq);
    // Two connections may lead to one database: its before-images then come twice.
    const found = images.flatMap((reader) => reader.take(seq) ?? []);
    if (found.length > 0) seen.images += 1;
    yield* problemsOf(run, String(seq), entry, found);
  }
}

function* problemsOf(
  run: AuditedRun,
  seq: string,
  entry: Half | null,
  images: readonly Half[],
): Generator<AuditProblem> {
  const [image] = images;
  const named = entry ?? image;
  if (!named) return;
  const what = `correction ${seq} (${named.what})`;
  const made = entry?.status === 'SUCCESS';
  if (!image) {
    if (made) yield { type: 'image_missing', what, seq, found: 'no before-image', expected: 'one' };
    return;
  }
  if (!made) {
    // What a run that is under way has just changed is entered next.
    if (!run.ended && entry === null) return;
    const found = entry === null ? 'no entry' : `an entry that says ${entry.status}`;
    yield { type: 'image_without_entry', what, seq, found, expected: 'one that says SUCCESS' };
    return;
  }
  for (const other of images.filter(({ digest }) => digest !== entry.digest)) {
    const found = other.what === entry.what ? 'another row before the correction' : other.what;
    yield {
      type: 'image_differs',
      what,
      seq,
      found: `a before-image of ${found}`,
      expected: `the row as the entry has it`,
    };
    return;
  }
}

/** A stream of which the next one can be looked at before it is taken. */
class Reader {
  head: Half | null = null;
  #ended = false;

  constructor(private readonly stream: AsyncGenerator<Half>) {}

  async fill(): Promise<void> {
    if (this.head !== null || this.#ended) return;
    const next = await this.stream.next();
    if (next.done) this.#ended = true;
    else this.head = next.value;
  }

  take(seq: bigint): Half | null {
    const { head } = this;
    if (head === null || BigInt(head.seq) !== seq) return null;
    this.head = null;
    return head;
  }
}
