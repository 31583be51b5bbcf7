import { createHash } from 'node:crypto';
import { digestPlan } from '../../ledger/plan-digest';
import { setPlanDigest } from '../../ledger/run';
import { TestLedger } from '../support/ledger';

interface Item {
  readonly seq: number;
  readonly step: number;
  readonly table_name: string;
  readonly operation: string;
  readonly needs_approval: boolean;
  readonly record_key: object;
  readonly before_data: object | null;
  readonly after_data: object | null;
  readonly source_data: object | null;
  readonly check_source: boolean;
  readonly effect_of?: number;
  readonly constraint_name?: string;
}

describe('the digest of a plan', () => {
  let on: TestLedger;
  beforeAll(async () => {
    on = await TestLedger.create('plan_digest');
  });
  afterAll(() => on.drop());

  const item = (changes: Partial<Item> = {}): Item => ({
    seq: 1,
    step: 1,
    table_name: 't',
    operation: 'insert',
    needs_approval: false,
    record_key: { a: 'b' },
    before_data: null,
    after_data: { a: 'b,"c' },
    source_data: { a: null },
    check_source: true,
    ...changes,
  });

  async function entered(items: readonly Item[]): Promise<string> {
    const runId = await on.run([]);
    await on.ledger.query(
      `insert into plan_item (run_id, seq, step, table_name, operation, needs_approval, key_digest, record_key,
                              before_data, after_data, source_data, check_source, effect_of, constraint_name)
       select i.run_id, i.seq, i.step, i.table_name, i.operation, i.needs_approval, i.key_digest, i.record_key,
              i.before_data, i.after_data, i.source_data, i.check_source, i.effect_of, i.constraint_name
         from jsonb_array_elements($2::jsonb) as e(item),
              jsonb_populate_record(null::plan_item, item || jsonb_build_object('run_id', $1::text,
                'key_digest', '\\x' || md5(item ->> 'seq'))) as i`,
      [runId, JSON.stringify(items)],
    );
    return runId;
  }
  const digestOf = async (items: readonly Item[]) => digestPlan(on.ledger, await entered(items));

  /** As versions before `plan_form` took it. */
  async function earlierDigest(runId: string): Promise<string> {
    const { rows } = await on.ledger.query<{ content: string }>(
      `select jsonb_build_array(seq, table_name, operation, needs_approval, record_key, before_data, after_data, source_data,
                                check_source, effect_of, constraint_name)::text as content
         from plan_item where run_id = $1 order by seq`,
      [runId],
    );
    const hash = createHash('sha256');
    for (const { content } of rows) hash.update(createHash('sha256').update(content).digest());
    return hash.digest('hex');
  }

  it('tells any two lists of items apart', async () => {
    const lists = [
      [],
      [item()],
      [item(), item({ seq: 2 })],
      [item({ seq: 2 })],
      [item({ table_name: 'u' })],
      [item({ operation: 'update' })],
      [item({ needs_approval: true })],
      [item({ check_source: false })],
      [item({ before_data: { a: 'b' } })],
      [item({ after_data: { a: 'b', ',"c': '' } })],
      [item({ after_data: {} })],
      [item({ after_data: null })],
      [item({ record_key: { ab: '' } })],
      [item({ source_data: { a: 'null' } })],
      [item({ source_data: null })],
      [item({ effect_of: 7 })],
      [item({ effect_of: 7, constraint_name: 'fk' })],
    ];
    const digests = [];
    for (const list of lists) digests.push(await digestOf(list));
    expect(new Set(digests).size).toBe(lists.length);
  });

  it('stays what it was for a plan that an earlier version froze', async () => {
    const runId = await entered([item(), item({ seq: 2, before_data: { a: 'b' } })]);
    const digest = await earlierDigest(runId);
    await on.ledger.query('update run set plan_digest = $2 where run_id = $1', [runId, digest]);
    expect(await digestPlan(on.ledger, runId)).toBe(digest);
    // Frozen again by this version it is still that one.
    await setPlanDigest(on.ledger, runId, digest);
    expect(await digestPlan(on.ledger, runId)).toBe(digest);
  });

  it('is held in the form in which it was taken', async () => {
    const runId = await entered([item()]);
    const digest = await digestPlan(on.ledger, runId);
    await setPlanDigest(on.ledger, runId, digest);
    expect(await digestPlan(on.ledger, runId)).toBe(digest);
    await on.ledger.query(`update plan_item set after_data = '{"a": "c"}' where run_id = $1`, [runId]);
    expect(await digestPlan(on.ledger, runId)).not.toBe(digest);
  });

  it('is the same for the same list, in whatever order its columns and rows were entered', async () => {
    const data = item({ after_data: { b: '1', a: '2', long: '3' } });
    const same = item({ after_data: { long: '3', a: '2', b: '1' } });
    expect(await digestOf([item({ seq: 2 }), data])).toBe(await digestOf([same, item({ seq: 2 })]));
  });

  it('covers a plan of more than a page to its last item', async () => {
    const items = Array.from({ length: 20_001 }, (_, i) => item({ seq: i + 1 }));
    const whole = await digestOf(items);
    expect(await digestOf(items)).toBe(whole);
    const other = item({ seq: 20_001, after_data: { a: 'other' } });
    expect(await digestOf([...items.slice(0, 20_000), other])).not.toBe(whole);
  });
});
