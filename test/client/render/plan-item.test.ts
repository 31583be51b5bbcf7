import { planItemJson, planItemLines } from '../../../client/render/plan-item';

const item = { seq: '1', table: 'orders', needsApproval: true, key: { id: '7' } } as const;

test('an update shows only what changes, before and after', () => {
  const before = { id: '7', name: 'Ann', note: null };
  expect(planItemLines({ ...item, operation: 'update', before, after: { name: 'Anne', note: 'x' } })).toEqual([
    'update orders id=7',
    "    name: 'Ann' → 'Anne'",
    "    note: NULL → 'x'",
  ]);
});

test('an insert shows the row that will be there, a delete the row that will be gone', () => {
  expect(
    planItemLines({ ...item, operation: 'insert', needsApproval: false, before: null, after: { id: '7' } }),
  ).toEqual(['insert orders id=7  (automatic)', "    + id: '7'"]);
  expect(planItemLines({ ...item, operation: 'delete', before: { id: '7' }, after: null })).toEqual([
    'delete orders id=7',
    "    - id: '7'",
  ]);
});

test('the JSON form holds the values unchanged, and nothing that only applying needs', () => {
  const full = { ...item, operation: 'delete', before: { id: '9007199254740993' }, after: null, source: {} } as const;
  expect(JSON.parse(planItemJson(full))).toEqual({
    ...item,
    operation: 'delete',
    before: { id: '9007199254740993' },
    after: null,
  });
});
