import { CorrectionRun, type Entry } from '../support/correction-run';

const AUTO = 'corrections: { missing: auto, mismatched: auto, extra: auto }';

describe('constraints that wait for the commit', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await CorrectionRun.create('deferred');
  });
  afterAll(() => run.drop());

  const tables = (...names: string[]) =>
    run.reset(`[${names.map((name) => `{ name: ${name}, source: public.${name}, ${AUTO} }`).join(', ')}]`);
  const failures = (entries: readonly Entry[]) =>
    entries.filter(({ status }) => status !== 'SUCCESS').map(({ table, key, error }) => `${table} ${key}: ${error}`);

  const WAITS = 'deferrable initially deferred';
  const RAISING = (table: string, event: string, when: string) => `
    create function refuse() returns trigger language plpgsql as $$begin raise 'not this one'; end$$;
    create constraint trigger refuse after ${event} on ${table} ${WAITS}
      for each row when (${when}) execute function refuse()`;
  /** What the target has that refuses rows with `n` 7, 23 and 24 at the commit alone, and what it says then. */
  const KINDS: readonly (readonly [string, string, RegExp])[] = [
    [
      'a foreign key',
      `create table p (id int primary key);
       insert into p select i from generate_series(1, 60) as i where i not in (7, 23, 24);
       alter table t add foreign key (n) references p ${WAITS}`,
      /violates foreign key constraint "t_n_fkey" \(SQLSTATE 23503\)/,
    ],
    [
      'a unique key',
      `insert into t select 100 + n, n, 'there' from unnest(array[7, 23, 24]) as n;
       alter table t add unique (n) ${WAITS}`,
      /violates unique constraint "t_n_key" \(SQLSTATE 23505\)/,
    ],
    [
      'an exclusion',
      `insert into t select 100 + n, n, 'there' from unnest(array[7, 23, 24]) as n;
       alter table t add exclude using gist (int4range(n, n, '[]') with &&) ${WAITS}`,
      /conflicting key value violates exclusion constraint "t_int4range_excl" \(SQLSTATE 23P01\)/,
    ],
    ['a trigger', RAISING('t', 'insert or update', 'new.n in (7, 23, 24)'), /^t \d+: not this one \(SQLSTATE P0001\)$/],
  ];
  const ROWS = `insert into t select i, i, 'a' from generate_series(1, 60) as i`;

  describe.each(KINDS)('%s', (_name, target, message) => {
    it.each([
      ['inserts', '', 'SUCCESS'],
      ['updates', `insert into t select i, -i, 'old' from generate_series(1, 60) as i`, 'SUCCESS'],
    ])('fails the rows at fault and no others: %s', async (_kind, held) => {
      await run.reset(
        `[{ name: t, source: public.t, corrections: { missing: auto, mismatched: auto, extra: ignore } }]`,
      );
      await run.both('create table t (id int primary key, n int not null, a text)');
      await run.source.query(ROWS);
      // What the target holds that it would refuse was there before the constraint.
      await run.target.query(
        `${held === '' ? '' : `${held.replace('-i', '1000 + i')};`} ${target.replace('(1, 60) as i where', '(1, 2000) as i where')}`,
      );
      const { runId, entries } = await run.correct('deferred');
      expect(entries).toHaveLength(60);
      const failed = failures(entries);
      expect(failed.map((text) => text.split(':')[0])).toEqual(['t 7', 't 23', 't 24']);
      for (const text of failed) expect(text).toMatch(message);
      expect(await run.images(runId)).toHaveLength(57);
      const [{ n } = {}] = await run.target.query(`select count(*) as n from t where a = 'a' and n = id`);
      expect(n).toBe('57');
    });
  });

  it('fail the delete whose effects they refuse, with all of them, and no other', async () => {
    await tables('p');
    await run.both('create table p (id int primary key)');
    await run.target.query(`insert into p select generate_series(1, 40);
      create table c (id int primary key, p int references p on delete cascade);
      create table n (id int primary key, p int references p on delete set null);
      insert into c select i, (i + 1) / 2 from generate_series(1, 80) as i;
      insert into n select i, i from generate_series(1, 40) as i;
      ${RAISING('c', 'delete', 'old.id in (9, 50)')};
      create constraint trigger refuse after update on n ${WAITS}
        for each row when (old.id = 33) execute function refuse()`);
    const { runId, entries } = await run.correct('effects');
    expect(entries).toHaveLength(160);
    const failed = entries.filter(({ status }) => status !== 'SUCCESS');
    expect([...new Set(failed.map(({ error }) => error))]).toEqual(['not this one (SQLSTATE P0001)']);
    expect(failed.map(({ table, key }) => `${table} ${key}`).sort()).toEqual(
      [5, 25, 33].flatMap((i) => [`p ${i}`, `public.c ${2 * i - 1}`, `public.c ${2 * i}`, `public.n ${i}`]).sort(),
    );
    expect(await run.images(runId)).toHaveLength(148);
    expect((await run.rows('p')).map(({ id }) => id)).toEqual(['5', '25', '33']);
    expect((await run.rows('c')).map(({ id }) => id)).toEqual(['9', '10', '49', '50', '65', '66']);
  });

  describe('what other corrections of the plan clear the way for', () => {
    it('is made in a later pass: an exclusion that an extra row is in the way of', async () => {
      await tables('t');
      await run.both(`create table t (id int primary key, during int4range not null)`);
      await run.target.query(`alter table t add exclude using gist (during with &&);
        insert into t values (1, '[1,5)'), (2, '[10,20)'), (3, '[30,40)')`);
      await run.source.query(`insert into t values (1, '[1,5)'), (2, '[30,35)'), (4, '[10,12)')`);
      const { entries } = await run.correct('excluded');
      expect(failures(entries)).toEqual([]);
      expect(await run.rows('t')).toEqual(await run.source.query('select * from t order by 1'));
    });

    it('is made in a later pass: rows of which a trigger wants all of a kind in one transaction', async () => {
      await tables('entries');
      await run.both(`create table entries (id int primary key, transfer int not null, amount int not null)`);
      await run.target.query(`create function balanced() returns trigger language plpgsql as $$begin
          if (select sum(amount) from entries where transfer = new.transfer) <> 0
            then raise 'transfer % is not balanced', new.transfer; end if; return null; end$$;
        create constraint trigger balanced after insert on entries deferrable initially deferred
          for each row execute function balanced()`);
      await run.source.query(`insert into entries select i, (i + 1) / 2, case i % 2 when 0 then 5 else -5 end
          from generate_series(1, 300) as i; update entries set amount = 6 where id in (77, 202)`);
      const { entries } = await run.correct('balanced');
      expect(failures(entries)).toEqual(
        [77, 78, 201, 202].map((i) => `entries ${i}: transfer ${Math.ceil(i / 2)} is not balanced (SQLSTATE P0001)`),
      );
    });

    const BALANCED = (of: string) => `create function balanced() returns trigger language plpgsql as $$begin
          if (select sum(amount) from (${of}) as e (transfer, amount) where transfer = new.transfer) <> 0
            then raise 'transfer % is not balanced', new.transfer; end if; return null; end$$;`;
    const CHECKED = (table: string) => `create constraint trigger balanced after insert on ${table} ${WAITS}
          for each row execute function balanced();`;
    const LEDGER = 'create table entries (id int primary key, transfer int not null, amount int not null)';

    it.each([
      [
        'by itself',
        '(1, 1, -5), (2, 2, 7), (3, 1, 5)',
        BALANCED('select transfer, amount from entries'),
        /2 is not bal/,
      ],
      [
        'by a reference',
        '(1, 1, -5), (2, 2, 0), (3, 1, 5)',
        `${BALANCED('select transfer, amount from entries')} create table transfers (id int primary key);
         insert into transfers values (1); alter table entries add foreign key (transfer) references transfers ${WAITS};`,
        /violates foreign key constraint/,
      ],
      [
        'where no column tells that they belong together',
        '(1, 1, -5), (2, 2, 7), (3, 3, 5)',
        BALANCED('select transfer, sum(amount) over () from entries').replace('sum(amount) from', 'max(amount) from'),
        /is not balanced/,
      ],
    ])(
      'is made together in the end: a debit and a credit with a row between them that is refused %s',
      async (...row) => {
        const [, rows, target, why] = row;
        await tables('entries');
        await run.both(LEDGER);
        await run.target.query(`${target} ${CHECKED('entries')}`);
        await run.source.query(`insert into entries values ${rows}`);
        const { runId, entries } = await run.correct('between');
        expect(failures(entries)).toEqual([expect.stringMatching(why)]);
        expect((await run.rows('entries')).map(({ id }) => id)).toEqual(['1', '3']);
        expect(await run.images(runId)).toHaveLength(2);
      },
    );

    it('is made together in the end: ten debits and credits in two tables, each with a refused one beside it', async () => {
      await tables('debits', 'credits');
      await run.both(`${LEDGER.replace('entries', 'debits')}; ${LEDGER.replace('entries', 'credits')}`);
      await run.target
        .query(`${BALANCED('select transfer, -amount from debits union all select transfer, amount from credits')}
        ${CHECKED('debits')} ${CHECKED('credits')}`);
      await run.source.query(`insert into debits select i, 1000 + i, 9 from generate_series(1, 20) as i;
        insert into credits select 100 + i, 1000 + i, 9 from generate_series(1, 20) as i where i % 2 = 0`);
      const { entries } = await run.correct('two-tables');
      expect(failures(entries)).toHaveLength(10);
      for (const text of failures(entries)) expect(text).toMatch(/^debits \d*[13579]: transfer \d+ is not balanced/);
      expect(await run.rows('credits')).toHaveLength(10);
      expect(await run.rows('debits')).toHaveLength(10);
    });
  });
});
