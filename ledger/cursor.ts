import type { Queryable } from '../database/connection';

/** Rows that are fetched at once. */
const FETCH = 1_000;

/** Streams what a query finds; the session has to be within a transaction, and `name` is the cursor's. */
export async function* streamRows<Row extends object>(
  session: Queryable,
  name: string,
  query: string,
  values: readonly unknown[],
): AsyncGenerator<Row> {
  await session.query(`declare ${name} no scroll cursor for ${query}`, values);
  for (;;) {
    const { rows } = await session.query<Row>(`fetch ${FETCH} from ${name}`);
    yield* rows;
    if (rows.length < FETCH) break;
  }
  await session.query(`close ${name}`);
}
