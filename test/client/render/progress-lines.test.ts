import { ProgressLines } from '../../../client/render/progress-lines';
import { progressOf, tableOf } from '../report';

test('a line comes with every change of phase, and otherwise at most one per table in four seconds', () => {
  const lines = new ProgressLines();
  const at = (chunksDone: number, now: number) =>
    lines.update(progressOf({ tables: [tableOf({ chunks: 9, chunksDone, rowsSource: 1000 })] }), now);
  expect(at(1, 0)).toEqual(['phase: comparing', '  orders: comparing, 1 of 9 chunks, 1,000 source rows']);
  expect(at(2, 1_000)).toEqual([]);
  expect(at(3, 4_000)).toEqual(['  orders: comparing, 3 of 9 chunks, 1,000 source rows']);
  expect(at(3, 9_000)).toEqual([]);
  const done = tableOf({
    chunks: 9,
    chunksDone: 9,
    phase: 'done',
    status: 'inconsistent',
    findings: { extra_in_target: 2 },
  });
  expect(lines.update(progressOf({ tables: [done] }), 9_001)).toEqual([
    '  orders: inconsistent, 9 of 9 chunks, 2 extra',
  ]);
});

test('a table that waits says nothing, and the last correction is always said', () => {
  const lines = new ProgressLines();
  const applying = (done: number, now: number) =>
    lines.update(
      progressOf({ phase: 'applying', corrections: { done, total: 3 }, tables: [tableOf({ phase: 'waiting' })] }),
      now,
    );
  expect(applying(1, 0)).toEqual(['phase: applying', '  applied 1 of 3 corrections']);
  expect(applying(2, 10)).toEqual([]);
  expect(applying(3, 20)).toEqual(['  applied 3 of 3 corrections']);
});
