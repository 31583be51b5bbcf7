// A process of its own: what is rejected while nobody waits for it ends a process, but not a test.
import { setTimeout as sleep } from 'node:timers/promises';
import { ahead } from '../../activities/ahead';

async function* source() {
  yield 1;
  throw new Error('connection lost');
}

async function main(): Promise<void> {
  try {
    for await (const n of ahead(source())) await sleep(20 * n);
  } catch (error) {
    console.log(`caught: ${(error as Error).message}`);
  }
}

void main();
