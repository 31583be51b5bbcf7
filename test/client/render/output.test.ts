import { Writable } from 'node:stream';
import { Output } from '../../../client/render/output';

test('a reader that goes away ends a listing without a failure', async () => {
  const stream = new Writable({ highWaterMark: 1, write: () => undefined });
  const output = new Output(stream, false);
  const waiting = output.write('more than it takes');
  const gone: NodeJS.ErrnoException = new Error('write EPIPE');
  gone.code = 'EPIPE';
  stream.destroy(gone);
  await waiting;
  expect(output.closed).toBe(true);
  output.line('dropped');
  await output.write('dropped');
  await output.flush();
});

test('writing waits for a reader that is slower', async () => {
  let release: () => void = () => undefined;
  const stream = new Writable({ highWaterMark: 1, write: (_, __, done) => void (release = () => done()) });
  const output = new Output(stream, false);
  let written = false;
  const writing = output.write('slowly').then(() => (written = true));
  await new Promise(setImmediate);
  expect(written).toBe(false);
  release();
  await writing;
  expect(written).toBe(true);
});
