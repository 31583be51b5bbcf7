import { colorsFor } from '../../../client/render/colors';
import { summaryLines } from '../../../client/render/summary';
import { reportOf, tableOf } from '../report';

const plain = colorsFor(false, {});
const text = (changes: Parameters<typeof reportOf>[0]) => summaryLines(reportOf(changes), plain).join('\n');

test('a report says what was found, done, verified and left, and how long it took', () => {
  const shown = text({
    status: 'applied',
    tables: [tableOf({ phase: 'done', status: 'inconsistent', rowsSource: 1_200, findings: { missing_in_target: 3 } })],
    corrections: { SUCCESS: 2, SKIPPED_STALE: 1 },
    verified: { checked: 2, differing: 0 },
    phases: { comparing: 2_400, applying: 80 },
    remaining: 1,
  });
  expect(shown).toContain('Run run-1: applied');
  expect(shown).toContain('took 5.5 s');
  expect(shown).toMatch(/orders .* inconsistent .* 1,200/);
  expect(shown).toContain('Corrections: 2 SUCCESS, 1 SKIPPED_STALE.');
  expect(shown).toContain('2 touched rows compared again, all equal');
  expect(shown).toContain('Phases: comparing 2.4 s, applying 80 ms.');
  expect(shown).toContain('1 correction SKIPPED_STALE');
  expect(shown).toContain('Left: 1 difference. See them with `trueup findings run-1`.');
});

test('a report says who approved which part, and that the rest stays open', () => {
  const decision = { decision: 'approve', approver: 'bo', planDigest: 'd', reason: null } as const;
  const part = { tables: ['orders'], operations: ['update'] as const, override: true };
  const decidedAt = '2026-03-01T12:00:01.000Z';
  const shown = text({
    status: 'applied',
    decision: { ...decision, decidedAt, ...part },
    leftOut: 1_200,
    remaining: 1_200,
  });
  expect(shown).toContain(
    'Decided: approve by bo at 2026-03-01 12:00:01 UTC; only tables orders; operations update; 1,200 corrections left out; overriding the guard.',
  );
  expect(shown).toContain('1,200 corrections left out of the approval: not made, and the findings stay OPEN.');
});

test('an incomplete comparison is never passed over', () => {
  const tables = [tableOf({ status: 'incomplete', phase: 'done', unsettled: 2, notes: ['3 chunks were not read'] })];
  const shown = text({ status: 'incomplete', tables });
  expect(shown).toContain('not known to match');
  expect(shown).toContain('orders: 2 rows did not settle');
  expect(shown).toContain('orders: 3 chunks were not read');
});

test('findings of another kind get a column of their own, and only then', () => {
  expect(text({ tables: [tableOf()] })).not.toContain('other');
  expect(text({ tables: [tableOf({ findings: { schema_drift: 4 } })] })).toContain('other');
});

test('a run that only counted says so', () => {
  const tables = [tableOf({ compared: 'counts' })];
  expect(text({ mode: 'count', tables })).toContain('Only counts were compared: rows that differ where');
  expect(text({ mode: 'aggregate', tables })).toContain('Only counts, sums and checksums by group were compared');
  expect(text({ mode: 'full', tables })).not.toContain('Only');
});

test('colours follow NO_COLOR, FORCE_COLOR and the terminal', () => {
  const isColored = (isTerminal: boolean, env: Record<string, string>) => colorsFor(isTerminal, env).red('x') !== 'x';
  expect(isColored(true, {})).toBe(true);
  expect(isColored(false, {})).toBe(false);
  expect(isColored(true, { NO_COLOR: '1' })).toBe(false);
  expect(isColored(true, { TERM: 'dumb' })).toBe(false);
  expect(isColored(false, { FORCE_COLOR: '1' })).toBe(true);
});
