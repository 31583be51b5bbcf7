import type { BeforeImage } from '../../contracts/before-image';
import type { Operation } from '../../contracts/correction';
import type { PlanItem } from '../../contracts/plan-item';
import { quoteIdentifier } from '../../database/identifier';
import { applyBatch, assertCorrectable, type CorrectionOutcome, type MarkerStore } from '../../engine/apply';
import { cascadesOf } from '../../engine/cascade';
import { findUnrestored, undoItem } from '../../engine/undo';
import { insertBeforeImages, listMarkers, previousBeforeImages } from '../../ledger/before-image';
import { migrate } from '../../ledger/migrate';
import { EnginePair, findDifferences, type Inspected, type PairOptions } from '../support/engine';
import { Client } from 'pg';

const RUN = 'run-1';
const ORDER: Readonly<Record<string, Operation>> = {
  missing_in_target: 'insert',
  field_mismatch: 'update',
  extra_in_target: 'delete',
};

/** The plan that answers every difference, as the ledger makes it. */
async function planOf(inspected: Inspected, firstSeq = 1): Promise<readonly PlanItem[]> {
  const { comparison } = inspected;
  const differences = [...(await findDifferences(inspected, 1_000))];
  const writable = new Map(comparison.writable.map((column) => [column.source, column.target]));
  const items = differences.map((difference): Omit<PlanItem, 'seq'> => {
    const operation = ORDER[difference.type] ?? 'update';
    const written =
      operation === 'insert'
        ? [...writable].map(([from, to]) => [to, difference.source?.[from] ?? null])
        : difference.differences.filter(({ name }) => writable.has(name)).map((d) => [d.targetName, d.source]);
    const compared = comparison.columns.map(({ source }) => [source, difference.source?.[source] ?? null]);
    return {
      table: comparison.pair.name,
      operation,
      needsApproval: false,
      key: difference.key,
      before: difference.target,
      after: operation === 'delete' ? null : (Object.fromEntries(written) as PlanItem['after']),
      source: operation === 'update' ? (Object.fromEntries(compared) as PlanItem['source']) : difference.source,
      checkSource: true,
    };
  });
  const byKey = (a: Omit<PlanItem, 'seq'>, b: Omit<PlanItem, 'seq'>) =>
    a.operation === b.operation
      ? JSON.stringify(a.key).localeCompare(JSON.stringify(b.key), 'en', { numeric: true })
      : Object.values(ORDER).indexOf(a.operation) - Object.values(ORDER).indexOf(b.operation);
  return items.sort(byKey).map((item, i) => ({ ...item, seq: String(firstSeq + i) }));
}

function markersOf(inspected: Inspected, runId = RUN): MarkerStore {
  const { comparison, sides } = inspected;
  const run = { runId, table: comparison.pair.name, relation: sides.target.relation };
  return {
    done: (session, seqs) => listMarkers(session, 'trueup', runId, seqs),
    add: (session, rows) => insertBeforeImages(session, 'trueup', run, rows),
  };
}

/** Applies items in batches of one operation each, in order. */
async function apply(
  inspected: Inspected,
  items: readonly PlanItem[],
  options: { readonly runId?: string; readonly markers?: MarkerStore } = {},
): Promise<readonly CorrectionOutcome[]> {
  const { comparison, sides } = inspected;
  const runId = options.runId ?? RUN;
  const markers = options.markers ?? markersOf(inspected, runId);
  const cascades = await cascadesOf(sides.target.database, comparison);
  const outcomes: CorrectionOutcome[] = [];
  for (const operation of ['insert', 'update', 'delete']) {
    const batch = items.filter((item) => item.operation === operation);
    if (batch.length === 0) continue;
    outcomes.push(...(await applyBatch({ runId, comparison, sides, markers, cascades, keyChanges: [] }, batch)));
  }
  return outcomes.sort((a, b) => Number(a.seq) - Number(b.seq));
}

const statuses = (outcomes: readonly CorrectionOutcome[]) => outcomes.map(({ status }) => status);

describe('corrections', () => {
  let pair: EnginePair;
  beforeAll(async () => {
    pair = await EnginePair.create('apply');
  });
  beforeEach(() => migrate(pair.targetDatabase, 'trueup', 'target'));
  afterEach(() => pair.both('drop schema public cascade; create schema public; drop schema if exists trueup cascade'));
  afterAll(() => pair.drop());

  const images = async () =>
    pair.target.query('select seq, operation, record_key, before_row, after_row from trueup.before_image order by seq');
  const rows = (table = 't') => pair.target.query(`select * from ${table} order by 1`);

  async function three() {
    await pair.both(`create table t (id int primary key, a text, n numeric(10,2));
      insert into t select i, 'a' || i, i from generate_series(1, 9) as i`);
    await pair.target.query(`delete from t where id in (1, 2); update t set a = 'x' where id = 4;
      update t set n = -n, a = null where id = 5; insert into t values (20, 'extra', null), (21, 'extra', 1)`);
    const inspected = await pair.inspect('t');
    return { inspected, items: await planOf(inspected) };
  }

  it('insert, update and delete, each with its backup, until nothing differs', async () => {
    const { inspected, items } = await three();
    expect(items.map(({ operation }) => operation)).toEqual([
      'insert',
      'insert',
      'update',
      'update',
      'delete',
      'delete',
    ]);
    expect(statuses(await apply(inspected, items))).toEqual(Array.from({ length: 6 }, () => 'SUCCESS'));
    expect(await findDifferences(inspected, 1_000)).toEqual([]);
    expect(await rows()).toEqual(await pair.source.query('select * from t order by 1'));
    const backups = (await images()).map((row) => [row['operation'], row['before_row'], row['after_row']]);
    expect(
      backups.map((row) => row.map((json, i) => (i === 0 || json == null ? json : (JSON.parse(json) as unknown)))),
    ).toEqual([
      ['insert', null, { id: '1', a: 'a1', n: '1.00' }],
      ['insert', null, { id: '2', a: 'a2', n: '2.00' }],
      ['update', { id: '4', a: 'x', n: '4.00' }, { id: '4', a: 'a4', n: '4.00' }],
      ['update', { id: '5', a: null, n: '-5.00' }, { id: '5', a: 'a5', n: '5.00' }],
      ['delete', { id: '20', a: 'extra', n: null }, null],
      ['delete', { id: '21', a: 'extra', n: '1.00' }, null],
    ]);
  });

  it('applied again after a commit that nobody heard of, change nothing and back up nothing', async () => {
    const { inspected, items } = await three();
    await apply(inspected, items);
    const [after, backups] = [await rows(), await images()];
    // What the application did since stays as well.
    await pair.target.query(`update t set a = 'later' where id = 4`);
    expect(statuses(await apply(inspected, items))).toEqual(Array.from({ length: 6 }, () => 'SUCCESS'));
    expect(await images()).toEqual(backups);
    expect((await rows()).filter((row) => row['id'] !== '4')).toEqual(after.filter((row) => row['id'] !== '4'));
    expect(await pair.target.query('select a from t where id = 4')).toEqual([{ a: 'later' }]);
  });

  describe('skip what is stale and leave it as it is', () => {
    it.each([
      ['the target row of an update was changed', `update t set n = 77 where id = 4`, 'target', 4],
      [
        'the target row of an update was changed in its scale only',
        `alter table t alter n type numeric(10,3)`,
        'target',
        5,
      ],
      ['the target row of an update is gone', `delete from t where id = 4`, 'target', 4],
      ['the target row of an insert appeared', `insert into t values (1, 'mine', 5)`, 'target', 1],
      ['the target row of a delete was changed', `update t set a = 'kept' where id = 20`, 'target', 20],
      ['the target row of a delete is gone', `delete from t where id = 20`, 'target', 20],
      ['the source row of an update was changed', `update t set a = 'newer' where id = 4`, 'source', 4],
      ['the source row of an update is gone', `delete from t where id = 4`, 'source', 4],
      ['the source row of an insert was changed', `update t set n = 9 where id = 1`, 'source', 1],
      ['the source row of an insert is gone', `delete from t where id = 1`, 'source', 1],
      ['the source row of a delete appeared', `insert into t values (20, 'extra', null)`, 'source', 20],
    ] as const)('%s', async (_name, sql, side, id) => {
      const { inspected, items } = await three();
      await pair[side].query(sql);
      const before = await pair.target.query(`select * from t where id = ${id}`);
      const outcomes = await apply(inspected, items);
      const seq = items.find(({ key }) => key['id'] === String(id))?.seq;
      const stale = outcomes.filter(({ status }) => status === 'SKIPPED_STALE').map((outcome) => outcome.seq);
      expect(stale).toContain(seq);
      if (!sql.startsWith('alter')) expect(stale).toEqual([seq]);
      expect(statuses(outcomes).filter((status) => status === 'FAILED')).toEqual([]);
      expect(await pair.target.query(`select * from t where id = ${id}`)).toEqual(before);
      expect((await images()).map((row) => row['seq'])).not.toContain(seq);
    });

    it('says why, without a value', async () => {
      const { inspected, items } = await three();
      await pair.target.query(`update t set a = 'secret' where id = 4`);
      const stale = (await apply(inspected, items)).find(({ status }) => status === 'SKIPPED_STALE');
      expect(stale?.error).toBe('the target row was changed since the plan was made');
    });
  });

  describe('that the database refuses fail alone', () => {
    async function refused(schema: string, damage: string, change: string, table = 't') {
      await pair.source.query(`create table ${table} (id int primary key, a text, b text)`);
      await pair.source.query(`insert into ${table} select i, 'a' || i, 'b' from generate_series(1, 20) as i`);
      await pair.target.query(schema);
      await pair.target.query(
        `insert into ${table} (id, a, b) select i, 'a' || i, 'b' from generate_series(1, 20) as i`,
      );
      await pair.target.query(damage);
      await pair.source.query(change);
      const inspected = await pair.inspect(table);
      const items = await planOf(inspected);
      const outcomes = await apply(inspected, items);
      const failed = outcomes.filter(({ status }) => status === 'FAILED');
      expect(statuses(outcomes).filter((status) => status !== 'FAILED')).toEqual(
        Array.from({ length: items.length - failed.length }, () => 'SUCCESS'),
      );
      expect(await images()).toHaveLength(items.length - failed.length);
      const keys = failed.map(({ seq }) => items.find((item) => item.seq === seq)?.key['id']);
      expect((await findDifferences(inspected, 1_000)).map(({ key }) => key['id']).sort()).toEqual([...keys].sort());
      return { failed, keys };
    }
    const PLAIN = 'create table t (id int primary key, a text, b text)';

    it('a check constraint', async () => {
      const { failed, keys } = await refused(
        `create table t (id int primary key, a text, b text, constraint short check (a <> 'bad'))`,
        'delete from t where id > 3',
        `update t set a = 'bad' where id in (2, 7)`,
      );
      expect(keys.sort()).toEqual(['2', '7']);
      expect(failed[0]?.error).toMatch(/violates check constraint "short" \(SQLSTATE 23514\)/);
      expect(failed[0]?.mayPass).toBe(false);
    });

    it.each(['varchar(5)', 'char(5)', 'varchar(5)[]', 'word'])('a value too long for %s: never cut', async (type) => {
      const isArray = type.endsWith('[]');
      const schema = `create domain word as varchar(5); create table t (id int primary key, a ${type}, b text)`;
      await pair.source.query(`create table t (id int primary key, a text${isArray ? '[]' : ''}, b text)`);
      const value = (text: string) => (isArray ? `array['${text}']` : `'${text}'`);
      await pair.source.query(
        `insert into t values (1, ${value('short')}, 'b'), (2, ${value('too long')}, 'b'), (3, ${value('s')}, 'b')`,
      );
      await pair.target.query(schema);
      await pair.target.query(`insert into t values (3, ${value('x')}, 'b')`);
      const inspected = await pair.inspect('t');
      expect(statuses(await apply(inspected, await planOf(inspected)))).toEqual(['SUCCESS', 'FAILED', 'SUCCESS']);
      expect((await rows()).map(({ id }) => id)).toEqual(['1', '3']);
    });

    it('a unique value that another row has', async () => {
      const { failed, keys } = await refused(
        'create table t (id int primary key, a text unique, b text)',
        'delete from t where id > 5',
        `update t set a = 'a1' where id = 9`,
      );
      expect(keys).toEqual(['9']);
      expect(failed[0]).toMatchObject({ mayPass: true, error: expect.stringContaining('SQLSTATE 23505') as unknown });
    });

    it('a parent that is missing, also when the constraint waits for the commit', async () => {
      await pair.target.query(
        'create table p (a text primary key); insert into p select $$a$$ || i from generate_series(1, 19) as i',
      );
      const { failed, keys } = await refused(
        'create table t (id int primary key, a text, b text)',
        'delete from t where id > 5; alter table t add foreign key (a) references p deferrable initially deferred',
        `select 1`,
      );
      expect(keys).toEqual(['20']);
      expect(failed[0]).toMatchObject({ mayPass: true, error: expect.stringContaining('SQLSTATE 23503') as unknown });
    });

    it('a row that a trigger keeps as it is', async () => {
      const { failed, keys } = await refused(
        `${PLAIN}; create function keep() returns trigger language plpgsql as 'begin if old.id = 7 then return null; end if; return new; end'`,
        `update t set b = 'x' where id in (6, 7, 8); create trigger keep before update on t for each row execute function keep()`,
        'select 1',
      );
      expect(keys).toEqual(['7']);
      expect(failed[0]?.error).toContain('a trigger, a rule or row security stands in the way');
    });

    it('a trigger that raises', async () => {
      const { keys } = await refused(
        `${PLAIN}; create function no() returns trigger language plpgsql as $$begin if new.id = 12 then raise 'no: %', new.a; end if; return new; end$$`,
        `delete from t where id > 10; create trigger no before insert on t for each row execute function no()`,
        'select 1',
      );
      expect(keys).toEqual(['12']);
    });

    it('a row that somebody else has locked, after a short wait', async () => {
      await pair.both(`${PLAIN}; insert into t select i, 'a', 'b' from generate_series(1, 2) as i`);
      await pair.target.query(`update t set a = 'x'`);
      const inspected = await pair.inspect('t');
      const items = await planOf(inspected);
      const other = new Client({ connectionString: pair.target.url });
      await other.connect();
      try {
        await other.query('begin; select * from t where id = 2 for update');
        const outcomes = await apply(inspected, items);
        expect(statuses(outcomes)).toEqual(['SUCCESS', 'FAILED']);
        expect(outcomes[1]?.error).toContain('SQLSTATE 55P03');
      } finally {
        await other.end();
      }
      expect((await rows()).map(({ a }) => a)).toEqual(['a', 'x']);
    }, 40_000);
  });

  it('wait for an earlier attempt that still runs, instead of failing its rows', async () => {
    const { inspected, items } = await three();
    const other = new Client({ connectionString: pair.target.url });
    await other.connect();
    await other.query('begin');
    await other.query('select pg_advisory_xact_lock(hashtextextended($1, 1))', [RUN]);
    setTimeout(() => void other.end(), 6_000);
    expect(statuses(await apply(inspected, items.slice(0, 1)))).toEqual(['SUCCESS']);
  }, 40_000);

  describe('and their backups are of one transaction', () => {
    it.each(['before the backup is written', 'after the backup is written'])(
      'the session dies %s: neither is there',
      async (moment) => {
        const { inspected, items } = await three();
        const before = await rows();
        const real = markersOf(inspected);
        let killed = 0;
        const kill = async (session: Parameters<MarkerStore['add']>[0]) => {
          killed += 1;
          const { rows: own } = await session.query<{ pid: string }>('select pg_backend_pid() as pid');
          await pair.target.query('select pg_terminate_backend($1)', [own[0]?.pid]);
        };
        const dying: MarkerStore = {
          done: real.done,
          add: async (session, added) => {
            if (moment.startsWith('before')) await kill(session);
            await real.add(session, added);
            if (moment.startsWith('after')) await kill(session);
          },
        };
        await expect(apply(inspected, items, { markers: dying })).rejects.toMatchObject({
          code: 'DATABASE_UNREACHABLE',
          retryable: true,
        });
        expect(killed).toBe(1);
        expect(await rows()).toEqual(before);
        expect(await images()).toEqual([]);
        // The retry does all of it.
        expect(statuses(await apply(inspected, items))).toEqual(Array.from({ length: 6 }, () => 'SUCCESS'));
        expect(await findDifferences(inspected, 1_000)).toEqual([]);
        expect(await images()).toHaveLength(6);
      },
    );
  });

  describe('that delete', () => {
    async function family(action: string) {
      await pair.both(`create table t (id int primary key, up int references t on delete ${action});
        create table c (id int primary key, t_id int default 1 references t on delete ${action}); insert into t values (1), (2), (3)`);
      await pair.target.query('insert into t values (10, null), (11, null), (12, 11); insert into c values (100, 10)');
      const inspected = await pair.inspect('t');
      const items = await planOf(inspected);
      expect(items.map(({ key }) => key['id'])).toEqual(['10', '11', '12']);
      return { inspected, items };
    }

    it.each(['cascade', 'set null', 'set default'])(
      'refuse to change children by %s that nobody approved',
      async (action) => {
        const { inspected, items } = await family(action);
        const outcomes = await apply(inspected, items);
        expect(outcomes[0]).toMatchObject({ status: 'FAILED', mayPass: true });
        expect(outcomes[0]?.error).toContain('1 row(s) of public.c that are not in the plan');
        expect(await rows('c')).toEqual([{ id: '100', t_id: '10' }]);
        // A child of the same batch goes with its parent.
        expect(statuses(outcomes)).toEqual(['FAILED', 'SUCCESS', 'SUCCESS']);
        const open = items.filter((_, i) => outcomes[i]?.status === 'FAILED');
        expect(statuses(await apply(inspected, open))).toEqual(['FAILED']);
        await pair.target.query('delete from c');
        expect(statuses(await apply(inspected, open))).toEqual(['SUCCESS']);
        expect((await rows()).map(({ id }) => id)).toEqual(['1', '2', '3']);
      },
    );
  });

  it('insert into identity columns and leave generated columns to the database', async () => {
    await pair.both(`create table t (id int generated always as identity primary key, a int, b int generated always as (a * 2) stored);
      insert into t (a) values (1), (2), (3)`);
    await pair.target.query('delete from t where id = 2; update t set a = 9 where id = 3');
    const inspected = await pair.inspect('t');
    expect(statuses(await apply(inspected, await planOf(inspected)))).toEqual(['SUCCESS', 'SUCCESS']);
    expect(await rows()).toEqual(await pair.source.query('select * from t order by 1'));
  });

  it.each(['r', 'key', 'after', 'i', 'wanted', 'trueup:item', 'Mixed "q" \\ é', `it's`])(
    'write to columns called %s',
    async (name) => {
      const column = quoteIdentifier(name);
      await pair.both(
        `create table t (id int primary key, ${column} text); create table u (${column} int primary key, a text)`,
      );
      await pair.both(
        `insert into t values (1, 'a'), (2, 'b'), (3, 'c'); insert into u values (1, 'a'), (2, 'b'), (3, 'c')`,
      );
      await pair.target
        .query(`delete from t where id = 1; update t set ${column} = 'x' where id = 2; insert into t values (9, 'y');
      delete from u where ${column} = 1; update u set a = 'x' where ${column} = 2; insert into u values (9, 'y')`);
      for (const [n, table] of ['t', 'u'].entries()) {
        const inspected = await pair.inspect(table);
        const items = await planOf(inspected, 10 * n + 1);
        expect(statuses(await apply(inspected, items))).toEqual(['SUCCESS', 'SUCCESS', 'SUCCESS']);
        expect(await findDifferences(inspected, 1_000)).toEqual([]);
      }
    },
  );

  it("write to the target's own names and types", async () => {
    await pair.source.query(
      `create table t (id int2 primary key, cust int, at timestamp, s text, old int); insert into t values (1, 5, '2024-01-01 10:00', 'sad', 1), (2, 6, null, null, 1)`,
    );
    await pair.target
      .query(`create type mood as enum ('ok', 'sad'); create table "T 2" ("No" int8 primary key, customer int8, at timestamptz, s mood, new text default 'd');
      insert into "T 2" values (2, 7, null, 'ok')`);
    const options: PairOptions = { target: 'T 2', columns: { id: 'No', cust: 'customer' } };
    const inspected = await pair.inspect('t', options);
    expect(statuses(await apply(inspected, await planOf(inspected)))).toEqual(['SUCCESS', 'SUCCESS']);
    expect(await rows('"T 2"')).toEqual([
      { No: '1', customer: '5', at: '2024-01-01 10:00:00+00', s: 'sad', new: 'd' },
      { No: '2', customer: '6', at: null, s: null, new: 'd' },
    ]);
  });

  it("are refused where no constraint tells the target's rows apart", async () => {
    await pair.source.query('create table t (id int primary key)');
    await pair.target.query('create table t (id int)');
    const { comparison } = await pair.inspect('t');
    expect(() => assertCorrectable(comparison)).toThrow(expect.objectContaining({ code: 'KEY_UNUSABLE' }) as Error);
  });

  describe('taken back', () => {
    const TYPES = `id int generated always as identity primary key, n numeric, n2 numeric(12,4), f float8, f4 real, t text, v varchar(9),
      c char(6), b bytea, j json, jb jsonb, ts timestamp, tz timestamptz, d date, ti time, tt timetz, iv interval, bo bool, u uuid,
      ia int[], ta text[][], e mood, m money, p point, bt bit(5), vb varbit, ip inet, ci cidr, mac macaddr, nr numrange, x xml, tv tsvector,
      am amount, co duo, g int generated always as (i8 % 7) stored, i8 int8, upd timestamptz default now()`;
    const VALUES = `1.50, 1.5, 'NaN', 'Infinity', E'a\\n"\\\\é😀', 'v', 'c', '\\x00ff', '{"b":1,  "a":1.0}', '{"b":1,"a":1.0}', '0044-03-15 BC', 'infinity',
      '-infinity', '24:00:00', '10:00+02', '1 year -2 days 03:04:05.000006', true, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '[0:1]={1,NULL}', '{{a,"NULL"},{"",NULL}}',
      'sad', '-$1.50', '(1.5,-2)', '00101', '1', '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', '[1.0,2)', '<a> b </a>', 'a:1 b:2', 1.50, '(1,"x y")', default, 9223372036854775807, default`;
    const HASH = `select md5(string_agg(md5(t::text), '' order by id)) as hash, count(*) as n from t`;

    async function undo(inspected: Inspected, runId: string) {
      const { comparison } = inspected;
      const stored = await previousBeforeImages(pair.targetDatabase, 'trueup', RUN, '9223372036854775807', 1_000);
      const items = stored.flatMap((image: BeforeImage, i) => {
        const item = undoItem(comparison, image);
        return item
          ? [{ ...item, seq: String(i + 1), table: 't', needsApproval: false, source: null, checkSource: false }]
          : [];
      });
      return { items, outcomes: await apply(inspected, items, { runId }) };
    }

    async function everyType() {
      await pair.both(
        `create type mood as enum ('sad', 'ok'); create type duo as (a int, b text); create domain amount as numeric(8,2)`,
      );
      await pair.both(`create table t (${TYPES})`);
      for (let i = 0; i < 6; i += 1) await pair.both(`insert into t values (default, ${VALUES})`);
      await pair.both(`insert into t (f) values (-0.0::float8), (null)`);
      await pair.target
        .query(`delete from t where id in (1, 7); update t set n = 1, f = 5e-324, j = '[ 1]', c = 'x', e = null, p = null where id = 2;
        update t set n2 = -n2, b = '\\x', tz = '2024-05-05 10:00:00.000001+02', ia = '{}', ta = null, x = null, i8 = -1 where id = 3;
        update t set am = null, co = '(,)', m = 0, vb = '', upd = 'infinity' where id = 4; insert into t (id, n, t) overriding system value values (50, 1.500, '')`);
      const inspected = await pair.inspect('t', { exclude: ['upd'] });
      return { inspected, items: await planOf(inspected) };
    }

    it('give the table back byte for byte, with every type', async () => {
      const { inspected, items } = await everyType();
      expect(items.length).toBeGreaterThanOrEqual(6);
      const before = await pair.target.query(HASH);
      const outcomes = await apply(inspected, items);
      expect(outcomes.filter(({ status }) => status !== 'SUCCESS')).toEqual([]);
      expect(await findDifferences(inspected, 1_000)).toEqual([]);
      expect(await pair.target.query(HASH)).not.toEqual(before);
      const undone = await undo(inspected, 'undo-1');
      expect(undone.outcomes.filter(({ status }) => status !== 'SUCCESS')).toEqual([]);
      expect(await pair.target.query(HASH)).toEqual(before);
      const { target } = inspected.sides;
      const unrestored = await target.database.withSession((s) =>
        findUnrestored(s, inspected.comparison, target, undone.items),
      );
      expect(unrestored.filter((detail) => detail !== null)).toEqual([]);
    });

    it('leave rows alone that were changed since', async () => {
      const { inspected, items } = await three();
      await apply(inspected, items);
      await pair.target.query(
        `update t set a = 'mine' where id in (1, 4); insert into t values (20, 'mine', 1); delete from t where id = 5`,
      );
      const before = await rows();
      const { outcomes, items: undoing } = await undo(inspected, 'undo-1');
      const skipped = outcomes
        .filter(({ status }) => status === 'SKIPPED_STALE')
        .map(({ seq }) => undoing.find((item) => item.seq === seq)?.key['id']);
      expect(skipped.sort()).toEqual(['1', '20', '4', '5']);
      const after = await rows();
      expect(after.filter(({ id }) => ['1', '4', '5', '20'].includes(id ?? ''))).toEqual(
        before.filter(({ id }) => ['1', '4', '5', '20'].includes(id ?? '')),
      );
      expect(after.map(({ id }) => id)).toEqual(['1', '3', '4', '6', '7', '8', '9', '20', '21']);
    });

    it('include what a trigger wrote beside the correction', async () => {
      const { inspected, items } = await three();
      await pair.target
        .query(`create function stamp() returns trigger language plpgsql as $$begin new.a := new.a || '!'; return new; end$$;
        create trigger stamp before insert or update on t for each row execute function stamp()`);
      const before = await pair.target.query(HASH);
      await apply(inspected, items);
      await pair.target.query('drop trigger stamp on t');
      await undo(inspected, 'undo-1');
      expect(await pair.target.query(HASH)).toEqual(before);
    });
  });

  it('leave the source untouched: its sessions cannot write', async () => {
    await pair.both('create table t (id int primary key)');
    await expect(pair.sourceDatabase.query('insert into public.t values (1)')).rejects.toMatchObject({
      sqlState: '25006',
    });
  });
});
