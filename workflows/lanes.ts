/** Runs `work` on each item, at most `width` at once, in order of the items; stops taking items when `more` says no. */
export async function inLanes<T>(
  items: Iterator<T>,
  width: number,
  work: (item: T) => Promise<void>,
  more: () => boolean = () => true,
): Promise<void> {
  const lane = async () => {
    while (more()) {
      const next = items.next();
      if (next.done) return;
      await work(next.value);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
}
