import { setTimeout as sleep } from 'node:timers/promises';
import { ahead } from '../../activities/ahead';
import { spawnNode } from '../support/process';

describe('going ahead', () => {
  it('hands on everything in order, one thing early', async () => {
    const made: number[] = [];
    async function* source() {
      for (const n of [1, 2, 3]) {
        made.push(n);
        yield n;
      }
    }
    const seen: [number, number][] = [];
    for await (const n of ahead(source())) {
      await sleep(1);
      seen.push([n, made.length]);
    }
    expect(seen).toEqual([
      [1, 2],
      [2, 3],
      [3, 3],
    ]);
  });

  it('keeps a failure for whoever asks next, however long they are at work', async () => {
    const { code, stdout, stderr } = await spawnNode('test/support/run-ts.js', {
      args: ['test/support/ahead-failing.ts'],
    }).exited;
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'caught: connection lost\n', stderr: '' });
  });

  it('waits for what was begun when its user fails', async () => {
    let done = false;
    async function* source() {
      yield 1;
      await sleep(20);
      done = true;
      yield 2;
    }
    const use = async () => {
      for await (const n of ahead(source())) throw new Error(`no ${n}`);
    };
    await expect(use()).rejects.toThrow('no 1');
    expect(done).toBe(true);
  });
});
