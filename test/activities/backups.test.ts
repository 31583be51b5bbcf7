import { Client } from 'pg';
import { CorrectionRun } from '../support/correction-run';

jest.setTimeout(180_000);

describe('backups that cannot be written', () => {
  let run: CorrectionRun;
  beforeAll(async () => {
    run = await CorrectionRun.create('backups');
  });
  afterAll(() => run.drop());

  /** Tables, and rows of the source and of the target; what is corrected goes the way that is named. */
  const WAYS: readonly (readonly [string, string, string, string])[] = [
    ['in batches', 't (id int primary key, v text)', `(1, 'a'), (2, 'b'), (3, 'c')`, `(1, 'x'), (2, 'y'), (3, 'z')`],
    ['in bulk', 't (id int primary key, v text)', `(1, 'a'), (2, 'b'), (3, 'c')`, ''],
    [
      'together',
      't (id int primary key, v text unique)',
      `(1, 'b'), (2, 'c'), (3, 'a')`,
      `(1, 'a'), (2, 'b'), (3, 'c')`,
    ],
    ['with effects', 't (id int primary key)', '', '(1), (2), (3)'],
  ];

  async function prepare(table: string, source: string, target: string) {
    await run.reset('[{ name: t, source: public.t, corrections: { missing: auto, mismatched: auto, extra: auto } }]');
    await run.both(`create table ${table}`);
    if (source !== '') await run.source.query(`insert into t values ${source}`);
    if (target !== '') await run.target.query(`insert into t values ${target}`);
    await run.target.query(`create table c (id int primary key, t int references t on delete cascade);
      insert into c select id, id from t where ${source === '' ? 'true' : 'false'}`);
    const runId = await run.compare('backups');
    const { digest, total } = await run.freeze(runId);
    expect(total).toBe(source === '' ? 6 : 3);
    const before = await run.contents('t', 'c');
    const untouched = async () => {
      expect(await run.entries(runId)).toEqual([]);
      expect(await run.images(runId)).toEqual([]);
      expect(await run.contents('t', 'c')).toBe(before);
    };
    const isDoneOnce = async () => {
      const entries = await run.apply(runId, digest);
      expect(entries.map(({ status, error }) => error ?? status)).toEqual(
        Array.from({ length: total }, () => 'SUCCESS'),
      );
      expect(await run.images(runId)).toHaveLength(total);
      expect(await run.rows('t')).toEqual(await run.source.query('select * from t order by 1'));
    };
    return { apply: () => run.apply(runId, digest), untouched, isDoneOnce };
  }

  describe.each(WAYS)('%s', (_name, table, source, target) => {
    it('are no fault of the rows: nothing is entered, and all is done once they can be', async () => {
      const { apply, untouched, isDoneOnce } = await prepare(table, source, target);
      await run.target.query(`create function missing() returns trigger language plpgsql
        as $$begin perform 1 from no_such_table; return new; end$$;
        create trigger missing before insert on trueup.before_image for each row execute function missing()`);
      try {
        const message = expect.stringMatching(
          /^backups in trueup.before_image: .*no_such_table.* \(SQLSTATE 42P01\)$/,
        ) as string;
        await expect(apply()).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND', message });
        await untouched();
      } finally {
        await run.target.query('drop function missing() cascade');
      }
      await isDoneOnce();
    });

    it('as somebody holds their table: tried again, and nobody’s row is said to be locked', async () => {
      const { apply, untouched, isDoneOnce } = await prepare(table, source, target);
      const other = new Client({ connectionString: run.target.url });
      await other.connect();
      try {
        await other.query('begin; lock table trueup.before_image in share mode');
        await expect(apply()).rejects.toMatchObject({ code: 'DATABASE_BUSY', retryable: true });
        await untouched();
      } finally {
        await other.end();
      }
      await isDoneOnce();
    });
  });
});
