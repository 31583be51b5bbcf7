import type { PlanSummary, TableSummary } from '../../contracts/run';
import {
  blockedSection,
  decidedLine,
  gateSection,
  howToDecide,
  planSection,
  planTable,
  progressTable,
  refusedSection,
} from '../../workflows/details';

/** What Temporal's documentation gives current details room for. */
const ROOM = 20_000;
/** Two no-break spaces. */
const GAP = '\u00a0\u00a0';
const DIGEST = 'a3f0'.repeat(16);

function table(name: string, more: Partial<TableSummary> = {}): TableSummary {
  return {
    name,
    status: 'running',
    phase: 'comparing',
    rowsSource: 10,
    rowsTarget: 9,
    chunks: 4,
    chunksDone: 2,
    findings: {},
    transient: 0,
    unsettled: 0,
    notes: [],
    ...more,
  };
}

function planOf(tables: number, name = (i: number) => `table_${i}`): PlanSummary {
  const operations = ['insert', 'update', 'delete'] as const;
  const lines = Array.from({ length: tables }, (_, i) =>
    operations.map((operation) => ({ table: name(i), operation, rows: i + 1, needsApproval: operation !== 'insert' })),
  ).flat();
  return { digest: DIGEST, lines, total: lines.reduce((sum, line) => sum + line.rows, 0), needsApproval: true };
}

/** The cells of a line of a Markdown table: a pipe that is escaped does not end one. */
const cellsOf = (line = '') =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());

describe('current details', () => {
  it('show the progress of each table as a Markdown table, with gaps that no browser takes away', () => {
    const findings = { missing_in_target: 3, extra_in_target: 2, field_mismatch: 1 };
    const done = table('customers', { phase: 'done', status: 'inconsistent', chunksDone: 4, findings, transient: 5 });
    expect(progressTable([table('orders'), done])).toBe(
      [
        '| table_ | phase_ | chunks_ | rows source_ | rows target_ | missing_ | extra_ | mismatch_ | transient_ | unsettled |',
        '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
        '| orders_ | comparing_ | 2/4_ | 10_ | 9_ | 0_ | 0_ | 0_ | 0_ | 0 |',
        '| customers_ | inconsistent_ | 4/4_ | 10_ | 9_ | 3_ | 2_ | 1_ | 5_ | 0 |',
      ]
        .join('\n')
        .replaceAll('_', GAP),
    );
  });

  it('name the tables that are hashed by the text of their values', () => {
    const all = (count: number) => Array.from({ length: count }, (_, i) => table(`t${i}`, { hash: 'portable' }));
    expect(progressTable([table('a', { hash: 'native-18' }), table('b')])).not.toContain('portable');
    const hashed = "Hashed by SHA-256 of the values' text (portable): ";
    expect(
      progressTable([table('a', { hash: 'native-14' }), ...all(2)])
        .split('\n')
        .at(-1),
    ).toBe(`${hashed}t0, t1`);
    expect(progressTable(all(7)).split('\n').at(-1)).toBe(`${hashed}t0, t1, t2 and 4 more tables`);
  });

  it('keep a name with pipes or line breaks in its cell', () => {
    const [head, rule, row, ...rest] = progressTable([table('a|b\nc')]).split('\n');
    expect(cellsOf(row)).toHaveLength(cellsOf(head).length);
    expect(cellsOf(rule)).toHaveLength(cellsOf(head).length);
    expect(cellsOf(row)[0]).toBe('a\\|b c');
    expect(rest).toEqual([]);
    expect(cellsOf(planTable(planOf(1, () => 'a|b')).split('\n')[2])).toEqual(['a\\|b', 'insert', '1', 'not needed']);
  });

  it('stay readable and short for 2,000 tables, and say what is left out', () => {
    const tables = Array.from({ length: 2_000 }, (_, i) => table(`${'schema'.repeat(10)}.${i}`));
    const text = progressTable(tables);
    expect(text.length).toBeLessThan(ROOM);
    expect(text).toContain('… and 1950 more tables');
    const waiting = tables.map((one, i) => (i === 1_500 ? one : { ...one, phase: 'waiting' as const }));
    expect(progressTable(waiting)).toContain(`.1500${GAP} |`);
  });

  it('hold the plan of 2,000 tables with its digest and the command that approves it', () => {
    const text = gateSection('trueup-1', planOf(2_000), '2026-03-01T12:00:00.000Z');
    expect(text.length).toBeLessThan(ROOM / 2);
    expect(text).toContain(DIGEST);
    expect(text).toContain(`trueup approve trueup-1 --plan ${DIGEST}`);
    expect(text).toContain('… and 5950 more');
    expect(planTable(planOf(16))).not.toContain('more');
  });

  it('name the triggers that the plan fires, where it fires any', () => {
    const plan = planOf(1);
    expect(planTable(plan)).not.toContain('triggers');
    const fires = {
      ...plan,
      lines: plan.lines.map((line, i) => (i === 1 ? { ...line, triggers: ['a', 'b|c'] } : line)),
    };
    const [head, , insert, update] = planTable(fires).split('\n');
    expect(cellsOf(head).at(-1)).toBe('fires triggers');
    expect([cellsOf(insert).at(-1), cellsOf(update).at(-1)]).toEqual(['', 'a, b\\|c']);
  });

  it('say of which tables too much would be changed, and give the command that overrides', () => {
    const breach = (i: number) => ({ table: `t${i}`, changes: 30, rows: i === 0 ? null : 100, limit: 5 });
    const blocked = { ...planOf(1), blocked: Array.from({ length: 14 }, (_, i) => breach(i)) };
    const text = gateSection('trueup-1', blocked, '2026-03-01T12:00:00.000Z');
    expect(text).toContain('\n- t0: 30 rows would be deleted or overwritten, the limit is 5\n- t1: 30 of 100 rows');
    expect(text).toContain('\n- … and 9 more tables');
    expect(text).toContain(`trueup approve trueup-1 --plan ${DIGEST} --override\n`);
    const [, signal] = howToDecide('trueup-1', blocked);
    const input = /--input '(.*)'$/.exec(signal ?? '')?.[1] ?? '';
    expect(JSON.parse(input)).toEqual({ approver: 'YOUR NAME', planDigest: DIGEST, override: true });
    expect(planSection(blocked)).toContain('**Blocked**');
    expect(blockedSection(planOf(1))).toBe('');
    expect(planSection({ ...planOf(0), total: 0 })).toBe('');
  });

  it('fit in their room all together, at the worst', () => {
    const name = (i: number) => `${'n'.repeat(195)}${i}`;
    const worst = planOf(2_000, name);
    const blocked = worst.lines.map(({ table }) => ({ table, changes: 10 ** 9, rows: 10 ** 9, limit: 10 ** 8 }));
    const lines = worst.lines.map((line) => ({ ...line, triggers: Array<string>(9).fill('x'.repeat(60)) }));
    const done = Array.from({ length: 50 }, (_, i) =>
      table(name(i), { rowsSource: 10 ** 9, rowsTarget: 10 ** 9, hash: 'portable' }),
    );
    const sections = [
      gateSection('trueup-20260301-120000-abcd', { ...worst, lines, blocked }, '2026-03-01T12:00:00.000Z'),
      refusedSection(Array.from({ length: 500 }, () => 'r'.repeat(10_000))),
      progressTable(done),
    ];
    expect(Buffer.byteLength(sections.join('\n\n'))).toBeLessThan(ROOM);
  });

  it('say who decided, on one line', () => {
    const decision = { decision: 'approve', approver: 'ada\n# x', planDigest: DIGEST, reason: null } as const;
    const line = decidedLine({ ...decision, decidedAt: '2026-03-01T12:00:00.000Z' });
    expect(line).toBe('Decided: **approve** by ada # x at 2026-03-01T12:00:00.000Z');
  });

  it('say which part was approved, what that leaves out, and that it overrides', () => {
    const tables = Array.from({ length: 500 }, (_, i) => `table_${i}`);
    const decision = { decision: 'approve', approver: 'ada', planDigest: DIGEST, reason: null } as const;
    const decided = { ...decision, decidedAt: 'now', tables, override: true };
    const line = decidedLine(decided, 7);
    expect(line).toMatch(/ at now; tables table_0, .*…; 7 corrections left out; overriding the guard$/);
    expect(line.length).toBeLessThan(500);
  });

  it('give commands that a shell takes as they stand', () => {
    const [approve, signal, reject] = howToDecide('trueup-1', { digest: DIGEST });
    expect(approve).toBe(`trueup approve trueup-1 --plan ${DIGEST}`);
    const input = /--input '(.*)'$/.exec(signal ?? '')?.[1] ?? '';
    expect(JSON.parse(input)).toEqual({ approver: 'YOUR NAME', planDigest: DIGEST });
    expect(reject).toContain('--name reject');
  });

  it('list the latest refusals, each on one short line', () => {
    expect(refusedSection([])).toBe('');
    const lines = refusedSection(Array.from({ length: 30 }, (_, i) => `refusal ${i}`)).split('\n');
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toBe('- refusal 29');
    const long = refusedSection(Array.from({ length: 10 }, () => `already decided by ${'x'.repeat(50_000)}\nand more`));
    expect(long.length).toBeLessThan(ROOM / 4);
    expect(long.split('\n')).toHaveLength(11);
  });
});
