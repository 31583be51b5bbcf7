import { Scenario, type Contents } from '../support/scenario';

/** Deletes with effects in a table that nobody compares, two rows that swap a unique value, an insert, an update. */
const SHOP: Contents = {
  tables: ['customers', 'orders'],
  schema: `create table customers (id int primary key, name text not null, code text unique);
           create table orders (id int primary key, customer_id int not null references customers on delete cascade, note text);`,
  rows: `insert into customers select g, 'Customer ' || g, 'C' || g from generate_series(1, 40) g;
         insert into orders select g, 1 + g % 40, 'Note ' || g from generate_series(1, 90) g;`,
  damage: `delete from orders where id = 7; update orders set note = 'lost' where id = 30;
           update customers set code = null where id in (3, 4); update customers set code = 'C4' where id = 3;
           update customers set code = 'C3' where id = 4;
           insert into customers values (900, 'Extra', null); insert into orders values (901, 900, 'extra');
           create table parcels (id int primary key, customer_id int references customers on delete cascade);
           insert into parcels values (1, 900), (2, 900), (3, 1), (4, 1), (5, 2);`,
};

interface Audit {
  readonly sound: boolean;
  readonly problems: readonly { readonly type: string; readonly seq: string | null }[];
  readonly chain: { readonly entries: number; readonly head: string };
  readonly checked: { readonly corrections: number; readonly beforeImages: number | null };
}

describe('the audit of a run on the command line', () => {
  let scenario: Scenario;
  let runId: string;
  beforeAll(async () => {
    scenario = await Scenario.create({ contents: SHOP });
    await scenario.startWorker();
  }, 120_000);
  afterAll(() => scenario.remove());

  const audited = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await scenario.trueup('audit', ...args, '--json');
    expect(stderr).toBe('');
    return { code, audit: JSON.parse(stdout) as Audit };
  };
  const headOf = async (id: string) => {
    const { stdout } = await scenario.trueup('status', id, '--json');
    return (JSON.parse(stdout) as { readonly chain: { readonly head: string } }).chain.head;
  };

  test('finds a run that was approved and applied sound, and so its undo', async () => {
    const before = await scenario.digestOfTarget();
    const workflowId = await scenario.startReconcile({ apply: true });
    const { plan_digest: digest } = await scenario.waitForRun(workflowId, ['awaiting_approval']);
    expect((await scenario.trueup('approve', workflowId, '--plan', 'f'.repeat(64))).code).toBe(4);
    await scenario.approve(workflowId, digest ?? '');
    ({ run_id: runId } = await scenario.waitForRun(workflowId, ['applied']));
    expect(await scenario.digestOfTarget()).toEqual(await scenario.digestOfSource());
    const run = await audited(runId);
    expect(run).toMatchObject({ code: 0, audit: { sound: true, problems: [], checked: { corrections: 8 } } });
    const undone = await scenario.trueup('undo', runId, '--yes', '--json');
    expect(undone).toMatchObject({ code: 0, stderr: '' });
    expect(await scenario.digestOfTarget()).toEqual(before);
    expect(await scenario.target('select id, customer_id from parcels where id < 3 order by 1')).toEqual([
      { id: '1', customer_id: '900' },
      { id: '2', customer_id: '900' },
    ]);
    const undoId = (JSON.parse(undone.stdout) as { readonly runId: string }).runId;
    expect(await audited(undoId)).toMatchObject({ code: 0, audit: { sound: true, checked: { corrections: 8 } } });
    expect(await audited(runId)).toEqual(run);
    const shown = await scenario.trueup('audit', runId);
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    expect(shown.stdout).toContain(run.audit.chain.head);
  });

  test('knows the head that was kept elsewhere, and no other', async () => {
    const head = await headOf(runId);
    expect((await audited(runId, '--head', head)).code).toBe(0);
    expect(await audited(runId, '--head', '0'.repeat(64))).toMatchObject({
      code: 1,
      audit: { sound: false, problems: [{ type: 'head_unknown' }] },
    });
    const malformed = await scenario.trueup('audit', runId, '--head', 'abc');
    expect(malformed.code).toBe(2);
    expect(malformed.stderr).toContain('64 hexadecimal digits');
    expect((await scenario.trueup('audit', 'nobody')).code).toBe(2);
  });

  test('names what was altered by hand', async () => {
    await scenario.target(
      `alter table trueup.correction_log disable trigger keep_entry;
       update trueup.correction_log set approver = 'nobody' where run_id = '${runId}' and seq = 2;
       alter table trueup.correction_log enable trigger keep_entry`,
    );
    const { code, audit } = await audited(runId);
    expect(code).toBe(1);
    expect(audit.sound).toBe(false);
    expect(audit.problems).toContainEqual(expect.objectContaining({ type: 'entry_altered', seq: '2' }));
    const shown = await scenario.trueup('audit', runId);
    expect(shown.code).toBe(1);
    expect(shown.stdout).toMatch(/correction 2\b/);
  });
});
