/** Hands on what `source` yields, and lets it go on with one thing more while the last one is worked at. */
export async function* ahead<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = begin(source);
  try {
    for (;;) {
      const one = await next;
      if (one.done) return;
      next = begin(source);
      yield one.value;
    }
  } finally {
    // Whoever stops early waits for what was begun; a failure of that comes too late to count.
    await next.catch(() => undefined);
    await source.return(undefined);
  }
}

/** A failure is for whoever asks next; until then nobody waits for it, and Node.js would end the process over it. */
function begin<T>(source: AsyncGenerator<T>): Promise<IteratorResult<T>> {
  const next = source.next();
  next.catch(() => undefined);
  return next;
}
