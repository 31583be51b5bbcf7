import { blockedLines, decidingCommands, planTable } from '../../../client/render/plan-table';

const line = { table: 'orders', operation: 'update' as const, rows: 1_200, needsApproval: true };

test('a plan says what is decided of each line, and which triggers it fires only where there are any', () => {
  expect(planTable([line])).toMatch(/orders │ update +│ +1,200 │ needs approval/);
  expect(planTable([line])).not.toContain('triggers');
  const shown = planTable([
    { ...line, leftOut: 1_200 },
    { ...line, operation: 'delete', leftOut: 7, triggers: ['audit', 'no\u001btify'] },
    { ...line, operation: 'insert', needsApproval: false },
  ]);
  expect(shown).toMatch(/update +│ +1,200 │ left out /);
  expect(shown).toMatch(/delete +│ +1,200 │ 7 left out +│ audit, no\\u001btify/);
  expect(shown).toMatch(/insert +│ +1,200 │ automatic/);
});

test('a plan over its guard says by how much, and what it takes', () => {
  expect(blockedLines([])).toEqual([]);
  const [head, ...tables] = blockedLines([
    { table: 'orders', changes: 1_200, rows: 20_000, limit: 1_000 },
    { table: 'parcels', changes: 1, rows: null, limit: 0 },
  ]);
  expect(head).toContain('only an approval with --override is taken');
  expect(tables).toEqual([
    '  orders: 1,200 of 20,000 rows would be deleted or overwritten, the limit is 1,000',
    '  parcels: 1 row would be deleted or overwritten, the limit is 0',
  ]);
  const blocked = [{ table: 'orders', changes: 2, rows: 2, limit: 1 }];
  expect(decidingCommands('run-1', { digest: 'd', blocked })[0]).toBe('trueup approve run-1 --plan d --override');
  expect(decidingCommands('run-1', { digest: 'd', blocked: [] })[0]).toBe('trueup approve run-1 --plan d');
});
