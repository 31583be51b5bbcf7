/** Hands on what `source` yields, and lets it go on with one thing more while the last one is worked at. */
export async function* ahead<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = source.next();
  try {
    for (;;) {
      const one = await next;
      if (one.done) return;
      next = source.next();
      yield one.value;
    }
  } finally {
    // Whoever stops early waits for what was begun; a failure of that comes too late to count.
    await next.catch(() => undefined);
    await source.return(undefined);
  }
}
