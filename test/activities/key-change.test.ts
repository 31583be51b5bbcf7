import { CorrectionRun, type Entry } from '../support/correction-run';

const AUTO = 'corrections: { missing: auto, mismatched: auto, extra: auto }';

describe('updates of what other rows refer to', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await CorrectionRun.create('key_change');
  });
  afterAll(() => run.drop());

  const statuses = (entries: readonly Entry[]) =>
    entries.map(({ table, key, status }) => `${table} ${key} ${status}`).sort();
  const errors = (entries: readonly Entry[]) => entries.flatMap(({ error }) => error ?? []);

  /** Countries by number, whose code is another in the source; only countries are compared. */
  async function countries(children: string, columns = 'code text not null unique'): Promise<void> {
    await run.reset(`[{ name: countries, source: public.countries, ${AUTO} }]`);
    await run.both(`create table countries (id int primary key, ${columns})`);
    await run.source.query(`insert into countries (id, code) values (1, 'de'), (2, 'fr'), (3, 'it')`);
    await run.target.query(`insert into countries (id, code) values (1, 'd'), (2, 'f'), (3, 'i'); ${children}`);
  }

  it.each([
    ['cascade', 'change'],
    ['set null', 'set to NULL'],
    ['set default', 'set to a default'],
  ])('are refused where on update %s would touch rows that refer to the old value', async (action, effect) => {
    await countries(`create table cities (id int primary key, country text default 'i' references countries (code) on update ${action});
      insert into cities values (1, 'd'), (2, 'd'), (3, null), (4, 'i')`);
    const before = await run.contents('cities');
    const { entries, runId } = await run.correct('refused');
    expect(statuses(entries)).toEqual(['countries 1 FAILED', 'countries 2 SUCCESS', 'countries 3 FAILED']);
    const why = (rows: number) =>
      `changing code would ${effect} ${rows} row(s) of public.cities that refer to the old value (cities_country_fkey)`;
    expect(errors(entries)).toEqual([why(2), why(1)]);
    expect(await run.contents('cities')).toBe(before);
    expect((await run.rows('countries')).map(({ code }) => code)).toEqual(['d', 'fr', 'i']);
    expect(await run.images(runId)).toHaveLength(1);
  });

  it('are refused where the rows that refer to it have no key, lie in a part of the table, or cannot be seen', async () => {
    await run.reset(`[{ name: p, source: public.p, ${AUTO} }]`);
    await run.both(`create table p (id int, code text, primary key (id)) partition by range (id);
      create table p1 partition of p for values from (0) to (100)`);
    await run.source.query(`insert into p values (1, 'new'), (2, 'new2')`);
    await run.target.query(`insert into p values (1, 'old'), (2, 'old2'); alter table p1 add unique (code);
      create table c (code text references p1 (code) on update cascade); insert into c values ('old')`);
    const { entries } = await run.correct('part');
    expect(statuses(entries)).toEqual(['p 1 FAILED', 'p 2 SUCCESS']);
    expect(errors(entries)).toEqual([
      'changing code would change 1 row(s) of public.c that refer to the old value (c_code_fkey): ' +
        'it has no key that tells its rows apart',
    ]);
    expect(await run.rows('c')).toEqual([{ code: 'old' }]);
  });

  it('are refused where a trigger or a generated column changes what is referred to', async () => {
    await countries(
      `create table cities (id int primary key, country text references countries (upper_code) on update cascade);
      insert into cities values (1, 'D')`,
      'code text, upper_code text generated always as (upper(code)) stored unique',
    );
    const { entries } = await run.correct('generated');
    expect(new Set(entries.map(({ status }) => status))).toEqual(new Set(['FAILED']));
    expect(errors(entries)[0]).toMatch(
      /updating it also changed upper_code, which public.cities \(cities_country_fkey\) refers to on update/,
    );
    expect(await run.rows('cities')).toEqual([{ id: '1', country: 'D' }]);
  });

  it('are made together with planned corrections of all rows that refer to the old value', async () => {
    const table = (name: string) => `{ name: ${name}, source: public.${name}, ${AUTO} }`;
    await run.reset(`[${table('countries')}, ${table('cities')}]`);
    await run.both(`create table countries (id int primary key, code text not null unique);
      create table cities (id int primary key, country text references countries (code) on update cascade, a text)`);
    await run.source.query(`insert into countries values (1, 'de'), (2, 'fr');
      insert into cities values (1, 'de', 'a'), (2, 'fr', 'b')`);
    await run.target.query(`insert into countries values (1, 'd'), (2, 'f');
      insert into cities values (1, 'd', 'a'), (2, 'f', 'other'), (3, 'f', 'extra')`);
    const before = await run.contents('countries', 'cities');
    const { runId, entries } = await run.correct('together');
    expect(errors(entries)).toEqual([]);
    expect(entries).toHaveLength(5);
    for (const name of ['countries', 'cities']) {
      expect(await run.rows(name)).toEqual(await run.source.query(`select * from ${name} order by 1`));
    }
    expect(errors(await run.undo(runId))).toEqual([]);
    expect(await run.contents('countries', 'cities')).toBe(before);
  });

  it('are refused together too where a row appeared since the plan', async () => {
    const table = (name: string) => `{ name: ${name}, source: public.${name}, ${AUTO} }`;
    await run.reset(`[${table('countries')}, ${table('cities')}]`);
    await run.both(`create table countries (id int primary key, code text not null unique);
      create table cities (id int primary key, country text references countries (code) on update cascade)`);
    await run.source.query(`insert into countries values (1, 'de'); insert into cities values (1, 'de')`);
    await run.target.query(`insert into countries values (1, 'd'); insert into cities values (1, 'd')`);
    const { entries } = await run.correct('appeared', () => run.target.query(`insert into cities values (9, 'd')`));
    expect(entries.map(({ status }) => status)).toEqual(['FAILED', 'FAILED']);
    expect(errors(entries).join()).toContain('changing code would change 1 row(s) of public.cities');
    expect((await run.rows('cities')).map(({ country }) => country)).toEqual(['d', 'd']);
  });
});
