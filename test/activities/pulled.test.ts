import { pulled } from '../../activities/checks/pulled';

describe('pages that are pulled', () => {
  test('come one at a time, in order, and then the result', async () => {
    const seen: string[] = [];
    const pages = pulled<number, string>(async (push) => {
      for (const page of [1, 2, 3]) {
        seen.push(`make ${page}`);
        await push(page);
      }
      return 'all';
    });
    for (;;) {
      const page = await pages.next();
      if (page.done) {
        seen.push(page.value);
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
      seen.push(`take ${page.value}`);
    }
    expect(seen).toEqual(['make 1', 'take 1', 'make 2', 'take 2', 'make 3', 'take 3', 'all']);
  });

  test('hand on what the maker throws, before and after a page', async () => {
    const pages = pulled<number, undefined>(async (push) => {
      await push(1);
      throw new Error('broken');
    });
    expect(await pages.next()).toEqual({ done: false, value: 1 });
    await expect(pages.next()).rejects.toThrow('broken');
    const none = pulled<number, undefined>(() => Promise.reject(new Error('at once')));
    await expect(none.next()).rejects.toThrow('at once');
  });

  test('end their maker when nobody pulls any more', async () => {
    let ended = '';
    const pages = pulled<number, undefined>(async (push) => {
      try {
        for (let page = 1; ; page += 1) await push(page);
      } catch (error) {
        ended = (error as Error).message;
        throw error;
      }
    });
    await pages.next();
    await pages.return(undefined);
    expect(ended).toBe('nobody pulls any more');
  });
});
