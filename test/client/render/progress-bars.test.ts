import { Writable } from 'node:stream';
import { Output } from '../../../client/render/output';
import { barText } from '../../../client/render/progress-bars';
import { progressView } from '../../../client/render/progress-view';
import { progressOf, tableOf } from '../report';

test('a bar names the chunks, the rows and what was found', () => {
  const table = tableOf({
    chunks: 2,
    chunksDone: 1,
    rowsSource: 50_000,
    findings: { field_mismatch: 3, extra_in_target: 0 },
  });
  expect(barText(table)).toEqual({ phase: 'comparing', rest: '1/2 chunks · 50,000 rows · 3 mismatched' });
  expect(barText({ ...table, phase: 'done', status: 'inconsistent' }).phase).toBe('inconsistent');
});

test('where nothing can be redrawn there are lines and no control sequences', () => {
  let written = '';
  const stream = new Writable({ write: (chunk: Buffer, _, done) => ((written += chunk.toString()), done()) });
  const view = progressView(new Output(stream, false));
  view.show(progressOf({ tables: [tableOf({ chunks: 2, chunksDone: 1 })] }));
  view.notice('No worker.');
  view.stop();
  expect(written).toBe('phase: comparing\n  orders: comparing, 1 of 2 chunks\nNo worker.\n');
});
