/**
 * Makes what pushes pages something that pages are pulled from: `produce` waits at each push until the next page is asked
 * for, so that one is held at the most. Whoever stops pulling ends it: its push throws, and it is waited for.
 */
export async function* pulled<Page, Result>(
  produce: (push: (page: Page) => Promise<void>) => Promise<Result>,
): AsyncGenerator<Page, Result, undefined> {
  interface Offer {
    readonly page: Page;
    readonly taken: () => void;
    readonly left: (error: Error) => void;
  }
  let offer: Offer | null = null;
  let ended = false;
  let isLeft = false;
  let wake: () => void = () => undefined;
  const push = (page: Page) =>
    new Promise<void>((taken, left) => {
      if (isLeft) return left(new Error('nobody pulls any more'));
      offer = { page, taken, left };
      wake();
    });
  const result = produce(push).finally(() => {
    ended = true;
    wake();
  });
  // It may fail before anybody waits for it.
  result.catch(() => undefined);
  const next = async (): Promise<Offer | null> => {
    if (!ended && offer === null) await new Promise<void>((resolve) => (wake = resolve));
    return offer;
  };
  try {
    for (let current = await next(); current !== null; current = await next()) {
      yield current.page;
      offer = null;
      current.taken();
    }
    return await result;
  } finally {
    isLeft = true;
    (offer as Offer | null)?.left(new Error('nobody pulls any more'));
    await result.catch(() => undefined);
  }
}
