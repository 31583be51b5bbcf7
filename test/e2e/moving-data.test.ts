import { Scenario, type Contents } from '../support/scenario';

/**
 * Both sides are written to. What is written on one is applied on the other 1.0 to 1.7 s later, but for the rows up to
 * ID 10, which nobody copies.
 */
const CONTENTS: Contents = {
  tables: ['accounts'],
  schema: `
    create table accounts (id int primary key, n int not null default 0, name text);
    create table outbox (
      no bigint generated always as identity, at timestamptz default clock_timestamp(), id int, row jsonb);
    create function publish() returns trigger language plpgsql as $$
    begin
      if coalesce(current_setting('app.copying', true), '') <> 'on' and coalesce(new.id, old.id) > 10 then
        insert into outbox (id, row) values (coalesce(new.id, old.id), to_jsonb(new));
      end if;
      return null;
    end $$;
    create function copy_in(changes jsonb) returns void language plpgsql as $$
    declare change jsonb;
    begin
      perform set_config('app.copying', 'on', true);
      for change in select * from jsonb_array_elements(changes) loop
        delete from accounts where id = (change ->> 'id')::int and change -> 'row' = 'null';
        insert into accounts
          select r.* from jsonb_populate_record(null::accounts, nullif(change -> 'row', 'null')) r
           where r.id is not null
          on conflict (id) do update set n = excluded.n, name = excluded.name;
      end loop;
    end $$;`,
  rows: `
    insert into accounts select g, 0, 'name ' || g from generate_series(1, 2000) g;
    create trigger publish after insert or update or delete on accounts for each row execute function publish();`,
  damage: `
    set app.copying = on;
    update accounts set name = 'other' where id = 50;
    delete from accounts where id = 60;
    insert into accounts values (3000000, 0, 'extra');`,
};

const PLANTED = ['accounts extra_in_target 3000000', 'accounts field_mismatch 50', 'accounts missing_in_target 60'];
/** Rows that are written on one side alone, for as long as the run lasts. */
const HOT = { target: '1, 2, 3', source: '4, 5' };
const DUE = `select no from outbox where at < clock_timestamp() - interval '1 s' - (no % 8) * interval '0.1 s'`;

type Role = 'source' | 'target';

interface Report {
  readonly runId: string;
  readonly status: string;
  readonly tables: readonly {
    readonly status: string;
    readonly findings: Record<string, number>;
    readonly transient: number;
    readonly unsettled: number;
  }[];
}

/** Calls `act` again and again with a growing number until it is stopped; a failure of `act` comes out then. */
function repeat(everyMs: number, act: (n: number) => Promise<unknown>) {
  let stopped = false;
  const loop = async () => {
    for (let n = 0; !stopped; n += 1) {
      const next = Date.now() + everyMs;
      await act(n);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - Date.now())));
    }
  };
  const ended = loop();
  ended.catch(() => undefined);
  return async () => {
    stopped = true;
    await ended;
  };
}

describe('a run while both sides are written to', () => {
  let scenario: Scenario;
  beforeAll(async () => {
    scenario = await Scenario.create({
      contents: CONTENTS,
      settle: null,
      defaults: ['chunkRows: 100', 'settle: { delay: 1s, attempts: 4 }'],
    });
    await scenario.startWorker();
  });
  afterAll(() => scenario.remove());

  const on = (role: Role, sql: string, values: readonly unknown[] = []) => scenario[role](sql, values);

  /** Inserts, updates and deletes other rows each time. */
  const write = (role: Role, n: number) => {
    const first = role === 'source' ? 1_000 : 100;
    return on(
      role,
      `update accounts set n = n + 1 where id = ${first + (n % 400)};
       insert into accounts values (${first * 1_000 + n}, ${n}, 'new');
       delete from accounts where id = ${first + 400 + n} and ${n} < 400;`,
    );
  };

  async function copy(from: Role, to: Role, due = DUE): Promise<number> {
    const rows = await on(from, `delete from outbox where no in (${due}) returning no, id, row`);
    const changes = rows
      .sort((a, b) => Number(a['no']) - Number(b['no']))
      .map(({ id, row }) => ({ id, row: JSON.parse(row ?? 'null') as unknown }));
    if (changes.length > 0) await on(to, 'select copy_in($1::jsonb)', [JSON.stringify(changes)]);
    return changes.length;
  }

  test('reports the true differences alone; what lags is transient, what never rests is unsettled', async () => {
    let copied = 0;
    const stops = [
      repeat(100, (n) => write('source', n)),
      repeat(100, (n) => write('target', n)),
      repeat(100, async () => (copied += await copy('source', 'target'))),
      repeat(100, async () => (copied += await copy('target', 'source'))),
      repeat(300, () => on('target', `update accounts set n = n + 1 where id in (${HOT.target})`)),
      repeat(300, () => on('source', `update accounts set n = n + 1 where id in (${HOT.source})`)),
    ];
    let run;
    try {
      run = await scenario.trueup('run', '--json');
    } finally {
      for (const stop of stops) await stop();
    }
    const report = JSON.parse(run.stdout) as Report;
    expect(await scenario.findings(report.runId)).toEqual(PLANTED);
    expect(report.tables).toMatchObject([
      {
        status: 'inconsistent',
        findings: { extra_in_target: 1, field_mismatch: 1, missing_in_target: 1 },
        unsettled: 5,
      },
    ]);
    expect(report.tables[0]?.transient).toBeGreaterThan(5);
    expect(copied).toBeGreaterThan(100);
    expect({ code: run.code, status: report.status }).toEqual({ code: 1, status: 'inconsistent' });
    const unsettled = await scenario.target(
      `select record_key ->> 'id' as id from trueup.candidate where run_id = $1 and state = 'unsettled' order by 1`,
      [report.runId],
    );
    expect(unsettled.map(({ id }) => id)).toEqual(['1', '2', '3', '4', '5']);

    // At rest, what is left differs in truth.
    await copy('source', 'target', 'select no from outbox');
    await copy('target', 'source', 'select no from outbox');
    const hot = [1, 2, 3, 4, 5].map((id) => `accounts field_mismatch ${id}`);
    expect(await scenario.expectedFindings()).toEqual([...PLANTED, ...hot].sort());
    const still = JSON.parse((await scenario.trueup('run', '--json')).stdout) as Report;
    expect(await scenario.findings(still.runId)).toEqual([...PLANTED, ...hot].sort());
    expect(still.tables).toMatchObject([{ transient: 0, unsettled: 0 }]);
  });
});
