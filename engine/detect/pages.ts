import type { Database } from '../../database/connection';

/** Rows of a page at the most. */
export const PAGE_ROWS = 500;

/** Runs `use` when there is room for one more long reading. */
export type Turn = <T>(use: () => Promise<T>) => Promise<T>;

export interface PageOptions {
  readonly signal?: AbortSignal | undefined;
  /** Default: at once. */
  readonly turn?: Turn | undefined;
}

/**
 * The rows of one statement, as of one moment, a page at a time, through a cursor: memory does not grow with them. A
 * session is held from the first page until the last, or until the reader goes no further.
 */
export async function* pagesOf<Row extends object>(
  database: Database,
  { text, values }: { readonly text: string; readonly values: readonly unknown[] },
  { signal, turn = (use) => use() }: PageOptions = {},
): AsyncGenerator<readonly Row[], void, undefined> {
  let asked = defer<boolean>();
  let answer = defer<readonly Row[]>();
  const reading = turn(() =>
    database.withTransaction(
      'repeatable read, read only',
      async (session) => {
        await session.query(`declare pages no scroll cursor for ${text}`, values);
        while (await asked.promise) {
          asked = defer();
          const { rows } = await session.query<Row>(`fetch ${PAGE_ROWS} from pages`);
          answer.resolve(rows);
        }
      },
      signal,
    ),
  );
  const failed = reading.then(() => new Promise<never>(() => undefined));
  failed.catch(() => undefined);
  try {
    for (;;) {
      answer = defer();
      asked.resolve(true);
      const rows = await Promise.race([answer.promise, failed]);
      if (rows.length > 0) yield rows;
      if (rows.length < PAGE_ROWS) break;
    }
  } finally {
    asked.resolve(false);
    await reading.catch(() => undefined);
  }
}

function defer<T>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}
