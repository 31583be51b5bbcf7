import { ALIKE, KillScene, SOUND, type Correcting, type Places } from '../support/kill-scene';
import { NO_FAULTS } from '../support/scenario';

jest.setTimeout(240_000);

const PLACES: Places = {
  ...ALIKE,
  // The parents are there again, and entered; of the rows that went with them some are, and not committed.
  parents: { at: 'after insert on children', when: 'new.id = 130', then: 'ended' },
  // Batches are committed and entered; one is under way.
  bulk: { at: 'before delete on bulk', when: 'old.id = 1500', then: 'goes on' },
};

/** As when it applies: one worker, an undo for each table, and a place for each of them. */
describe('kill -9 of the worker while it undoes', () => {
  let scene: KillScene;
  let applied: Record<string, string>;
  let runs: ReadonlyMap<string, Correcting>;
  let undone: ReadonlyMap<string, Correcting>;
  beforeAll(async () => {
    scene = await KillScene.create();
    runs = await scene.correct(Object.keys(PLACES));
    await scene.approve(runs);
    await scene.finish(runs);
    applied = await scene.scenario.digestOfTarget();
    await scene.scenario.forgetChanges();
    await scene.haltAt(PLACES);
    undone = await scene.undo(runs);
    await scene.finishThroughKill(undone, PLACES);
  });
  afterAll(() => scene.scenario.remove());

  test.each([
    ['changed', ['changed'], 60],
    ['parents', ['parents', 'children'], 60],
    ['committing', ['committing'], 60],
    ['entering', ['entering'], 60],
    ['bulk', ['bulk'], 3_000],
  ] as const)('%s: all is as it was, each row given back once', async (name, tables, rows) => {
    const run = undone.get(name);
    if (!run) throw new Error(`no undo of ${name}`);
    const target = await scene.scenario.digestOfTarget();
    for (const table of tables) {
      expect(target[table]).toBe(scene.damaged[table]);
      expect(target[table]).not.toBe(applied[table]);
    }
    expect(await scene.faults(run, ...tables)).toEqual(NO_FAULTS);
    const statuses = await scene.scenario.target(
      'select status, count(*) as n from trueup.correction_log where run_id = $1 group by status',
      [run.runId],
    );
    expect(statuses).toEqual([{ status: 'SUCCESS', n: String(rows) }]);
  });

  test.each(Object.keys(PLACES))('%s: the audit finds the undo sound, and the run that it undid', async (name) => {
    for (const run of [undone.get(name), runs.get(name)]) {
      if (!run) throw new Error(`no run of ${name}`);
      expect(await scene.audited(run)).toEqual(SOUND);
    }
  });
});
