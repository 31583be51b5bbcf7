import fc from 'fast-check';
import { Slots } from '../../activities/slots';

const never = new AbortController().signal;

describe('slots', () => {
  it('admit everyone in the end, and never more than a request bears beside itself', async () => {
    const limits = fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), limits, async (count, requests) => {
        const slots = new Slots(count);
        let [held, served] = [0, 0];
        await Promise.all(
          requests.map((limit, i) =>
            slots.with(
              never,
              async () => {
                held += 1;
                expect(held).toBeLessThanOrEqual(Math.min(limit, count));
                for (let tick = 0; tick < i % 5; tick += 1) await Promise.resolve();
                held -= 1;
                served += 1;
              },
              limit,
            ),
          ),
        );
        expect(served).toBe(requests.length);
      }),
      { numRuns: 200 },
    );
  });

  it('are given back by what fails, and not waited for by what is cancelled', async () => {
    const slots = new Slots(1);
    await expect(slots.with(never, () => Promise.reject(new Error('boom')))).rejects.toThrow('boom');
    let end: () => void = () => undefined;
    const first = slots.with(never, () => new Promise<void>((resolve) => (end = resolve)));
    const cancel = new AbortController();
    const second = slots.with(cancel.signal, async () => 'second');
    const third = slots.with(never, async () => 'third');
    cancel.abort(new Error('cancelled'));
    await expect(second).rejects.toThrow('cancelled');
    end();
    await first;
    expect(await third).toBe('third');
  });
});
