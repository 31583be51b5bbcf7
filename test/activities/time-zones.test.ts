import { writeFileSync } from 'node:fs';
import { openRun } from '../../activities/open-run';
import { CorrectionRun } from '../support/correction-run';

const NEW_YORK = 'America/New_York';
const AUTO = 'corrections: { missing: auto, mismatched: auto, extra: auto }, guard: { rows: 100000, percent: 100 }';
const TABLE = (more = '') => `[{ name: t, ${AUTO}${more} }]`;
/** Winter, summer, the hour that is left out in spring, the one that comes twice in autumn, and what is no time. */
const TIMES = [
  '2024-01-15 10:00:00.123456',
  '2024-07-15 23:30:00',
  '2024-03-10 02:30:00',
  '2024-11-03 01:30:00',
  '0044-03-15 12:00:00 BC',
  'infinity',
];
const ROWS = TIMES.map((time, i) => `(${i + 1}, '${time}')`).join(', ');

/** Two databases of these zones: of their own, or of the role as it is in them. */
async function databases(source: string, target: string, ofRole = false): Promise<CorrectionRun> {
  const run = await CorrectionRun.create('zones');
  for (const [{ query, name }, zone] of [
    [run.source, source],
    [run.target, target],
  ] as const) {
    await query(`alter ${ofRole ? `role postgres in` : ''} database "${name}" set timezone = '${zone}'`);
    // This session, too, is one of the application's.
    await query(`set timezone = '${zone}'`);
  }
  return run;
}

const notesOf = async (run: CorrectionRun) => {
  const runId = await run.compare('notes');
  return (await run.resources.comparison(runId, 't')).notes.join('\n');
};
const found = async (run: CorrectionRun) => {
  const runId = await run.compare('found');
  const rows = await run.target.query(
    `select inconsistency_type || ' ' || (select value from jsonb_each_text(record_key)) as f
       from trueup.reconciliation_log where run_id = $1 order by 1`,
    [runId],
  );
  return rows.map((row) => row['f']);
};
const rowsOf = (run: CorrectionRun) => run.target.query('select * from t order by 1');

describe.each([
  ['of the databases', false],
  ['of the role in them', true],
])('a zone %s', (_name, ofRole) => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await databases(NEW_YORK, NEW_YORK, ofRole);
  });
  afterAll(() => run.drop());

  it.each([
    ['timestamp', 'timestamptz'],
    ['timestamptz', 'timestamp'],
    ['date', 'timestamptz'],
  ])('is that of a %s beside a %s: what the database itself converted is equal', async (source, target) => {
    await run.reset(TABLE());
    await run.source.query(`create table t (id int primary key, at ${source}); insert into t values ${ROWS}`);
    // The text as the source's own sessions see it, assigned by the target's own sessions.
    const seen = await run.source.query('select id, at::text as at from t');
    await run.target.query(`create table t (id int primary key, at ${target})`);
    for (const { id, at } of seen) {
      await run.target.query(`insert into t values ($1, ($2::text::${source})::${target})`, [id, at]);
    }
    expect(await found(run)).toEqual([]);
    expect(await notesOf(run)).toContain(`times without a zone read as of ${NEW_YORK}`);
    await run.target.query(`update t set at = at + interval '1 microsecond' where id = 1`);
    await run.target.query(`update t set at = at + interval '4 hours' where id = 2`);
    expect(await found(run)).toEqual(['field_mismatch 1', 'field_mismatch 2']);
  });

  it('counts for a key and for a tolerance', async () => {
    await run.reset(TABLE(', tolerance: { seen: 1s }'));
    const times = TIMES.slice(0, 4)
      .map((time) => `('${time}', '${time}')`)
      .join(', ');
    await run.source.query(`create table t (at timestamp primary key, seen timestamp); insert into t values ${times}`);
    await run.target.query(`create table t (at timestamptz primary key, seen timestamptz);
      insert into t select at::timestamp, seen::timestamp + interval '1 second' from (values ${times}) as v(at, seen)`);
    expect(await found(run)).toEqual([]);
    await run.target.query(`update t set seen = seen + interval '1 second' where at = '2024-01-15 10:00:00.123456'`);
    expect(await found(run)).toHaveLength(1);
    await run.target.query(`delete from t where at = '2024-07-15 23:30'`);
    expect((await found(run)).map((finding) => finding?.split(' ')[0]).sort()).toEqual([
      'field_mismatch',
      'missing_in_target',
    ]);
  });
});

describe('two zones', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await databases(NEW_YORK, 'Asia/Tokyo');
  });
  afterAll(() => run.drop());

  const tables = async (zone: string) => {
    await run.source.query(
      `create table t (id int primary key, at timestamp, day date, n int);
       insert into t select *, at::date, 1 from (values ${ROWS.replaceAll(`, '`, `, timestamp '`)}) as v(id, at)`,
    );
    await run.target.query(`create table t (id int primary key, at timestamptz, day timestamp, n int);
      set timezone = '${zone}';
      insert into t select *, at::date, 1 from (values ${ROWS.replaceAll(`, '`, `, timestamp '`)}) as v(id, at)`);
  };

  it('are compared only where the config names one, and the reader is told', async () => {
    await run.reset(TABLE());
    await tables(NEW_YORK);
    expect(await notesOf(run)).toMatch(/not compared, as the two databases have different time zones.*timeZone:.*at: /);
    await run.target.query('update t set n = 2 where id = 3');
    expect(await found(run)).toEqual(['field_mismatch 3']);
    await run.target.query('update t set n = 1');
  });

  it.each([NEW_YORK, 'Asia/Tokyo', 'UTC'])('by the table: %s', async (zone) => {
    await run.reset(TABLE(`, timeZone: ${zone}`));
    await tables(zone);
    expect(await found(run)).toEqual([]);
    await run.reset(TABLE(', timeZone: Europe/Berlin'));
    await tables(zone);
    // Infinity is the same everywhere.
    expect(await found(run)).toHaveLength(TIMES.length - 1);
  });

  it('by the connection', async () => {
    await run.reset(TABLE());
    await tables('Asia/Tokyo');
    writeFileSync(
      run.configPath,
      `connections: { legacy: { url: "${run.source.url}", timeZone: Asia/Tokyo }, modern: { url: "${run.target.url}" } }
defaults: { source: legacy, target: modern }\ntables: ${TABLE()}\n`,
    );
    expect(await found(run)).toEqual([]);
  });

  it('that no server knows are refused by name', async () => {
    await run.reset(TABLE(', timeZone: Mars/Olympus'));
    await tables('UTC');
    const open = openRun(run.resources, { input: {}, workflowId: 'mars', firstExecutionRunId: 'mars' });
    await expect(open).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(open).rejects.toThrow(/Mars\/Olympus.*pg_timezone_names/);
  });

  it('do not make a key: the config has to name one', async () => {
    await run.reset(TABLE());
    await run.source.query('create table t (at timestamp primary key)');
    await run.target.query('create table t (at timestamptz primary key)');
    const open = openRun(run.resources, { input: {}, workflowId: 'key', firstExecutionRunId: 'key' });
    await expect(open).rejects.toThrow(/key column at: .*timeZone: in the config/);
  });
});

describe('a correction', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await databases(NEW_YORK, NEW_YORK);
    await run.target.query(`alter database "${run.target.name}" set datestyle = 'SQL, DMY'`);
  });
  afterAll(() => run.drop());

  it.each([
    ['timestamp', 'timestamptz'],
    ['timestamptz', 'timestamp'],
    ['date', 'timestamptz'],
  ])('writes a %s to a %s as the database itself would', async (source, target) => {
    await run.reset(TABLE());
    await run.source.query(
      `create table t (id int primary key, at ${source}); insert into t values ${ROWS}; delete from t where id in (3, 4)`,
    );
    await run.target.query(`create table t (id int primary key, at ${target}); insert into t values (2, '2020-01-01')`);
    const { entries } = await run.correct('write');
    expect(entries.map(({ status, error }) => error ?? status)).toEqual(entries.map(() => 'SUCCESS'));
    const seen = await run.source.query(`select id, (at::${target})::text as at from t order by id`);
    expect(await rowsOf(run)).toEqual(seen);
  });

  it('runs triggers and defaults under the settings of the database', async () => {
    await run.reset(TABLE());
    await run.source.query(`create table t (id int primary key, v text); insert into t values (1, 'a'), (2, 'b')`);
    await run.target
      .query(`create table t (id int primary key, v text, made timestamp default now(), day date, style text,
        parsed date default '01/02/2024'::text::date);
      insert into t (id, v) values (2, 'old');
      create function stamp() returns trigger language plpgsql as $$ begin
        new.day := current_timestamp::date; new.style := current_setting('TimeZone') || ' ' || current_setting('DateStyle');
        return new; end $$;
      create trigger stamp before insert or update on t for each row execute function stamp()`);
    const { entries } = await run.correct('trigger');
    expect(entries.map(({ status }) => status)).toEqual(['SUCCESS', 'SUCCESS']);
    const [checked] = await run.target.query(
      `select bool_and(style = '${NEW_YORK} SQL, DMY') as style, bool_and(abs(extract(epoch from made - now()::timestamp)) < 600) as made,
              (select to_char(parsed, 'YYYY-MM-DD') from t where id = 1) as parsed from t`,
    );
    expect(checked).toEqual({ style: 't', made: 't', parsed: '2024-02-01' });
  });

  it.each([
    ['timestamp', 'timestamptz'],
    ['timestamptz', 'timestamp'],
  ])(
    'of the hour that comes twice, from %s to %s, is as the cast of the database or FAILED',
    async (source, target) => {
      await run.reset(TABLE());
      // Both instants of one local time, the ends of the hour, and the hour that is left out.
      const times = [
        '2024-11-03 05:30+00',
        '2024-11-03 06:30+00',
        '2024-11-03 05:00+00',
        '2024-11-03 06:59:59+00',
        '2024-03-10 02:30',
      ];
      await run.source.query(`create table t (id int primary key, at ${source})`);
      const seen = [];
      for (const [i, time] of times.entries()) {
        await run.source.query(`insert into t values ($1, $2::text::timestamptz)`, [i + 1, time]);
      }
      seen.push(...(await run.source.query(`select id, (at::${target})::text as at from t order by id`)));
      await run.target.query(`create table t (id int primary key, at ${target})`);
      const { entries } = await run.correct('twice');
      const made = new Map((await rowsOf(run)).map(({ id, at }) => [id, at]));
      for (const { key, status } of entries) {
        expect({ key, status, at: made.get(key) }).toEqual(
          status === 'SUCCESS'
            ? { key, status, at: seen.find(({ id }) => id === key)?.['at'] }
            : { key, status: 'FAILED', at: undefined },
        );
      }
      const outcome = entries.map(({ key, status }) => `${key} ${status}`);
      // A local time is one instant by the cast; the other of the two is none that a timestamp can hold.
      expect(outcome).toEqual(
        times.map((_, i) => `${i + 1} ${target === 'timestamp' && [0, 2].includes(i) ? 'FAILED' : 'SUCCESS'}`),
      );
    },
  );
});
