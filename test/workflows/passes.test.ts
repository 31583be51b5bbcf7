import type { ApplyCounts } from '../../activities/correct';
import { inPasses } from '../../workflows/passes';

const counts = (some: Partial<ApplyCounts>): ApplyCounts => ({
  success: 0,
  skipped: 0,
  failed: 0,
  deferred: 0,
  ...some,
});
const STEPS = [1, 2].map((step) => ({ step, table: 't', operation: 'update', rows: 5 }));

/** Plays passes whose steps leave what `deferred` says, pass by pass, and whose joint corrections come to `joint`. */
async function played(deferred: readonly (readonly number[])[], joint: readonly (ApplyCounts | null)[]) {
  const log: string[] = [];
  const left = deferred.map((counts) => [...counts]);
  let pass = 0;
  await inPasses(STEPS, {
    applyStep: ({ step }, last) => {
      log.push(`${step}${last ? ' last' : ''}`);
      const now = left[pass]?.shift();
      if (now === undefined) throw new Error(`a step too many: ${log.join(', ')}`);
      return Promise.resolve(counts({ deferred: now }));
    },
    applyTogether: (last) => {
      log.push(`together${last ? ' last' : ''}`);
      const result = joint[pass];
      pass += 1;
      if (result === undefined) throw new Error(`a pass too many: ${log.join(', ')}`);
      return result === null ? null : Promise.resolve(result);
    },
  });
  return log;
}

describe('passes over a plan', () => {
  it('end where nothing is left', async () => {
    expect(await played([[0, 0]], [])).toEqual(['1', '2']);
  });

  it('go on with the steps that left something, until nothing is left', async () => {
    const some = counts({ deferred: 1 });
    expect(await played([[0, 3], [0]], [some])).toEqual(['1', '2', 'together', '2']);
  });

  it('end where what was left was corrected together', async () => {
    expect(await played([[0, 2]], [counts({ success: 2 })])).toEqual(['1', '2', 'together']);
  });

  it('give up in a last pass what no pass gets on with', async () => {
    const none = counts({ deferred: 2 });
    const log = await played([[0, 2], [2], [0]], [none, none]);
    expect(log).toEqual(['1', '2', 'together', '2', 'together last', '2 last']);
  });

  it('are followed by another that is not the last where joint corrections got on, though the steps did not', async () => {
    const [none, some] = [counts({ deferred: 2 }), counts({ success: 1, deferred: 1 })];
    const log = await played([[0, 2], [2], [0]], [none, some]);
    // What was corrected together may have cleared the way of what failed before.
    expect(log).toEqual(['1', '2', 'together', '2', 'together last', '2']);
  });

  it('do without joint corrections in runs of earlier versions', async () => {
    expect(await played([[1, 0], [1], [0]], [null, null])).toEqual([
      '1',
      '2',
      'together',
      '1',
      'together last',
      '1 last',
    ]);
  });
});
