import { CorrectionRun, said } from '../support/correction-run';

const AUTO = 'corrections: { missing: auto, mismatched: auto, extra: auto }';
const CI = `create collation ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`;

/** Keys that the databases' own `=` takes for one though they are spelt otherwise. */
describe('keys that are spelt otherwise', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await CorrectionRun.create('key_spelling');
  });
  afterAll(() => run.drop());

  const findings = async (runId: string) =>
    (
      await run.target.query(
        `select inconsistency_type || ' ' || array_to_string(array(select value from jsonb_each_text(record_key)), ',') || ' '
                || columns::text || coalesce(': ' || detail, '') as said
           from trueup.reconciliation_log where run_id = $1 order by record_key::text collate "C"`,
        [runId],
      )
    ).map(({ said: text }) => text);

  const kinds = [
    ['citext', 'public.citext', 'public.citext', 'Abc', 'aBC', 'create extension citext schema public'],
    ['a collation without case', 'text collate ci', 'text collate ci', 'Abc', 'aBC', CI],
    ['varchar under such a collation', 'varchar(20) collate ci', 'varchar(9) collate ci', 'Abc', 'aBC', CI],
    [
      'a domain over citext',
      'public.d',
      'public.d',
      'Abc',
      'aBC',
      'create extension citext schema public; create domain d as citext',
    ],
    ['interval', 'interval', 'interval', '1 mon', '30 days', ''],
    ['jsonb', 'jsonb', 'jsonb', '{"n": 1.0}', '{"n": 1}', ''],
    ['an array of numbers', 'numeric[]', 'numeric[]', '{1.0}', '{1}', ''],
    ['a range of numbers', 'numrange', 'numrange', '[1.0,2)', '[1,2.00)', ''],
    ['text and citext', 'text', 'public.citext', 'Abc', 'aBC', 'create extension citext schema public'],
    ['citext and text', 'public.citext', 'text', 'Abc', 'aBC', 'create extension citext schema public'],
    ['text and numeric', 'text', 'numeric', '1.0', '1', ''],
    ['text and integer', 'text', 'integer', '007', '7', ''],
    [
      'uuid and text',
      'uuid',
      'text',
      '2a000000-0000-4000-8000-00000000000a',
      '2A000000-0000-4000-8000-00000000000A',
      '',
    ],
    ['text and boolean', 'text', 'boolean', 'Yes', 'true', ''],
    ['text and a float', 'text', 'double precision', '1.50', '1.5', ''],
    ['real and text', 'real', 'text', '2', '2.0', ''],
    ['timestamp and text', 'timestamp', 'text', '2024-02-29 01:02:00', '2024-02-29T01:02', ''],
    ['text and padded text', 'text', 'char(5)', 'a ', 'a', ''],
  ] as const;

  it.each(kinds)('are one row: %s', async (_, ofSource, ofTarget, source, target, setUp) => {
    await run.reset(`[{ name: t, source: public.t, ${AUTO} }]`);
    await run.both(setUp);
    await run.source.query(`create table t (k ${ofSource} primary key, n int)`);
    await run.target.query(`create table t (k ${ofTarget} primary key, n int);
      create table c (k ${ofTarget} references t on delete cascade)`);
    await run.source.query(`insert into t values ('${source}', 2)`);
    await run.target.query(`insert into t values ('${target}', 1); insert into c values ('${target}')`);
    const [before, child] = [await run.contents('t'), await run.contents('c')];
    const { runId, entries, planned } = await run.correct('one');
    const found = await findings(runId);
    expect(found.map((text) => text?.replace(/ .* \[/, ' ['))).toEqual(['field_mismatch ["k", "n"]']);
    expect(planned).toHaveLength(1);
    expect(said(entries).map((text) => text.replace(/ .* /, ' '))).toEqual(['update SUCCESS']);
    expect(await run.target.query('select k::text, n from t')).toEqual([expect.objectContaining({ n: '2' })]);
    expect(await run.target.query(`select k = '${target}' as kept from t`)).toEqual([{ kept: 't' }]);
    expect(await run.contents('c')).toBe(child);
    const again = await run.correct('again');
    expect((await findings(again.runId)).map((text) => text?.replace(/ .* \[/, ' ['))).toEqual([
      'field_mismatch ["k"]',
    ]);
    expect(again.entries).toEqual([]);
    expect(said(await run.undo(runId)).map((text) => text.replace(/ .* /, ' '))).toEqual(['update SUCCESS']);
    expect(await run.contents('t')).toBe(before);
  });

  it('are said not to be asked for where only the text can be', async () => {
    await run.reset(`[{ name: t, source: public.t, ${AUTO} }, { name: e, source: public.e, ${AUTO} }]`);
    await run.both(`create type pair as (a numeric, b text); create type mood as enum ('ok');
      create table e (k mood primary key)`);
    await run.source.query('create table t (p pair, i text, primary key (p, i))');
    await run.target.query('create table t (p pair, i interval, primary key (p, i))');
    const runId = await run.compare('unasked');
    const notes = await run.target.query(
      `select table_name || ' ' || n as said from trueup.run_table, jsonb_array_elements_text(comparison -> 'notes') n
        where run_id = $1 and n like '%by its text alone%'`,
      [runId],
    );
    expect(notes.map(({ said }) => said?.slice(0, 7)).sort()).toEqual(['t key i', 't key p']);
  });

  it('are equal where the key has one form: numeric 1.0 and 1.00, float -0 and 0, char(n) of two lengths', async () => {
    await run.reset(`[{ name: t, source: public.t, ${AUTO} }]`);
    await run.source.query(`create table t (a numeric, b float8, c char(3), primary key (a, b, c))`);
    await run.target.query(`create table t (a numeric, b float8, c char(5), primary key (a, b, c))`);
    await run.source.query(`insert into t values (1.0, '-0', 'x')`);
    await run.target.query(`insert into t values (1.00, 0, 'x')`);
    expect(await findings(await run.compare('forms'))).toEqual([]);
  });

  it('are written where the policy says so, and given back', async () => {
    await run.reset(`[{ name: t, source: public.t, ${AUTO} }]`, ', keySpelling: source');
    await run.both(`create extension citext schema public;
      create table t (a int, k public.citext, j jsonb, n int, primary key (k, a, j))`);
    await run.source.query(`insert into t values (1, 'Abc', '1.0', 1), (2, 'Abc', '1', 1), (3, 'x', '1', 2)`);
    await run.target.query(`insert into t values (1, 'aBC', '1', 1), (2, 'ABC', '1', 2), (3, 'x', '1', 1)`);
    await run.target
      .query(`create table c (k public.citext, a int, j jsonb, foreign key (k, a, j) references t on delete cascade);
      insert into c select k, a, j from t`);
    const [before, child] = [await run.contents('t'), await run.contents('c')];
    const { runId, entries } = await run.correct('source');
    expect((await findings(runId)).map((text) => text?.slice(0, 14))).toEqual(Array(3).fill('field_mismatch'));
    expect(said(entries).every((text) => text.endsWith('SUCCESS'))).toBe(true);
    expect(await run.contents('t')).toBe(JSON.stringify([await run.source.query('select t::text from t order by 1')]));
    expect(await run.contents('c')).toBe(child);
    expect(await findings(await run.compare('again'))).toEqual([]);
    expect(said(await run.undo(runId)).every((text) => text.endsWith('SUCCESS'))).toBe(true);
    expect(await run.contents('t')).toBe(before);
  });

  it('are said to be two rows of the source that are one key in the target, and nothing is planned for them', async () => {
    await run.reset(`[{ name: t, source: public.t, ${AUTO} }]`);
    await run.both('create extension citext schema public');
    await run.source.query(`create table t (k text primary key, n int)`);
    await run.target.query(`create table t (k public.citext primary key, n int)`);
    await run.source.query(`insert into t values ('a', 1), ('A', 1), ('bc', 1), ('BC', 2), ('d', 1), ('E', 1)`);
    await run.target.query(`insert into t values ('A', 1), ('Bc', 1), ('D', 1), ('f', 1)`);
    const before = await run.contents('t');
    const { runId, entries } = await run.correct('two');
    expect(await findings(runId)).toEqual([
      'missing_in_target BC []: two rows of the source are one key in the target, which has a row under a third spelling',
      'missing_in_target E []',
      "missing_in_target a []: two rows of the source are one key in the target, which has the row under the other's spelling",
      'missing_in_target bc []: two rows of the source are one key in the target, which has a row under a third spelling',
      'field_mismatch d ["k"]',
      'extra_in_target f []',
    ]);
    expect(said(entries)).toEqual(['insert E SUCCESS', 'delete f SUCCESS']);
    await run.undo(runId);
    expect(await run.contents('t')).toBe(before);
  });

  it('are looked up before a row is deleted or inserted', async () => {
    await run.reset(`[{ name: t, source: public.t, ${AUTO} }]`);
    await run.both('create extension citext schema public; create table t (k public.citext primary key, n int)');
    await run.source.query(`insert into t values ('a', 1)`);
    await run.target.query(`insert into t values ('b', 1)`);
    const { entries } = await run.correct('meanwhile', async () => {
      await run.source.query(`insert into t values ('B', 1)`);
      await run.target.query(`insert into t values ('A', 1)`);
    });
    expect(said(entries)).toEqual([
      'insert a SKIPPED_STALE: the target has the row by now',
      'delete b SKIPPED_STALE: the source has the row by now',
    ]);
  });
});
