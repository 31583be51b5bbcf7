import { NO_FAULTS, Scenario } from '../support/scenario';

interface Report {
  readonly runId: string;
  readonly status: string;
  readonly planDigest: string;
  readonly remaining: number;
  readonly corrections: Record<string, number>;
  readonly tables: readonly { readonly name: string; readonly status: string; readonly rowsSource: number }[];
}

let scenario: Scenario;
let damaged: Record<string, string>;
let expected: readonly string[];
const parse = (text: string) => JSON.parse(text) as Report;

describe('the main path', () => {
  beforeAll(async () => {
    scenario = await Scenario.create({ defaults: ['chunkRows: 1000'] });
    damaged = await scenario.digestOfTarget();
    expected = await scenario.expectedFindings();
    await scenario.startWorker();
  });
  afterAll(() => scenario.remove());

  test('{} is a dry run of all tables: it finds every difference and leaves the target alone', async () => {
    const workflowId = await scenario.startReconcile({});
    const run = await scenario.waitForRun(workflowId, ['inconsistent']);
    expect(await scenario.waitForClose(workflowId)).toBe('COMPLETED');
    expect(expected.length).toBeGreaterThan(1_500);
    expect(await scenario.findings(run.run_id)).toEqual(expected);
    expect(await scenario.digestOfTarget()).toEqual(damaged);
    expect(
      await scenario.target('select status, count(*) as n from trueup.correction_log where run_id = $1 group by 1', [
        run.run_id,
      ]),
    ).toEqual([{ status: 'DRY_RUN', n: String(expected.length) }]);
    expect(await scenario.count('select count(*) from audit.change')).toBe(0);
  });

  test('the temporal CLI alone starts, approves and finishes a run; undo gives the target back byte for byte', async () => {
    const workflowId = await scenario.startReconcile({ apply: true });
    const waiting = await scenario.waitForRun(workflowId, ['awaiting_approval']);
    expect(await scenario.digestOfTarget()).toEqual(damaged);
    await scenario.approve(workflowId, waiting.plan_digest ?? '');
    const { run_id: runId } = await scenario.waitForRun(workflowId, ['applied']);
    expect(await scenario.waitForClose(workflowId)).toBe('COMPLETED');

    expect(await scenario.digestOfTarget()).toEqual(await scenario.digestOfSource());
    expect(await scenario.ledgerFaults(runId)).toEqual(NO_FAULTS);
    expect(
      await scenario.target(
        `select status, approver, count(*) as n from trueup.correction_log c join trueup.plan_item p using (run_id, seq)
        where run_id = $1 and p.needs_approval group by 1, 2`,
        [runId],
      ),
    ).toEqual([{ status: 'SUCCESS', approver: 'Ada', n: expect.any(String) as string }]);

    await scenario.forgetChanges();
    const undo = await scenario.trueup('undo', runId, '--yes', '--json');
    expect(undo).toMatchObject({ code: 0, stderr: '' });
    expect(await scenario.digestOfTarget()).toEqual(damaged);
    expect(await scenario.ledgerFaults(parse(undo.stdout).runId)).toEqual(NO_FAULTS);
    expect(
      await scenario.target('select distinct resolution from trueup.reconciliation_log where run_id = $1', [runId]),
    ).toEqual([{ resolution: 'UNDONE' }]);
    await scenario.forgetChanges();
  });

  test('trueup run, approve, status, findings and undo: one JSON document each, and the exit codes of the page', async () => {
    const run = await scenario.trueup('run', '--apply', '--json');
    expect(run.code).toBe(3);
    const report = parse(run.stdout);
    expect(report).toMatchObject({ status: 'awaiting_approval', planDigest: expect.stringMatching(/./) as string });
    expect(report.tables.map(({ name }) => name).sort()).toEqual([...scenario.contents.tables].sort());

    const wrong = await scenario.trueup('approve', report.runId, '--plan', 'no-such-digest', '--approver', 'Ada');
    expect(wrong.code).toBe(4);
    expect(wrong.stderr).not.toMatch(/^\s+at /m);
    expect(await scenario.digestOfTarget()).toEqual(damaged);

    const approved = await scenario.trueup('approve', report.runId, '--plan', report.planDigest, '--approver', 'Ada');
    expect(approved.code).toBe(0);
    const { run_id: runId } = await scenario.waitForRun(
      String(
        (await scenario.target('select workflow_id from trueup.run where run_id = $1', [report.runId]))[0]?.[
          'workflow_id'
        ],
      ),
      ['applied'],
    );
    const status = await scenario.trueup('status', runId, '--json');
    expect(status).toMatchObject({ code: 0, stderr: '' });
    expect(parse(status.stdout)).toMatchObject({
      runId,
      status: 'applied',
      remaining: 0,
      corrections: { SUCCESS: expected.length },
    });
    expect(await scenario.digestOfTarget()).toEqual(await scenario.digestOfSource());

    const findings = await scenario.trueup('findings', runId, '--json');
    expect(findings).toMatchObject({ code: 0, stderr: '' });
    const lines = findings.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const ofChecks = lines.filter(({ type }) => type === 'temporal_violation' || type === 'referential_violation');
    expect(lines).toHaveLength(expected.length + ofChecks.length);
    expect(ofChecks).toMatchObject([{ table: 'orders', key: { column: 'placed', offset: '01:00:00' } }]);
    for (const line of lines) {
      expect(Object.keys(line)).toEqual(['table', 'type', 'severity', 'resolution', 'key', 'columns', 'detail']);
      expect(line['resolution']).toMatch(/^(AUTO|APPROVED)_CORRECTED$/);
    }
    expect(lines.find(({ table, key }) => table === 'customers' && (key as { id: string }).id === '3')).toMatchObject({
      type: 'field_mismatch',
      columns: [
        { name: 'balance', source: '1.11', target: '1.12' },
        { name: 'prefs', source: '{"n": 3, "lang": "de"}', target: null },
      ],
    });

    const again = await scenario.trueup('run', '--json');
    expect(again.code).toBe(0);
    expect(parse(again.stdout).status).toBe('consistent');

    await scenario.forgetChanges();
    expect((await scenario.trueup('undo', runId, '--yes')).code).toBe(0);
    expect(await scenario.digestOfTarget()).toEqual(damaged);
    const twice = await scenario.trueup('undo', runId, '--yes');
    expect(twice.code).toBe(2);
    expect(twice.stderr).not.toMatch(/^\s+at /m);
    const dry = await scenario.trueup('run', '--json');
    expect(dry.code).toBe(1);
  });
});
