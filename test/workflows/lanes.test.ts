import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { inLanes } from '../../workflows/lanes';

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

describe('lanes', () => {
  it('take every item once and in order, and never more at once than there are lanes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 12 }), async (n, width) => {
        let [running, most] = [0, 0];
        const taken: number[] = [];
        await inLanes(numbers(n).values(), width, async (item) => {
          taken.push(item);
          running += 1;
          most = Math.max(most, running);
          // Items that take differently long end out of order.
          for (let tick = 0; tick < (item * 7) % 5; tick += 1) await Promise.resolve();
          running -= 1;
        });
        expect(taken).toEqual(numbers(n));
        expect(most).toBeLessThanOrEqual(width);
        expect(running).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('fill every lane while there are items', async () => {
    let [running, most] = [0, 0];
    await inLanes(numbers(20).values(), 5, async () => {
      running += 1;
      most = Math.max(most, running);
      await sleep(2);
      running -= 1;
    });
    expect(most).toBe(5);
  });

  it('take nothing new once there shall be no more, and leave the rest to be taken later', async () => {
    const taken: number[] = [];
    const finished: number[] = [];
    const items = numbers(100).values();
    await inLanes(
      items,
      4,
      async (item) => {
        taken.push(item);
        await sleep(1);
        finished.push(item);
      },
      () => taken.length < 10,
    );
    expect(taken).toEqual(numbers(10));
    expect(finished.toSorted((a, b) => a - b)).toEqual(taken);
    expect(items.next().value).toBe(10);
  });

  it('reject with the first error', async () => {
    const boom = new Error('boom');
    await expect(
      inLanes(numbers(10).values(), 3, async (item) => {
        await Promise.resolve();
        if (item === 4) throw boom;
      }),
    ).rejects.toBe(boom);
  });
});
