import { type Client, type Connection, type Submittable } from 'pg';
import { quoteIdentifier } from '../database/identifier';
import { onSession, type Urls } from './load';

/** Bytes that are handed on at once: a message for each row would cost more than the rows. */
const PIECE_BYTES = 64 * 1024;
/** Bytes on their way before the side that reads waits for the one that writes. */
const MOST_WAITING = 4 * 1024 * 1024;

/** What the driver's type leaves out: it sends and hands over the messages of COPY, and knows nothing of them. */
type CopyConnection = Connection & {
  readonly stream: NodeJS.WriteStream;
  query(text: string): void;
  sendCopyFromChunk(piece: Buffer): void;
  sendCopyFail(why: string): void;
  endCopyFrom(): void;
};

/** A statement that is COPY in one direction; the driver calls its methods as messages arrive. */
abstract class Copy implements Submittable {
  readonly done: Promise<void>;
  #resolve: () => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  #failed = false;

  constructor(private readonly sql: string) {
    this.done = new Promise((resolve, reject) => ([this.#resolve, this.#reject] = [resolve, reject]));
  }

  submit(connection: Connection): void {
    (connection as CopyConnection).query(this.sql);
  }

  handleError(error: Error): void {
    this.#failed = true;
    this.#reject(error);
  }

  handleCommandComplete(): void {
    // The end is when the server is ready for the next statement.
  }

  handleReadyForQuery(): void {
    if (!this.#failed) this.#resolve();
  }
}

class CopyIn extends Copy {
  #connection: CopyConnection | null = null;
  readonly ready: Promise<void>;
  #start: () => void = () => undefined;

  constructor(sql: string) {
    super(sql);
    this.ready = new Promise((resolve) => (this.#start = resolve));
  }

  handleCopyInResponse(connection: CopyConnection): void {
    this.#connection = connection;
    this.#start();
  }

  /** Sends a piece; false: wait for `drained` before the next. */
  write(piece: Buffer): boolean {
    this.#connection?.sendCopyFromChunk(piece);
    return (this.#connection?.stream.writableLength ?? 0) < MOST_WAITING;
  }

  onDrained(then: () => void): void {
    this.#connection?.stream.once('drain', then);
  }

  end(): void {
    this.#connection?.endCopyFrom();
  }

  fail(why: string): void {
    this.#connection?.sendCopyFail(why);
  }
}

class CopyOut extends Copy {
  readonly #piece = Buffer.allocUnsafe(PIECE_BYTES);
  #bytes = 0;

  constructor(
    sql: string,
    private readonly into: CopyIn,
  ) {
    super(sql);
  }

  /** A row; the driver reads the next one over it, so it is copied. */
  handleCopyData({ chunk }: { readonly chunk: Buffer }, connection: CopyConnection): void {
    let isFlowing = true;
    if (this.#bytes + chunk.length > PIECE_BYTES) isFlowing = this.#flush();
    if (chunk.length > PIECE_BYTES) isFlowing = this.into.write(chunk);
    else this.#bytes += chunk.copy(this.#piece, this.#bytes);
    if (isFlowing || connection.stream.isPaused()) return;
    connection.stream.pause();
    this.into.onDrained(() => connection.stream.resume());
  }

  override handleCommandComplete(): void {
    this.#flush();
    this.into.end();
  }

  override handleError(error: Error): void {
    this.into.fail('the side that reads has failed');
    super.handleError(error);
  }

  #flush(): boolean {
    const bytes = this.#bytes;
    this.#bytes = 0;
    return bytes === 0 || this.into.write(this.#piece.subarray(0, bytes));
  }
}

/** `COPY … TO STDOUT | COPY … FROM STDIN`: every row of the source's table, as text, into one of the target. */
export async function copyThrough(urls: Urls, from: string, to: string): Promise<void> {
  await onSession(urls.source, (source) =>
    onSession(urls.target, async (target: Client) => {
      const copyIn = target.query(new CopyIn(`copy ${quoteIdentifier(to)} from stdin`));
      await Promise.race([copyIn.ready, copyIn.done]);
      const copyOut = source.query(new CopyOut(`copy ${quoteIdentifier(from)} to stdout`, copyIn));
      await Promise.all([copyOut.done, copyIn.done]);
    }),
  );
}
