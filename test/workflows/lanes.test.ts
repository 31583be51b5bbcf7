import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { inLanes, Lanes } from '../../workflows/lanes';

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
    await new Lanes(4).run(
      items,
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

  it('may become more and fewer at any time, and none, and none of it loses or doubles an item', async () => {
    const widths = fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 60 }), widths, async (n, changes) => {
        const lanes = new Lanes(2);
        let [running, width] = [0, 2];
        const taken: number[] = [];
        const finished = new Set<number>();
        const over = lanes.run(numbers(n).values(), async (item) => {
          taken.push(item);
          running += 1;
          expect(running).toBeLessThanOrEqual(width);
          for (let tick = 0; tick <= item % 4; tick += 1) await Promise.resolve();
          running -= 1;
          finished.add(item);
        });
        for (const next of changes) {
          for (let tick = 0; tick < 3; tick += 1) await Promise.resolve();
          // What is in a lane that goes is not held to the new number.
          width = Math.max(next, running);
          lanes.width = next;
          await Promise.resolve();
        }
        width = 5;
        lanes.width = 5;
        await over;
        expect(taken).toEqual(numbers(n));
        expect([...finished].toSorted((a, b) => a - b)).toEqual(taken);
      }),
      { numRuns: 200 },
    );
  });

  it('begin nothing while there are none', async () => {
    const lanes = new Lanes(0);
    const taken: number[] = [];
    let isOver = false;
    const over = lanes.run(numbers(3).values(), async (item) => void taken.push(item)).then(() => (isOver = true));
    await sleep(5);
    expect({ taken, isOver }).toEqual({ taken: [], isOver: false });
    lanes.width = 1;
    await over;
    expect(taken).toEqual([0, 1, 2]);
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
