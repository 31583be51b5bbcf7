import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Decision } from '../../contracts/messages';
import type { RunReport } from '../../contracts/run';
import { NO_FAULTS, Scenario } from '../support/scenario';

let scenario: Scenario;
let damaged: Record<string, string>;

describe('what stands before an approval, on the command line', () => {
  beforeAll(async () => {
    scenario = await Scenario.create({ defaults: ['guard: { rows: 190, percent: 2 }', 'fourEyes: true'] });
    damaged = await scenario.digestOfTarget();
    await scenario.startWorker();
  });
  afterAll(() => scenario.remove());

  const approve = (runId: string, digest: string, ...options: readonly string[]) =>
    scenario.trueup('approve', runId, '--plan', digest, ...options);
  const started = async (...options: readonly string[]) => {
    const run = await scenario.trueup('run', '--apply', '--json', '--requested-by', 'ann', ...options);
    expect(run.code).toBe(3);
    return { report: JSON.parse(run.stdout) as RunReport, stderr: run.stderr };
  };

  test('a plan over its guard is approved by another person, with an override, in parts', async () => {
    const { report, stderr } = await started();
    const { runId, planDigest: digest = '' } = report as RunReport & { readonly planDigest: string };
    const items = report.blocked.find(({ table }) => table === 'items');
    const target = await scenario.count('select count(*) from items');
    expect(items).toMatchObject({ rows: target, limit: Math.floor(target / 50) });
    expect(items?.changes).toBeGreaterThan(1_000);
    expect(report.blocked.map(({ table }) => table)).toEqual(['items']);
    expect(stderr).toContain(`trueup approve ${runId} --plan ${digest} --override`);

    const status = await scenario.trueup('status', runId);
    expect(status.code).toBe(3);
    expect(status.stdout).toMatch(/^BLOCKED: .* --override is taken\.$/m);
    expect(status.stdout).toMatch(
      /^ {2}items: 1,\d{3} of [89],\d{3} rows would be deleted or overwritten, the limit is 19\d$/m,
    );
    const plan = await scenario.trueup('plan', runId, '--summary');
    expect(plan.stdout).toMatch(/^BLOCKED: /m);
    expect(plan.stdout).toMatch(/│ items +│ update +│ +1,\d{3} │ needs approval │ audit /);
    const script = await scenario.trueup('plan', runId, '--sql');
    expect(script).toMatchObject({ code: 0, stderr: '' });
    expect(script.stdout).toMatch(/^-- BLOCKED: /m);
    const written = await scenario.trueup('plan', runId, '--sql', '--output', 'plan.sql');
    expect(written).toMatchObject({ code: 0, stdout: '' });
    const listed = (text: string) => text.replace(/^-- Made at .*$/m, '');
    expect(listed(readFileSync(join(scenario.folder, 'plan.sql'), 'utf8'))).toBe(listed(script.stdout));
    expect(readdirSync(scenario.folder)).not.toContain('plan.sql.part');
    const whole = await scenario.trueup('plan', runId, '--json');
    const { items: listedItems } = JSON.parse(whole.stdout) as { readonly items: readonly unknown[] };
    expect(listedItems).toHaveLength(report.plan.reduce((sum, { rows }) => sum + rows, 0));
    const json = await scenario.trueup('plan', runId, '--summary', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ blocked: report.blocked, decision: null, leftOut: 0 });

    const refusals: readonly (readonly [options: readonly string[], expected: string])[] = [
      [['--approver', 'bo'], 'approve: the plan is blocked and override is not given: items: '],
      [['--approver', 'Ann', '--override'], 'approve: fourEyes: ann requested this run and cannot approve it'],
      [['--approver', 'bo', '--override', '--tables', 'itmes'], 'approve: tables: the plan has no itmes; it has '],
      [
        ['--approver', 'bo', '--tables', 'customers', '--operations', 'insert'],
        'approve: nothing in this part of the plan needs approval: tables customers; operations insert',
      ],
    ];
    for (const [options, expected] of refusals) {
      const refused = await approve(runId, digest, ...options);
      expect(refused).toMatchObject({ code: 4, stdout: '' });
      expect(refused.stderr).toContain(`trueup: DECISION_REFUSED: ${expected}`);
    }
    expect((await approve(runId, digest, '--operations', 'truncate')).code).toBe(2);
    expect(await scenario.digestOfTarget()).toEqual(damaged);

    const given = ['--approver', 'bo', '--tables', 'items', '--operations', 'update', '--override', '--json'];
    const approved = await approve(runId, digest, ...given);
    expect(approved).toMatchObject({ code: 0, stderr: '' });
    const decision = JSON.parse(approved.stdout) as Decision;
    expect(decision).toMatchObject({ tables: ['items'], operations: ['update'], override: true, approver: 'bo' });
    await scenario.waitForRun(report.workflowId, ['applied']);

    const after = await scenario.trueup('status', runId, '--json');
    expect(after.code).toBe(1);
    const done = JSON.parse(after.stdout) as RunReport;
    const leftOut = report.plan
      .filter((line) => line.needsApproval && !(line.table === 'items' && line.operation === 'update'))
      .reduce((sum, line) => sum + line.rows, 0);
    expect(leftOut).toBeGreaterThan(20);
    expect(done).toMatchObject({ status: 'applied', decision, leftOut, remaining: leftOut + 1 });
    // The orders that were moved by an hour are left, and so is the finding that says so of all of them.
    expect(done.refusedDecisions).toHaveLength(refusals.length);
    expect(await scenario.ledgerFaults(runId)).toEqual(NO_FAULTS);
    const open = `select count(*) from trueup.reconciliation_log where run_id = $1 and resolution = 'OPEN'`;
    expect(await scenario.count(open, [runId])).toBe(leftOut + 1);
    const text = (await scenario.trueup('status', runId)).stdout;
    expect(text).toMatch(
      /^Decided: approve by bo at .*; only tables items; operations update; \d+ corrections left out/m,
    );
    expect(text).toContain('left out of the approval: not made, and the findings stay OPEN.');
  });

  test('the next run finds what was left out, and nobody but another approves it', async () => {
    const { report } = await started();
    expect(report.blocked).toEqual([]);
    await scenario.forgetChanges();
    const approved = await approve(report.runId, report.planDigest ?? '', '--approver', 'bo');
    expect(approved).toMatchObject({ code: 0, stderr: '' });
    await scenario.waitForRun(report.workflowId, ['applied']);
    expect(await scenario.digestOfTarget()).toEqual(await scenario.digestOfSource());
    expect(await scenario.ledgerFaults(report.runId)).toEqual(NO_FAULTS);
    const late = await approve(report.runId, report.planDigest ?? '', '--tables', 'items', '--override');
    expect(late.code).toBe(4);
    const recorded = `select to_json(tables) as tables, override from trueup.decision where channel = 'late'`;
    expect(await scenario.target(recorded)).toEqual([{ tables: '["items"]', override: 't' }]);
  });
});
