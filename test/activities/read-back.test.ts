import { CorrectionRun, type Entry } from '../support/correction-run';

const AUTO = 'corrections: { missing: auto, mismatched: auto, extra: auto }';

/** A BEFORE trigger of the target for each row of `table`. */
const trigger = (name: string, table: string, when: string, body: string) =>
  `create function ${name}() returns trigger language plpgsql as $f$begin ${body} end$f$;
   create trigger ${name} ${when} on ${table} for each row execute function ${name}();`;

describe('what came out of a correction is read back', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await CorrectionRun.create('read_back');
  });
  afterAll(() => run.drop());

  const rows = (sql = 'select * from t order by 1') => run.target.query(sql);
  const failures = (entries: readonly Entry[]) =>
    entries.filter(({ status }) => status === 'FAILED').map(({ key, error }) => `${key}: ${error ?? ''}`);
  /** The rows as they are now, for each entry of a run that succeeded those of the source. */
  async function markers(runId: string): Promise<number> {
    return Number(
      (await run.target.query(`select count(*) as n from trueup.before_image where run_id = '${runId}'`))[0]?.['n'],
    );
  }

  interface Case {
    readonly name: string;
    readonly source: string;
    readonly target: string;
    /** Fields of the table's entry in the config. */
    readonly config?: string;
    /** Keys that fail, and what each reason must say. */
    readonly failed: Readonly<Record<string, RegExp>>;
    readonly success?: number;
  }

  const CASES: readonly Case[] = [
    {
      name: 'a key that its type rounds',
      source: 'create table t (k numeric primary key); insert into t values (1), (1.006), (2)',
      target: 'create table t (k numeric(6,2) primary key); insert into t values (1)',
      failed: {
        '1.006': /no row is there under its key after the insert: column k: its type numeric\(6,2\) does not hold/,
      },
      success: 1,
    },
    {
      name: 'a key that a trigger changes',
      source: `create table t (k int primary key, v text); insert into t values (1, 'a'), (2, 'b'), (3, 'c')`,
      target: `create table t (k int primary key, v text);
        ${trigger('shift', 't', 'before insert', 'if new.k = 2 then new.k := 200; end if; return new;')}`,
      failed: { '2': /no row is there under its key.*trigger "shift"/ },
      success: 2,
    },
    {
      name: 'a value that a trigger changes, of new rows and of others',
      source: `create table t (k int primary key, v text); insert into t values (1, 'a'), (2, 'B'), (3, 'c'), (4, 'D')`,
      target: `create table t (k int primary key, v text); insert into t values (3, 'X'), (4, 'Y');
        ${trigger('t_upper', 't', 'before insert or update', 'NEW.v := upper(new.v); return new;')}`,
      failed: {
        '1': /column v: the target's trigger "t_upper" sets it.*exclude: \[v\]/,
        '3': /column v: the target's trigger "t_upper" sets it/,
      },
      success: 2,
    },
    {
      name: 'a scale that is too small',
      source:
        'create table t (k int primary key, v numeric); insert into t values (1, 1.005), (2, 1.5), (3, 2.001), (4, 7)',
      target: 'create table t (k int primary key, v numeric(10,2)); insert into t values (3, 2.00), (4, 4)',
      failed: {
        '1': /column v: its type numeric\(10,2\) does not hold the value as it is; widen the type/,
        '3': /column v: its type numeric\(10,2\) does not hold/,
      },
      success: 2,
    },
    {
      name: 'a precision of time that is too small',
      source: `create table t (k int primary key, v timestamp(6)); insert into t values (1, '2024-01-01 00:00:00.123456'), (2, '2024-01-01 00:00:00.5')`,
      target: 'create table t (k int primary key, v timestamp(3))',
      failed: { '1': /its type timestamp\(3\) without time zone does not hold/ },
      success: 1,
    },
    {
      name: 'a document that is written in another form',
      source: `create table t (k int primary key, v text); insert into t values (1, '{"b":1, "a":1}'), (2, '{"a": 1}')`,
      target: 'create table t (k int primary key, v jsonb)',
      failed: { '1': /column v: its type jsonb gives the value back in another form/ },
      success: 1,
    },
    {
      name: 'a float that is too wide',
      source: 'create table t (k int primary key, v float8); insert into t values (1, 0.1234567890123), (2, 0.5)',
      target: 'create table t (k int primary key, v real)',
      failed: { '1': /type real/ },
      success: 1,
    },
    {
      name: 'a domain that rounds',
      source: 'create table t (k int primary key, v numeric[]); insert into t values (1, array[1.26]), (2, array[1.5])',
      target: 'create domain d as numeric(5,1)[]; create table t (k int primary key, v d)',
      failed: { '1': /column v: its type public\.d does not hold/ },
      success: 1,
    },
    {
      name: 'a column that the target generates otherwise',
      source: `create table t (k int primary key, a int, g int); insert into t values (1, 1, 2), (2, 2, 9), (3, 3, 7)`,
      target: `create table t (k int primary key, a int, g int generated always as (a * 2) stored);
        insert into t values (3, 1)`,
      failed: {
        '2': /column g: the target generates it from other columns/,
        '3': /column g: the target generates it from other columns/,
      },
      success: 1,
    },
    {
      name: 'a trigger that cuts',
      source: `create table t (k int primary key, v varchar); insert into t values (1, 'abcdef'), (2, 'abc')`,
      target: `create table t (k int primary key, v varchar);
        ${trigger('cut', 't', 'before insert', 'new.v = left(new.v, 3); return new;')}`,
      failed: { '1': /column v: the target's trigger "cut" sets it/ },
      success: 1,
    },
    {
      name: 'a trigger that drops the row',
      source: `create table t (k int primary key, v text); insert into t values (1, 'a'), (2, 'b'), (3, 'c')`,
      target: `create table t (k int primary key, v text); insert into t values (3, 'x');
        ${trigger('drop_it', 't', 'before insert or update', 'if new.k > 1 then return null; end if; return new;')}`,
      failed: { '2': /trigger "drop_it"/, '3': /the row was not changed: a trigger.*trigger "drop_it"/ },
      success: 1,
    },
    {
      name: 'a rule that writes elsewhere',
      source: `create table t (k int primary key, v text); insert into t values (1, 'a'), (2, 'b')`,
      target: `create table t (k int primary key, v text); insert into t values (2, 'x'); create table other (k int, v text);
        create rule away as on insert to t do instead insert into other values (new.k, new.v);
        create rule keep as on update to t do instead nothing`,
      failed: { '1': /rule "away"/, '2': /the row was not changed: .*rule "keep"/ },
    },
    {
      name: 'a rule that also changes the row',
      source: `create table t (k int primary key, v text, w int); insert into t values (1, 'a', 1), (2, 'b', 3)`,
      target: `create table t (k int primary key, v text, w int);
        create rule also as on insert to t where new.w = 1 do also update t set w = 2 where k = new.k`,
      failed: { '1': /column w: something in the target changed it, probably its rule "also"/ },
      success: 1,
    },
    {
      name: 'a trigger that sets a compared column on update only',
      source: `create table t (k int primary key, v text, n int); insert into t values (1, 'a', 1), (2, 'b', 2)`,
      target: `create table t (k int primary key, v text, n int); insert into t values (1, 'x', 1);
        ${trigger('count_up', 't', 'before update', 'new.n := old.n + 1; return new;')}`,
      failed: { '1': /column n: the target's trigger "count_up" sets it/ },
      success: 1,
    },
    {
      name: 'a trigger that runs after, and changes the row again',
      source: `create table t (k int primary key, v text); insert into t values (1, 'a'), (2, 'b')`,
      target: `create table t (k int primary key, v text);
        ${trigger('later', 't', 'after insert', `if new.k = 2 then update t set v = 'later' where k = new.k; end if; return null;`)}`,
      failed: { '2': /column v: .*trigger "later"/ },
      success: 1,
    },
    {
      name: 'rows that move between partitions, and a trigger of one of these',
      source: `create table t (k int primary key, v text, p int); insert into t values (1, 'a', 2), (2, 'b', 2), (3, 'c', 1)`,
      target: `create table t (k int, v text, p int, primary key (k, p)) partition by list (p);
        create table t1 partition of t for values in (1); create table t2 partition of t for values in (2);
        create unique index on t1 (k); create unique index on t2 (k);
        ${trigger('second', 't2', 'before insert', `if new.k = 2 then new.v := 'moved'; end if; return new;`)}`,
      config: 'key: [k, p]',
      failed: { '2,2': /column v: the target's trigger "second" sets it/ },
      success: 2,
    },
    {
      name: 'an extra row that a trigger keeps',
      source: 'create table t (k int primary key)',
      target: `create table t (k int primary key); insert into t values (1), (2), (3);
        ${trigger('keep', 't', 'before delete', 'if old.k = 2 then return null; end if; return old;')}`,
      failed: { '2': /the row is still there: a trigger.*trigger "keep"/ },
      success: 2,
    },
    {
      name: 'an odd table with odd names',
      source: `create table "T""x" ("K 1" text, k2 numeric, "V'" text, primary key ("K 1", k2)); insert into "T""x" values ('a', 1, 'v'), ('b', 2, 'w')`,
      target: `create table "T""x" ("K 1" text, k2 numeric, "V'" text, primary key ("K 1", k2));
        create function "f""x"() returns trigger language plpgsql as $f$begin if new.k2 = 2 then new."V'" = 'z'; end if; return new; end$f$;
        create trigger "Tr ""1" before insert on "T""x" for each row execute function "f""x"()`,
      failed: { '2,b': /column V': the target's trigger "Tr \\"1" sets it/ },
      success: 1,
    },
  ];

  it.each(CASES)('$name', async ({ source, target, config, failed, success = 0 }) => {
    const name = source.includes('"T""x"') ? `'"T""x"'` : 't';
    const table = name === 't' ? 't' : '"T""x"';
    await run.reset(
      `[{ name: t, source: ${name === 't' ? 'public.t' : `'public."T""x"'`}, ${config ? `${config}, ` : ''}${AUTO} }]`,
    );
    await run.source.query(source);
    await run.target.query(target);
    const before = await rows(`select * from ${table} order by 1`);
    const { runId, entries } = await run.correct('came-out');
    expect(failures(entries).map((line) => line.split(': ')[0])).toEqual(Object.keys(failed));
    for (const [key, reason] of Object.entries(failed)) {
      expect(failures(entries).find((line) => line.startsWith(`${key}: `))).toMatch(reason);
    }
    expect(entries.filter(({ status }) => status === 'SUCCESS')).toHaveLength(success);
    expect(await markers(runId)).toBe(success);
    expect(await run.verify(runId, 't')).toMatchObject({ differing: 0 });
    if (success === 0) {
      expect(await rows(`select * from ${table} order by 1`)).toEqual(before);
      return;
    }
    await run.undo(runId);
    expect(await rows(`select * from ${table} order by 1`)).toEqual(before);
  });

  describe('by every way', () => {
    const upper = (table = 't', when = 'before insert or update') =>
      trigger('t_upper', table, when, 'new.v := upper(new.v); return new;');

    it('an undo that a trigger changes fails, and the row stays as it was', async () => {
      await run.reset(`[{ name: t, source: public.t, ${AUTO} }]`);
      await run.source.query(
        `create table t (k int primary key, v text); insert into t values (1, 'a'), (2, 'b'), (3, 'c')`,
      );
      await run.target.query(
        `create table t (k int primary key, v text); insert into t values (1, 'x'), (2, 'Y'), (9, 'nine'), (10, 'TEN')`,
      );
      const { runId } = await run.correct('undone');
      const corrected = await rows();
      await run.target.query(upper());
      const undone = await run.undo(runId);
      // What is given back in capitals is given back, the rest is not; the insert is undone in any case.
      expect(failures(undone)).toEqual([
        expect.stringMatching(/^9: .*column v: the target's trigger "t_upper" sets it/),
        expect.stringMatching(/^1: .*column v: the target's trigger "t_upper" sets it/),
      ]);
      expect(corrected).toEqual(await run.source.query('select * from t order by 1'));
      expect(await rows()).toEqual([
        { k: '1', v: 'a' },
        { k: '2', v: 'Y' },
        { k: '10', v: 'TEN' },
      ]);
      await run.target.query('drop trigger t_upper on t');
      expect((await run.undo(runId)).map(({ key, status }) => [key, status])).toEqual([
        ['9', 'SUCCESS'],
        ['1', 'SUCCESS'],
      ]);
      expect(await rows()).toHaveLength(4);
    });

    it('a column that may differ is left to a trigger of the target, when corrected and when given back', async () => {
      await run.reset(`[{ name: t, source: public.t, exclude: [seen], ${AUTO} }]`);
      const table = 'create table t (k int primary key, v text, seen int)';
      await run.source.query(`${table}; insert into t values (1, 'a', 1), (2, 'b', 1)`);
      await run.target.query(`${table}; insert into t values (1, 'x', 1);
        ${trigger('touch', 't', 'before insert or update', 'new.seen := coalesce(new.seen, 0) + 100; return new;')}`);
      const { runId, entries } = await run.correct('maintained');
      expect(entries.map(({ status }) => status)).toEqual(['SUCCESS', 'SUCCESS']);
      expect(await rows()).toEqual([
        { k: '1', v: 'a', seen: '101' },
        { k: '2', v: 'b', seen: '101' },
      ]);
      // The backup has the row as it came out, so that it is known again.
      expect((await run.undo(runId)).map(({ status }) => status)).toEqual(['SUCCESS', 'SUCCESS']);
      expect(await rows('select k, v from t')).toEqual([{ k: '1', v: 'x' }]);
    });

    it('rows that need each other: the one that a trigger changes is left, with what cannot do without it', async () => {
      await run.reset(`[{ name: t, source: public.t, ${AUTO} }]`);
      const table = 'create table t (k int primary key, u text unique, v text)';
      await run.source.query(
        `${table}; insert into t values (1, 'one', 'A'), (2, 'two', 'B'), (3, 'three', 'c'), (4, 'four', 'D')`,
      );
      await run.target.query(
        `${table}; insert into t values (1, 'two', 'A'), (2, 'one', 'B'), (3, 'four', 'X'), (4, 'three', 'Y'); ${upper()}`,
      );
      const { entries } = await run.correct('swapped');
      expect(run.passes).toContain('together');
      expect(failures(entries).map((line) => line.split(': ')[0])).toEqual(['3', '4']);
      expect(failures(entries)[0]).toMatch(/column v: the target's trigger "t_upper" sets it/);
      expect(await rows()).toEqual([
        { k: '1', u: 'one', v: 'A' },
        { k: '2', u: 'two', v: 'B' },
        { k: '3', u: 'four', v: 'X' },
        { k: '4', u: 'three', v: 'Y' },
      ]);
    });

    it('rows that swap by a trigger of theirs are left as they were', async () => {
      await run.reset(`[{ name: t, source: public.t, ${AUTO} }]`);
      const table = 'create table t (k int primary key, v text)';
      await run.source.query(`${table}; insert into t values (1, 'a'), (2, 'b'), (3, 'c')`);
      await run.target.query(`${table};
        ${trigger('swap', 't', 'before insert', 'if new.k < 3 then new.k := 3 - new.k; end if; return new;')}`);
      const { runId, entries } = await run.correct('swapping');
      expect(failures(entries).map((line) => line.split(': ')[0])).toEqual(['1', '2']);
      expect(await rows()).toEqual([{ k: '3', v: 'c' }]);
      expect(await markers(runId)).toBe(1);
    });

    it('what goes with a delete: a trigger on the child fails the delete, and names it', async () => {
      await run.reset(`[{ name: p, source: public.p, ${AUTO} }]`);
      const tables = `create table p (k int primary key);
        create table c (k int primary key, p int references p on delete set null, v text)`;
      await run.both(tables);
      await run.target.query(`insert into p values (1), (2); insert into c values (10, 1, 'a'), (20, 2, 'b');
        ${trigger('stay', 'c', 'before update', 'if old.k = 10 then new.p := old.p; end if; return new;')}`);
      const { entries } = await run.correct('cascade');
      expect(entries.map(({ table, key, status }) => `${table} ${key} ${status}`)).toEqual([
        'public.c 10 FAILED',
        'public.c 20 SUCCESS',
        'p 1 FAILED',
        'p 2 SUCCESS',
      ]);
      expect(failures(entries)[0]).toMatch(/a row of .*c goes with it \(c_p_fkey\): .*trigger "stay"/);
      expect(await rows('select * from p')).toEqual([{ k: '1' }]);
      expect(await rows('select k, p from c order by k')).toEqual([
        { k: '10', p: '1' },
        { k: '20', p: null },
      ]);
    });

    it('a default that a delete sets is held in the scale of its column', async () => {
      await run.reset(`[{ name: p, source: public.p, ${AUTO} }]`);
      const tables = `create table p (k numeric(6,2) primary key);
        create table c (k int primary key, p numeric(6,2) default 1.5 references p on delete set default)`;
      await run.both(`${tables}; insert into p values (1.5)`);
      await run.target.query(`insert into p values (2); insert into c values (10, 2)`);
      const { entries } = await run.correct('default');
      expect(entries.map(({ status }) => status)).toEqual(['SUCCESS', 'SUCCESS']);
      expect(await rows('select p from c')).toEqual([{ p: '1.50' }]);
    });

    it('of thousands of new rows the wrong ones alone are left, in few attempts', async () => {
      await run.reset(`[{ name: t, source: public.t, ${AUTO} }]`);
      const table = 'create table t (k int primary key, v text)';
      await run.source.query(
        `${table}; insert into t select g, case when g % 500 = 0 then 'low' else 'HIGH' end from generate_series(1, 3000) g`,
      );
      await run.target.query(
        `${table}; create sequence fired; ${trigger('t_upper', 't', 'before insert', `perform nextval('public.fired'); new.v := upper(new.v); return new;`)}`,
      );
      const { entries } = await run.correct('many');
      expect(failures(entries).map((line) => line.split(': ')[0])).toEqual([
        '500',
        '1000',
        '1500',
        '2000',
        '2500',
        '3000',
      ]);
      expect(await rows('select count(*) as n from t')).toEqual([{ n: '2994' }]);
      // Once for all, once without the wrong ones, once for these alone, and these again in later passes.
      const fired = Number((await rows('select last_value as n from fired'))[0]?.['n']);
      expect(fired).toBeLessThan(3000 + 2994 + 60);
    });
  });
});
