import type { ReportedCheck } from '../../../contracts/check';
import { checkLines } from '../../../client/render/check-lines';
import { colorsFor } from '../../../client/render/colors';

const CHECK: ReportedCheck = {
  kind: 'rules',
  subject: 'totals',
  status: 'failed',
  findings: 1_200,
  transient: 0,
  unsettled: 0,
  detail: 'of 1500 keys 1200 missing',
  error: null,
};
const text = (...checks: readonly ReportedCheck[]) =>
  checkLines(checks, colorsFor(false, {})).join('\n').replaceAll(' │', '');

test('a business rule passes or fails, with its first differences', () => {
  const first = [
    {
      table: 'totals',
      type: 'rule_violation' as const,
      severity: 'high' as const,
      resolution: 'OPEN' as const,
      key: { day: '2024-01-01', shop: 'an "odd" one' },
      columns: [{ name: 'total', source: '12.50', target: null }],
      detail: 'MISSING_IN_TARGET',
    },
  ];
  const shown = text({ ...CHECK, first }, { ...CHECK, subject: 'counts', status: 'passed', findings: 0 });
  expect(shown).toMatch(/rules +totals +FAIL +1,200 +of 1500 keys/);
  expect(shown).toMatch(/rules +counts +PASS +0/);
  expect(shown).toContain('Rule totals, the first 1 of 1,200 differences:');
  expect(shown).toContain(
    `  day=2024-01-01 shop='an "odd" one'  total: source '12.50', target NULL  MISSING_IN_TARGET`,
  );
});

test('another check passed or failed, and says why it could not be made', () => {
  const error = { code: 'COLUMN_NOT_FOUND' as const, message: 'table t: no column' };
  const shown = text(
    { ...CHECK, kind: 'counts', subject: 't', status: 'incomplete', error },
    { ...CHECK, kind: 'counts', subject: 'u', unsettled: 2 },
  );
  expect(shown).toMatch(/counts +t +incomplete .*COLUMN_NOT_FOUND: table t: no column/);
  expect(shown).toMatch(/counts +u +failed .*2 did not come to rest/);
});
