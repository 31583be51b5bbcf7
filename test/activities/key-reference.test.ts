import { planScript } from '../../client/commands/plan-script';
import { loadConfig } from '../../config/load';
import { readNewestReport } from '../../ledger/report';
import { CorrectionRun } from '../support/correction-run';
import { runScript } from '../support/psql';

const AUTO = 'corrections: { missing: auto, mismatched: auto, extra: auto }';
const CI = `create collation ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`;
const CITEXT = 'create extension citext schema public';

describe('references to keys that are spelt otherwise', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await CorrectionRun.create('key_reference');
  });
  afterAll(() => run.drop());

  const findings = async (runId: string) =>
    (
      await run.target.query(
        `select table_name || ' ' || inconsistency_type || ' ' || columns::text as said
           from trueup.reconciliation_log where run_id = $1 order by 1`,
        [runId],
      )
    ).map(({ said }) => said);

  /** A parent and three children, of which one refers to another parent in the target, and one has another value. */
  async function filled(
    setUp: string,
    types: readonly [string, string],
    keys: readonly [string, string],
    defaults = '',
    onUpdate = 'on update cascade',
  ) {
    await run.reset(`[{ name: p, source: public.p, ${AUTO} }, { name: c, source: public.c, ${AUTO} }]`, defaults);
    await run.both(setUp);
    for (const [side, type, key] of [
      ['source', types[0], keys[0]],
      ['target', types[1], keys[1]],
    ] as const) {
      await run[side].query(`create table p (k ${type} primary key, n int);
        create table c (id int primary key, ref ${type} references p ${onUpdate} on delete cascade, n int)`);
      const other = types[0].includes('uuid') ? '00000000-0000-4000-8000-00000000000b' : '{"b": 2}';
      const second = /interval/.test(type) ? '2 mon' : /int|numeric/.test(types.join()) ? '22' : other;
      await run[side].query('insert into p values ($1, 1), ($2, 1)', [key, second]);
      await run[side].query('insert into c values (1, $1, 1), (2, $2, 2), (3, $1, $3)', [
        key,
        side === 'source' ? key : second,
        side === 'source' ? '3' : '4',
      ]);
    }
  }

  it.each([
    ['citext', CITEXT, 'public.citext', 'public.citext', 'Abc', 'aBC'],
    ['a collation without case', CI, 'text collate ci', 'text collate ci', 'Abc', 'aBC'],
    ['text and citext', CITEXT, 'text', 'public.citext', 'Abc', 'aBC'],
    ['citext and text', CITEXT, 'public.citext', 'text', 'Abc', 'aBC'],
    ['text and a collation without case', CI, 'text', 'varchar(20) collate ci', 'Abc', 'aBC'],
    ['interval', '', 'interval', 'interval', '1 mon', '30 days'],
    ['jsonb', '', 'jsonb', 'jsonb', '{"n": 1.0}', '{"n": 1}'],
    ['text and integer', '', 'text', 'integer', '007', '7'],
    [
      'uuid and text',
      '',
      'uuid',
      'text',
      '2a000000-0000-4000-8000-00000000000a',
      '2A000000-0000-4000-8000-00000000000A',
    ],
  ])('are equal where their parents are one row: %s', async (_, setUp, ofSource, ofTarget, source, target) => {
    await filled(setUp, [ofSource, ofTarget], [source, target]);
    const { runId, entries } = await run.correct('reference');
    expect(await findings(runId)).toEqual([
      'c field_mismatch ["n"]',
      'c field_mismatch ["ref"]',
      'p field_mismatch ["k"]',
    ]);
    expect(entries.map(({ table, key, status }) => `${table} ${key} ${status}`).sort()).toEqual([
      'c 2 ' + (ofTarget === 'text' ? 'FAILED' : 'SUCCESS'),
      'c 3 SUCCESS',
    ]);
    expect(await run.target.query('select c.id, c.n from c join p on p.k = c.ref and c.id <> 2 order by 1')).toEqual([
      { id: '1', n: '1' },
      { id: '3', n: '3' },
    ]);
  });

  it('are written with the keys where the policy says so, by way of a script, too', async () => {
    await filled(CITEXT, ['public.citext', 'public.citext'], ['Abc', 'aBC'], ', keySpelling: source', '');
    const before = await run.contents('p', 'c');
    const runId = await run.compare('script');
    await run.freeze(runId);
    const ledger = await run.resources.ledger();
    const report = await readNewestReport(ledger, runId);
    if (!report) throw new Error('no report');
    const config = loadConfig({ path: run.configPath, env: {}, cwd: '/' });
    let script = '';
    for await (const piece of planScript({ config, ledger }, report, undefined)) script += piece;
    const { code, messages } = await runScript(run.target.url, script, 'trueup_override');
    expect(code === 0 ? '' : messages).toBe('');
    expect(await run.target.query('select k::text, n from p order by n, k')).toEqual(
      await run.source.query('select k::text, n from p order by n, k'),
    );
    expect(await run.contents('c')).not.toBe(before);
  });

  it('are not changed beside the plan where a key is written', async () => {
    await filled(CITEXT, ['public.citext', 'public.citext'], ['Abc', 'aBC'], ', keySpelling: source');
    const { entries } = await run.correct('cascade');
    expect(entries.map(({ table, key, status }) => `${table} ${key} ${status}`).sort()).toEqual([
      'c 2 SUCCESS',
      'c 3 SUCCESS',
      'p Abc FAILED',
    ]);
    expect(entries.find(({ table }) => table === 'p')?.error).toMatch(/^changing k would change 3 row/);
    expect(await run.target.query('select k::text from p order by 1 limit 1')).toEqual([{ k: 'aBC' }]);
  });

  it.each([
    ['citext', CITEXT, 'public.citext'],
    ['interval', '', 'interval'],
  ])("rows are found by the target's spelling in a script: %s", async (name, setUp, type) => {
    await run.reset(`[{ name: p, source: public.p, ${AUTO} }]`);
    await run.both(`${setUp}; create table p (k ${type} primary key, n int)`);
    const [ofSource, ofTarget] =
      name === 'citext' ? [`'Key' || g`, `'kEY' || g`] : [`make_interval(0, g)`, `make_interval(0, 0, 0, 30 * g)`];
    await run.source.query(`insert into p select (${ofSource})::${type}, g from generate_series(1, 9) g where g <> 4`);
    await run.target.query(`insert into p select (${ofTarget})::${type}, -g from generate_series(1, 9) g where g <> 5`);
    const runId = await run.compare('found');
    await run.freeze(runId);
    const ledger = await run.resources.ledger();
    const report = await readNewestReport(ledger, runId);
    if (!report) throw new Error('no report');
    let script = '';
    const config = loadConfig({ path: run.configPath, env: {}, cwd: '/' });
    for await (const piece of planScript({ config, ledger }, report, undefined)) script += piece;
    const { code, messages } = await runScript(run.target.url, script, 'trueup_override');
    expect(code === 0 ? '' : messages).toBe('');
    expect(await run.target.query('select n from p order by n')).toEqual(
      await run.source.query('select n from p order by n'),
    );
    const kept = name === 'citext' ? `k::text like 'kEY%'` : `k::text like '%days'`;
    expect(await run.target.query(`select count(*) as n from p where ${kept}`)).toEqual([{ n: '7' }]);
  });

  it('rows of a page that is larger than a batch are inserted', async () => {
    await run.reset(`[{ name: p, source: public.p, ${AUTO} }]`);
    await run.both(`${CITEXT}; create table p (k public.citext primary key, n int)`);
    await run.source.query(`insert into p select 'Key' || g, g from generate_series(1, 2000) g`);
    await run.target.query(`insert into p select 'kEY' || g, g from generate_series(1, 3) g`);
    const { runId, entries } = await run.correct('many');
    expect(entries.filter(({ status }) => status === 'SUCCESS')).toHaveLength(1_997);
    expect(await run.target.query('select count(*) as n, sum(n) as sum from p')).toEqual(
      await run.source.query('select count(*) as n, sum(n) as sum from p'),
    );
    expect((await run.undo(runId)).filter(({ status }) => status !== 'SUCCESS')).toEqual([]);
    expect(await run.target.query('select k::text from p order by 1')).toEqual([
      { k: 'kEY1' },
      { k: 'kEY2' },
      { k: 'kEY3' },
    ]);
  });
});
