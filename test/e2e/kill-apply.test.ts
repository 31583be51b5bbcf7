import { ALIKE, KillScene, SOUND, type Correcting, type Places } from '../support/kill-scene';
import { NO_FAULTS } from '../support/scenario';

jest.setTimeout(240_000);

const PLACES: Places = {
  ...ALIKE,
  // The rows that go with them are backed up and deleted, the parents are not.
  parents: { at: 'before delete on parents', when: 'old.id = 110', then: 'goes on' },
  // The first half of a batch is committed in pieces, one row of it is refused, the other half is under way.
  split: {
    at: 'after insert on trueup.before_image',
    when: `new.table_name = 'split' and new.seq = 45`,
    then: 'goes on',
  },
  // Thousands of rows in one transaction.
  bulk: {
    at: 'after insert on trueup.before_image',
    when: `new.table_name = 'bulk' and new.seq = 300`,
    then: 'ended',
  },
};

/**
 * One worker carries out a run for each table, and is killed while each stands at the place that the table is named after.
 */
describe('kill -9 of the worker while it applies', () => {
  let scene: KillScene;
  let runs: ReadonlyMap<string, Correcting>;
  let rowsBefore: Awaited<ReturnType<typeof rowsOf>>;
  const rowsOf = async (table: string) => {
    const rows = await scene.scenario.target(`select id, to_jsonb(t)::text as row from ${table} as t order by id`);
    return new Map(rows.map((row) => [row['id'], row['row']]));
  };
  const of = (table: string): Correcting => {
    const found = runs.get(table);
    if (!found) throw new Error(`no run of ${table}`);
    return found;
  };

  beforeAll(async () => {
    scene = await KillScene.create();
    await scene.scenario.source('update split set v = 1000 where id = 31');
    runs = await scene.correct(Object.keys(PLACES));
    rowsBefore = await rowsOf('changed');
    await scene.haltAt(PLACES);
    await scene.finishThroughKill(runs, PLACES);
  });
  afterAll(() => scene.scenario.remove());

  test.each(['changed', 'committing', 'entering', 'bulk'])('%s: each row once, and nothing differs', async (table) => {
    expect(await scene.faults(of(table), table)).toEqual(NO_FAULTS);
    const [source, target] = [await scene.scenario.digestOfSource(), await scene.scenario.digestOfTarget()];
    expect(target[table]).toBe(source[table]);
  });

  test.each(Object.keys(PLACES))('%s: the audit of the run finds it sound', async (table) => {
    expect(await scene.audited(of(table))).toEqual(SOUND);
  });

  test('the backups are the rows as they were', async () => {
    const images = await scene.images(of('changed'));
    expect(images).toHaveLength(60);
    for (const image of images) {
      const { id, v } = JSON.parse(rowsBefore.get(image['id'] ?? '') ?? '{}') as { id: number; v: number };
      expect(JSON.parse(image['before_row'] ?? '')).toEqual({ id: String(id), v: String(v) });
      expect(JSON.parse(image['after_row'] ?? '')).toEqual({ id: String(id), v: String(-v) });
    }
  });

  test('deletes take what goes with them once, and nothing else', async () => {
    expect(await scene.faults(of('parents'), 'parents', 'children')).toEqual(NO_FAULTS);
    const [source, target] = [await scene.scenario.digestOfSource(), await scene.scenario.digestOfTarget()];
    expect([target['parents'], target['children']]).toEqual([source['parents'], source['children']]);
    expect(await scene.images(of('parents'))).toHaveLength(60);
  });

  test('a batch that is split: the row at fault fails, once, and all others are done, once', async () => {
    expect(await scene.faults(of('split'), 'split')).toEqual(NO_FAULTS);
    const failed = await scene.scenario.target(
      `select record_key ->> 'id' as id, status, error from trueup.correction_log
        where run_id = $1 and status <> 'SUCCESS'`,
      [of('split').runId],
    );
    expect(failed).toEqual([
      expect.objectContaining({
        id: '31',
        status: 'FAILED',
        error: expect.stringContaining('split_v_check') as unknown,
      }),
    ]);
    expect(await scene.scenario.target('select id, v from split where v <> id')).toEqual([{ id: '31', v: '-31' }]);
  });
});
