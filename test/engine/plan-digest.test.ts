import type { PlanItem } from '../../contracts/plan-item';
import { digestPlan } from '../../engine/plan-digest';

describe('the digest of a plan', () => {
  it('tells any two lists of items apart', async () => {
    const item = (changes: Partial<PlanItem> = {}): PlanItem => ({
      seq: '1',
      table: 't',
      operation: 'insert',
      needsApproval: false,
      key: { a: 'b' },
      before: null,
      after: { a: 'b,"c' },
      source: { a: null },
      checkSource: true,
      ...changes,
    });
    const lists = [
      [],
      [item()],
      [item(), item()],
      [item({ after: { a: 'b', ',"c': '' } })],
      [item({ after: {} })],
      [item({ after: null })],
      [item({ key: { ab: '' } })],
      [item({ source: { a: 'null' } })],
      [item({ source: null })],
    ];
    const digests = await Promise.all(
      lists.map((list) =>
        digestPlan(
          (async function* () {
            yield* list;
          })(),
        ),
      ),
    );
    expect(new Set(digests).size).toBe(lists.length);
  });
});
