import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { Client } from 'pg';
import { startPostgres, type PostgresServer } from '../../client/embedded/postgres-server';
import type { Reading } from '../../contracts/difference';
import { Database } from '../../database/connection';
import {
  CLOCK_MARGIN_MS,
  horizonOf,
  isBelow,
  provableTypes,
  provenSettled,
  readHorizon,
  readHorizons,
} from '../../engine/cold';
import { settle } from '../../engine/settle';
import { EnginePair, findDifferences, type Inspected } from '../support/engine';

const HALF = 2n ** 31n;
const low = (xid: bigint) => String(xid & (2n ** 32n - 1n));

describe('the number of a transaction', () => {
  const horizons = fc.bigInt({ min: 3n, max: 2n ** 40n });

  it('is below the horizon exactly where it was given before it, over every turn of the 32 bits', () => {
    fc.assert(
      fc.property(horizons, fc.bigInt({ min: 0n, max: HALF - 1n }), (horizon, ahead) => {
        const xid = horizon + ahead;
        // The numbers 0 to 2 of a turn are given to no transaction.
        fc.pre((xid & (2n ** 32n - 1n)) > 2n);
        expect(isBelow(low(xid), horizon)).toBe(false);
      }),
      {
        numRuns: 2_000,
        examples: [
          [2n ** 32n + 3n, 0n],
          [2n ** 33n - 1n, 4n],
        ],
      },
    );
    fc.assert(
      fc.property(horizons, fc.bigInt({ min: 1n, max: HALF - 1n }), (horizon, behind) => {
        const xid = horizon - behind;
        fc.pre(xid > 2n && (xid & (2n ** 32n - 1n)) > 2n);
        expect(isBelow(low(xid), horizon)).toBe(true);
      }),
      { numRuns: 2_000, examples: [[2n ** 32n + 3n, 4n]] },
    );
  });

  it('proves nothing where it is none, and is that of a frozen row else', () => {
    expect(isBelow('0', 1_000n)).toBe(false);
    expect(isBelow('2', 1_000n)).toBe(true);
  });

  it('of a horizon is completed from the next one; a checkpoint without one gives none', () => {
    expect(horizonOf('900', '0:1000', true)).toBe(900n);
    expect(horizonOf('4294967290', '3:5', false)).toBe(3n * 2n ** 32n - 6n);
    expect(horizonOf('1000', '2:1000', true)).toBe(2n * 2n ** 32n + 1_000n);
    expect(horizonOf('0', '2:1000', false)).toBeNull();
    // Of a shutdown: nothing runs any more.
    expect(horizonOf('0', '2:1000', true)).toBe(2n * 2n ** 32n + 1_000n);
  });
});

describe('on two servers', () => {
  const WINDOW_MS = 500;
  let legacy: PostgresServer;
  let modern: PostgresServer;
  let pair: EnginePair;
  let inspected: Inspected;

  beforeAll(async () => {
    const settings = { max_prepared_transactions: '5' };
    [legacy, modern] = await Promise.all([startPostgres({ version: 'pg14', settings }), startPostgres({ settings })]);
    const [sourceServer, targetServer] = [legacy.url(), modern.url()];
    pair = await EnginePair.create('cold', { sourceServer, targetServer });
  });
  afterAll(async () => {
    await pair.drop();
    await Promise.all([legacy.remove(), modern.remove()]);
  });

  /** Twenty rows on both sides, of which each is different in the target that `damage` names. */
  async function fill(damage: string): Promise<void> {
    await pair.both(`drop table if exists t; create table t (id int primary key, a text);
      insert into t select g, 'a' || g from generate_series(1, 20) g`);
    await pair.target.query(damage);
    inspected = await pair.inspect('t');
  }

  const checkpoint = () => pair.both('checkpoint');
  const untilOld = () => sleep(WINDOW_MS + CLOCK_MARGIN_MS + 1_500);

  /** What is proven of what differs now, as `type id`; each difference is found first and then read again. */
  async function proven(readTwice = false, windowMs = WINDOW_MS) {
    const { comparison, sides } = inspected;
    const found = await findDifferences(inspected, 100);
    const horizons = await readHorizons(sides, windowMs);
    const readings = await settle(comparison, sides, found);
    const digests = await provenSettled(comparison, sides, horizons, readings, readTwice);
    const typeOf = (reading: Reading) =>
      reading.state === 'still' ? reading.type : reading.state === 'moving' ? reading.difference.type : '';
    const name = (reading: Reading) => `${typeOf(reading)} ${reading.key['id'] ?? ''}`;
    return {
      proven: readings
        .filter(({ keyDigest }) => digests.has(keyDigest))
        .map(name)
        .sort(),
      left: readings
        .filter(({ keyDigest }) => !digests.has(keyDigest))
        .map(name)
        .sort(),
    };
  }

  async function session(url: string): Promise<Client> {
    const client = new Client({ connectionString: url });
    await client.connect();
    return client;
  }

  it('rows that no one wrote within the window are proven, and rows that are on their way never', async () => {
    await fill(
      `update t set a = 'other' where id <= 12; delete from t where id in (13, 14); insert into t values (50), (51)`,
    );
    // Begun before the checkpoint, ended after it: in the open, in savepoints, prepared, and only as a lock.
    const open = await session(pair.source.url);
    await open.query(`begin; update t set a = 'open' where id = 1`);
    const nested = await session(pair.source.url);
    await nested.query(`begin; savepoint a; update t set a = 'nested' where id = 2; release a; savepoint b;
      savepoint c; update t set a = 'nested' where id = 3`);
    await pair.source.query(`begin; savepoint a; update t set a = 'prepared' where id = 4; prepare transaction 'p'`);
    const onTarget = await session(pair.target.url);
    await onTarget.query(`begin; update t set a = 'on its way' where id = 5`);
    await checkpoint();
    expect(await readHorizon(pair.sourceDatabase, WINDOW_MS)).toBeNull();
    for (const each of [open, nested, onTarget]) await each.query('commit').then(() => each.end());
    await pair.source.query(`commit prepared 'p'`);
    await pair.source.query(
      `update t set a = 'after' where id = 6; delete from t where id = 20; insert into t values (60)`,
    );
    await pair.target.query(
      `update t set a = 'after' where id = 7; delete from t where id = 15; insert into t values (52)`,
    );
    const locked = await session(pair.target.url);
    await locked.query('begin; select * from t where id = 8 for update');

    const early = await proven();
    expect(early.proven).toEqual([]);
    await untilOld();
    const late = await proven();
    await locked.query('commit').then(() => locked.end());
    expect(late.proven).toEqual(['field_mismatch 10', 'field_mismatch 11', 'field_mismatch 12', 'field_mismatch 9']);
    expect(late.left).toEqual([
      'extra_in_target 20',
      'extra_in_target 50',
      'extra_in_target 51',
      'extra_in_target 52',
      ...[1, 2, 3, 4, 5, 6, 7, 8].map((id) => `field_mismatch ${id}`),
      'missing_in_target 13',
      'missing_in_target 14',
      'missing_in_target 15',
      'missing_in_target 60',
    ]);
    // A window that reaches back further than the checkpoint proves nothing.
    expect((await proven(false, 60_000)).proven).toEqual([]);
  });

  it('rows that one side lacks are proven where nothing was written on the servers since the checkpoint', async () => {
    await fill(`update t set a = 'other' where id = 1; delete from t where id = 2; insert into t values (50)`);
    await checkpoint();
    await untilOld();
    const { comparison, sides } = inspected;
    const all = ['extra_in_target 50', 'field_mismatch 1', 'missing_in_target 2'];
    expect(await proven()).toEqual({ proven: all, left: [] });
    // Reading gives no transaction a number, so it disturbs nothing.
    expect(await proven()).toEqual({ proven: all, left: [] });
    const types = async () => provableTypes(comparison, sides, await readHorizons(sides, WINDOW_MS), false);
    expect(await types()).toEqual(['field_mismatch', 'extra_in_target', 'missing_in_target']);

    // A filter may depend on anything, and lets rows in and out.
    const filtered = await pair.inspect('t', { where: 'id > 0' });
    const whole = inspected;
    inspected = filtered;
    expect((await proven()).proven).toEqual(['field_mismatch 1']);
    inspected = whole;

    await pair.target.query('create table elsewhere ()');
    expect(await types()).toEqual(['field_mismatch', 'extra_in_target']);
    expect((await proven()).proven).toEqual(['extra_in_target 50', 'field_mismatch 1']);
    expect((await proven(true)).proven).toEqual(all);
    await pair.source.query('create table elsewhere ()');
    expect(await types()).toEqual(['field_mismatch']);
    expect((await proven(true)).proven).toEqual(['field_mismatch 1']);

    // A new definition may show other values of rows that nobody wrote.
    await pair.target.query('alter table t add column b int default 7');
    expect(await types()).toEqual([]);
    expect((await proven()).proven).toEqual([]);
  });

  it('nothing is proven of a table that changes without a row being written, nor of what is no table', async () => {
    await pair.both(`drop table if exists p, v_base cascade;
      create table v_base (id int primary key, a text); create view v as select * from v_base;
      create table p (id int primary key, a text) partition by range (id); create table p1 (id int primary key, a text);
      insert into v_base values (1, 'a'); insert into p1 values (1, 'a')`);
    await pair.target.query(`update v_base set a = 'b'; update p1 set a = 'b'`);
    await checkpoint();
    await untilOld();
    await pair.both('alter table p attach partition p1 for values from (0) to (100)');
    for (const [table, key] of [
      ['p', undefined],
      ['v', ['id']],
    ] as const) {
      inspected = await pair.inspect(table, key ? { key } : {});
      const { comparison, sides } = inspected;
      expect(await provableTypes(comparison, sides, await readHorizons(sides, WINDOW_MS), false)).toEqual([]);
      expect((await proven(true)).proven).toEqual([]);
    }
  });

  it('while a writer goes on and the target follows with a delay, only what differs for good is proven', async () => {
    await pair.both(`drop table if exists t; create table t (id int primary key, a text);
      insert into t select g, 'a' || g from generate_series(1, 60) g`);
    await pair.target.query(`update t set a = 'for good' where id > 50`);
    inspected = await pair.inspect('t');
    // Both servers have this machine's clock: only the whole second that a checkpoint's time may be early by is left.
    const [LAG_MS, windowMs] = [150, 600 + 1_000 - CLOCK_MARGIN_MS];
    const sessions = await Promise.all(
      [pair.source, pair.target, pair.source, pair.target].map(({ url }) => session(url)),
    );
    const [writer, follower, ...checkpointers] = sessions;
    const started = Date.now();
    const goesOn = () => Date.now() - started < 10_000;
    const log: { readonly at: number; readonly values: readonly unknown[] }[] = [];
    const writing = async () => {
      for (let n = 0; goesOn(); n += 1) {
        const values = [1 + ((n * 7) % 50), `b${n}`];
        await writer?.query('update t set a = $2 where id = $1', values);
        log.push({ at: Date.now() + LAG_MS, values });
        await sleep(4);
      }
    };
    const following = async () => {
      for (let next = log.shift(); goesOn() || next; next = log.shift()) {
        await sleep(next ? Math.max(0, next.at - Date.now()) : 1);
        if (next) await follower?.query('update t set a = $2 where id = $1', [...next.values]);
      }
    };
    const checkpoints = async () => {
      for (; goesOn(); await sleep(2_500)) await Promise.all(checkpointers.map((each) => each.query('checkpoint')));
    };
    const seen = { wrong: new Set<string>(), proven: 0, inFlight: 0 };
    const isMoving = (name: string) => Number(name.split(' ')[1]) <= 50;
    const looking = async () => {
      while (goesOn()) {
        const found = await proven(true, windowMs);
        found.proven.filter(isMoving).forEach((name) => seen.wrong.add(name));
        seen.inFlight += found.left.filter(isMoving).length;
        if (found.proven.length === 10) seen.proven += 1;
      }
    };
    await Promise.all([writing(), following(), checkpoints(), looking()]);
    await Promise.all(sessions.map((each) => each.end()));
    expect([...seen.wrong]).toEqual([]);
    expect(seen.proven).toBeGreaterThan(10);
    expect(seen.inFlight).toBeGreaterThan(50);
  });

  it('a user who may not look at checkpoints waits, as before', async () => {
    await pair.source.query(
      'create role curious login password $$x$$; revoke execute on function pg_control_checkpoint() from public',
    );
    const url = Object.assign(new URL(pair.source.url), { username: 'curious', password: 'x' }).href;
    const database = new Database({ name: 'curious', url, readOnly: true });
    try {
      expect(await readHorizon(database, -CLOCK_MARGIN_MS)).toBeNull();
      expect(await readHorizon(pair.sourceDatabase, -CLOCK_MARGIN_MS)).not.toBeNull();
    } finally {
      await database.close();
      await pair.source.query('grant execute on function pg_control_checkpoint() to public; drop role curious');
    }
  });

  it('a server that writes the least WAL names no horizon, though transactions run, and so proves nothing', async () => {
    const server = await startPostgres({ settings: { wal_level: 'minimal', max_wal_senders: '0' } });
    const database = new Database({ name: 'minimal', url: server.url(), readOnly: true });
    const open = await session(server.url());
    const other = await session(server.url());
    try {
      await open.query('create table t (id int); begin; insert into t values (1)');
      await other.query('checkpoint');
      await open.query('commit');
      expect(await readHorizon(database, -CLOCK_MARGIN_MS)).toBeNull();
    } finally {
      await Promise.all([open.end(), other.end(), database.close()]);
      await server.remove();
    }
  });

  it('after a shutdown nothing is proven until the next checkpoint', async () => {
    await fill(`update t set a = 'other' where id = 1`);
    await pair.target.query('checkpoint');
    expect(await readHorizon(pair.targetDatabase, -CLOCK_MARGIN_MS)).not.toBeNull();
    await modern.restart();
    const horizon = await readHorizon(pair.targetDatabase, -CLOCK_MARGIN_MS).catch(() =>
      readHorizon(pair.targetDatabase, -CLOCK_MARGIN_MS),
    );
    expect(horizon).toBeNull();
  });
});

describe('on a server that was started again', () => {
  async function horizonAfterRestart(settings: Readonly<Record<string, string>>) {
    const server = await startPostgres({ settings });
    try {
      await server.restart();
      const database = new Database({ name: 'restarted', url: server.url() });
      await sleep(CLOCK_MARGIN_MS + 2_500);
      const horizon = await readHorizon(database, 500);
      const { rows } = await database.query<{ next: string }>('select pg_snapshot_xmax(pg_current_snapshot()) as next');
      await database.close();
      return { horizon, next: BigInt(rows[0]?.next ?? 0) };
    } finally {
      await server.remove();
    }
  }

  it('everything had ended by the shutdown', async () => {
    const { horizon, next } = await horizonAfterRestart({});
    expect(horizon).toBe(next);
  });

  it.each([{ max_prepared_transactions: '2' }, { wal_level: 'minimal', max_wal_senders: '0' }])(
    'nothing is proven with %j: a checkpoint may be silent of what goes on',
    async (settings) => {
      expect((await horizonAfterRestart(settings)).horizon).toBeNull();
    },
  );
});
