import type { AuditProblem } from '../../contracts/audit';
import { Database } from '../../database/connection';
import { auditRun } from '../../ledger/audit';
import { insertDecision, insertLateDecision } from '../../ledger/decision';
import { CorrectionRun } from '../support/correction-run';

const TABLES = [
  'run',
  'chain',
  'decision',
  'plan_item',
  'correction_log',
  'before_image',
  'purge',
  'purge_run',
  'run_side_effect',
  'side_effect',
];
const YAML = '[{ name: t, source: public.t, target: public.t, corrections: { extra: approve } }]';

describe('an audit', () => {
  let world: CorrectionRun;
  let runId = '';
  let digest = '';
  let head = '';

  /** As somebody would who may do anything in the database. */
  const byHand = (sql: string) =>
    world.target.query(`begin; set local session_replication_role = replica; set local timezone = 'UTC';
      set local datestyle = 'ISO, YMD'; ${sql}; commit`);
  const audit = async (kept: string | null = null, target = world.target.url, run = runId) => {
    const ledger = await world.resources.ledger();
    const problems: AuditProblem[] = [];
    const opened: Database[] = [];
    const open = (name: string) => {
      const database = new Database({ name, url: target, maxConnections: 1 });
      opened.push(database);
      return database;
    };
    const onProblem = async (problem: AuditProblem) => void problems.push(problem);
    const summary = await auditRun(ledger, run, { head: kept, target: open, onProblem }).finally(() =>
      Promise.all(opened.map((database) => database.close())),
    );
    return { summary, problems, types: [...new Set(problems.map(({ type }) => type))].sort() };
  };
  const decided = { channel: 'update', planDigest: null, reason: null, refusal: null, decidedAt: null } as const;

  beforeAll(async () => {
    world = await CorrectionRun.create('audit');
    await world.reset(YAML);
    await world.both('create table t (id int primary key, a text)');
    await world.source.query(`insert into t select g, 'a' || g from generate_series(1, 6) g`);
    await world.target.query(`insert into t values (1, 'a1'), (2, 'x'), (3, 'x'), (8, 'extra'), (9, 'extra')`);
    runId = await world.compare('audited');
    digest = (await world.freeze(runId)).digest;
    const ledger = await world.resources.ledger();
    const refused = { decision: 'approve', approver: 'bob', accepted: false, refusal: 'no' };
    await insertDecision(ledger, runId, { ...decided, ...refused, decisionNo: 1 });
    const accepted = { decision: 'approve', approver: 'Ada', planDigest: digest, accepted: true };
    await insertDecision(ledger, runId, {
      ...decided,
      ...accepted,
      decisionNo: 2,
      decidedAt: '2026-03-01T12:00:00.000Z',
    });
    await world.target.query(`create table log (id int, a text); create function log() returns trigger language plpgsql
      as $$ begin insert into public.log values (new.id, new.a); return null; end $$;
      create trigger logs after insert or update on t for each row execute function log()`);
    const entries = await world.apply(runId, digest);
    expect(entries.map(({ operation, status }) => `${operation} ${status}`)).toEqual([
      ...Array<string>(3).fill('insert SUCCESS'),
      ...Array<string>(2).fill('update SUCCESS'),
      ...Array<string>(2).fill('delete SUCCESS'),
    ]);
    await world.end(runId);
    head = (await audit()).summary.chain?.head ?? '';
    await world.target.query('create schema kept');
    for (const table of TABLES) await world.target.query(`create table kept.${table} as table trueup.${table}`);
  });
  afterEach(async () => {
    const restore = TABLES.map(
      (table) => `delete from trueup.${table}; insert into trueup.${table} overriding system value table kept.${table}`,
    );
    await byHand(restore.join(';'));
  });
  afterAll(() => world.drop());

  it('finds a run sound as it was entered, also with a refused decision after its end', async () => {
    const ledger = await world.resources.ledger();
    const { summary, problems } = await audit(head);
    expect(problems).toEqual([]);
    expect(summary).toMatchObject({
      runId,
      ended: true,
      chain: { entries: 9, head, sealed: { entries: 9, head } },
      checked: { corrections: 7, decisions: 2, planned: 7, images: 7 },
      notes: [],
      unchecked: [],
      problems: 0,
    });
    const late = { decision: 'approve', approver: 'bob', planDigest: null, reason: null, refusal: 'over' };
    await insertLateDecision(ledger, runId, late);
    const later = await audit(head);
    expect(later.problems).toEqual([]);
    expect(later.summary.chain).toMatchObject({ entries: 10, sealed: { entries: 9, head } });
  });

  const log = 'trueup.correction_log';
  const renumber = (from: number, to: number) =>
    `update ${log} set chain_no = ${to} where chain_no = ${from}; update trueup.decision set chain_no = ${to} where chain_no = ${from}`;
  // Digests taken anew as whoever knows the formula would; everything but the chain's head.
  const resign = (seq: number) => `update ${log} c set entry_digest = sha256(previous_digest || convert_to(
      row('correction_log', c.run_id, c.seq, c.table_name, c.operation, c.record_key, c.before_data, c.after_data, c.status,
          c.error, c.approver, c.forced, c.created_at)::text, 'UTF8')) where seq = ${seq}`;
  const copied = `insert into ${log} (run_id, seq, table_name, operation, record_key, before_data, after_data, status, approver)
      select run_id, 77, table_name, operation, record_key, before_data, after_data, status, approver from ${log} where seq = 1`;

  it.each<[string, string, readonly string[]]>([
    [
      'an altered status',
      `update ${log} set status = 'FAILED' where seq = 2`,
      ['entry_altered', 'image_without_entry'],
    ],
    ['an altered reason', `update ${log} set error = 'none' where seq = 2`, ['entry_altered']],
    ['an altered time', `update ${log} set created_at = created_at + interval '1us' where seq = 2`, ['entry_altered']],
    ['another approver', `update ${log} set approver = 'Eve' where seq = 6`, ['approver_differs', 'entry_altered']],
    [
      'altered values',
      `update ${log} set before_data = '{"id": "2", "a": "z"}' where seq = 4`,
      ['entry_altered', 'entry_unlike_plan', 'image_differs'],
    ],
    ['an altered value and digest', `update ${log} set error = 'none' where seq = 2; ${resign(2)}`, ['entry_moved']],
    [
      'the last one altered, digest and all',
      `update ${log} set error = 'none' where seq = 7; ${resign(7)}`,
      ['chain_end', 'seal_broken'],
    ],
    [
      'a removed entry',
      `delete from ${log} where seq = 3`,
      ['entries_missing', 'entry_lacking', 'image_without_entry'],
    ],
    [
      'the last entry removed',
      `delete from ${log} where seq = 7`,
      ['entries_missing', 'entry_lacking', 'image_without_entry', 'seal_broken'],
    ],
    [
      'all entries removed',
      `delete from ${log}; delete from trueup.decision`,
      ['entries_missing', 'entry_lacking', 'image_without_entry', 'seal_broken'],
    ],
    ['an entry added', copied, ['entry_added', 'entry_unplanned', 'image_missing']],
    [
      'an entry added in the place of another one',
      `${copied}; update ${log} set chain_no = 4, previous_digest = (select previous_digest from ${log} where chain_no = 4)
         where seq = 77; ${resign(77)}`,
      ['entry_moved', 'entry_unplanned', 'image_missing'],
    ],
    ['entries that changed places', `${renumber(4, 99)}; ${renumber(5, 4)}; ${renumber(99, 5)}`, ['entry_moved']],
    [
      'entries that changed numbers',
      `update ${log} set seq = 99 where seq = 1; update ${log} set seq = 1 where seq = 2; update ${log} set seq = 2 where seq = 99`,
      ['entry_altered', 'entry_unlike_plan', 'image_differs'],
    ],
    ['an altered decision', `update trueup.decision set reason = 'well' where decision_no = 2`, ['entry_altered']],
    [
      'a decision for another plan',
      `update trueup.decision set plan_digest = 'other' where decision_no = 2`,
      ['decision_of_other_plan', 'entry_altered'],
    ],
    ['the decision removed', `delete from trueup.decision where decision_no = 2`, ['entries_missing', 'not_approved']],
    [
      'a refused decision that became the accepted one',
      `update trueup.decision set accepted = decision_no = 1`,
      ['approver_differs', 'entry_altered'],
    ],
    [
      'two accepted decisions',
      `update trueup.decision set accepted = true, plan_digest = (select plan_digest from trueup.run)`,
      ['approver_differs', 'decisions_conflict', 'entry_altered'],
    ],
    [
      'a decision that covers less',
      `update trueup.decision set operations = '{update}' where decision_no = 2`,
      ['entry_altered', 'not_approved'],
    ],
    [
      'a decision that came afterwards',
      `${renumber(2, 99)}; update ${log} set chain_no = chain_no - 1; ${renumber(99, 9)}`,
      ['chain_end', 'decided_too_late', 'entry_moved', 'seal_broken'],
    ],
    [
      'a plan that was over its guard',
      `update trueup.run set blocked = '[{"table": "t", "changes": 4, "rows": 5, "limit": 1}]'`,
      ['override_missing'],
    ],
    [
      'four eyes that were two',
      `update trueup.run set requested_by = ' ADA ', config = config || '{"fourEyes": true}'`,
      ['four_eyes'],
    ],
    ['an altered plan', `update trueup.plan_item set source_data = '{}' where seq = 4`, ['plan_altered']],
    [
      'a correction that needed approval as if it did not',
      `update trueup.plan_item set needs_approval = false`,
      ['approver_differs', 'plan_altered'],
    ],
    ['a correction that was left out', `update trueup.plan_item set left_out = seq = 6`, ['not_approved']],
    ['a planned correction removed', `delete from trueup.plan_item where seq = 4`, ['entry_unplanned', 'plan_altered']],
    [
      'another digest of the plan',
      `update trueup.run set plan_digest = 'x'`,
      ['decision_of_other_plan', 'plan_altered'],
    ],
    ['a dry run that corrected', `update trueup.run set apply = false, status = 'consistent'`, ['entry_of_wrong_mode']],
    ['a before-image removed', `delete from trueup.before_image where seq = 4`, ['image_missing']],
    ['a before-image altered', `update trueup.before_image set before_row = '{}' where seq = 4`, ['image_differs']],
    [
      'a before-image of another row',
      `update trueup.before_image set record_key = '{"id": "5"}' where seq = 4`,
      ['image_differs'],
    ],
    ['fewer rows beside the plan', `update trueup.run_side_effect set inserted = 4`, ['side_effects_differ']],
    ['what was changed beside the plan removed', `delete from trueup.run_side_effect`, ['side_effects_differ']],
    [
      'what was changed beside the plan added',
      `insert into trueup.run_side_effect select run_id, connection, 'public', 'other', 0, 1, 0 from trueup.run_side_effect`,
      ['side_effects_differ'],
    ],
    ['a count of the target removed', `delete from trueup.side_effect`, ['side_effects_differ']],
    [
      'a before-image added',
      `insert into trueup.before_image (run_id, seq, table_name, relation, operation, record_key)
         select run_id, 50, table_name, relation, operation, record_key from trueup.before_image where seq = 4`,
      ['image_without_entry'],
    ],
    ['the chain removed', `delete from trueup.chain`, ['chain_missing']],
    ['a run that denies its chain', `update trueup.run set chained = false`, ['chain_missing']],
    [
      'the seal removed',
      `update trueup.chain set sealed_entries = null, sealed_head = null, sealed_at = null`,
      ['chain_unsealed'],
    ],
    ['a seal set back', `update trueup.chain set sealed_entries = 8`, ['entry_after_end', 'seal_broken']],
    ['a head set back', `update trueup.chain set entries = 8`, ['chain_end']],
  ])('finds %s', async (_, sql, types) => {
    await byHand(sql);
    const { types: found, summary, problems } = await audit();
    expect(found).toEqual([...types].sort());
    expect(summary.problems).toBe(problems.length);
  });

  it('names the entry that was altered, and what its digest should be', async () => {
    await byHand(`update ${log} set status = 'FAILED' where seq = 2`);
    const { problems } = await audit();
    expect(problems[0]).toMatchObject({
      type: 'entry_altered',
      seq: '2',
      what: 'entry 4, correction 2 (insert t {"id": "5"})',
    });
  });

  it('finds by a digest that was kept a chain that was made anew as a whole', async () => {
    const forged = `do $$ declare r record; h bytea := sha256(convert_to('trueup chain: ' || '${runId}', 'UTF8'));
      begin
        update ${log} set error = 'forged' where seq = 1;
        update trueup.decision set chain_no = null;
        delete from trueup.decision where not accepted;
        update trueup.decision set chain_no = 1, previous_digest = h;
        update trueup.decision d set entry_digest = sha256(previous_digest || convert_to(row('decision', d.run_id, d.decision_no,
          d.channel, d.decision, d.approver, d.plan_digest, d.reason, d.tables, d.operations, d.override, d.accepted, d.refusal,
          d.decided_at, d.created_at)::text, 'UTF8'));
        select entry_digest into h from trueup.decision;
        for r in select seq from ${log} order by seq loop
          update ${log} set previous_digest = h, chain_no = r.seq + 1 where seq = r.seq;
          update ${log} c set entry_digest = sha256(previous_digest || convert_to(row('correction_log', c.run_id, c.seq,
            c.table_name, c.operation, c.record_key, c.before_data, c.after_data, c.status, c.error, c.approver, c.forced,
            c.created_at)::text, 'UTF8')) where seq = r.seq;
          select entry_digest into h from ${log} where seq = r.seq;
        end loop;
        update trueup.chain set entries = 8, head = h, sealed_entries = 8, sealed_head = h;
      end $$`;
    await byHand(forged);
    expect((await audit()).types).toEqual([]);
    expect((await audit(head)).types).toEqual(['head_unknown']);
  });

  it('says what it could not check, and checks the rest', async () => {
    await byHand(`update ${log} set status = 'FAILED' where seq = 2`);
    const { summary, types } = await audit(null, 'postgres://nobody@127.0.0.1:1/none');
    expect(types).toEqual(['entry_altered']);
    expect(summary.unchecked).toEqual([
      expect.stringContaining('the before-images and what was changed beside the plan: '),
    ]);
    expect(summary.checked.images).toBeNull();
  });

  it('says of a run of an earlier version that it has no chain', async () => {
    const plain = 'chain_no = null, previous_digest = null, entry_digest = null';
    await byHand(
      `update trueup.run set chained = false; delete from trueup.chain; update ${log} set ${plain}; update trueup.decision set ${plain}`,
    );
    const { summary, problems } = await audit();
    expect(problems).toEqual([]);
    expect(summary).toMatchObject({ chain: null, notes: [expect.stringContaining('earlier version')] });
    await byHand(`delete from ${log} where seq = 3`);
    expect((await audit()).types).toEqual(['entry_lacking', 'image_without_entry']);
  });

  it.each([
    ['its before-images', false, 'before_image'],
    ['its findings', true, 'before_image; delete from trueup.plan_item; delete from trueup.correction_log'],
  ])('says of a run that a purge took %s, and that they were not checked', async (_, findings, tables) => {
    await byHand(
      `insert into trueup.purge (purge_id, workflow_id, findings, digest, requested_by) values ('p', 'w', ${findings}, 'd', 'ann');
       insert into trueup.purge_run (purge_id, run_id) values ('p', '${runId}'); delete from trueup.${tables}`,
    );
    const { summary, problems } = await audit();
    expect(problems).toEqual([]);
    expect(summary.checked.images).toBeNull();
    expect(summary.notes).toEqual([expect.stringContaining('by ann')]);
    await byHand(`update trueup.decision set reason = 'well' where decision_no = 2`);
    expect((await audit()).types).toEqual(['entry_altered']);
  });

  it('says of a run that is still going that it is, and misses nothing that is to come', async () => {
    await byHand(
      `update trueup.run set ended_at = null, status = 'running';
       update trueup.chain set sealed_entries = null, sealed_head = null, sealed_at = null;
       delete from ${log} where seq = 7; update trueup.chain set entries = 8, head = (select entry_digest from ${log} where seq = 6)`,
    );
    const { summary, problems } = await audit();
    expect(problems).toEqual([]);
    expect(summary).toMatchObject({ ended: false, notes: [expect.stringContaining('still going (running)')] });
  });

  it('lets nobody change or remove an entry by the way', async () => {
    await expect(world.target.query(`update ${log} set error = 'x'`)).rejects.toThrow('is never changed');
    await expect(world.target.query(`delete from ${log}`)).rejects.toThrow('is never removed');
    await expect(world.target.query(`delete from trueup.decision`)).rejects.toThrow('is never removed');
  });

  it('finds the undo of a run sound, and the run that was undone', async () => {
    const { runId: undoId, plan } = await world.planUndo(runId);
    expect(await world.apply(undoId, plan.digest)).toHaveLength(7);
    expect((await audit()).problems).toEqual([]);
    // Its plan was applied here without asking anybody.
    const undo = await audit(null, world.target.url, undoId);
    expect(undo.types).toEqual(['not_approved']);
  });
});
