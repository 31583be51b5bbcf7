import { randomBytes } from 'node:crypto';
import type { TextRow } from './database';
import { Scenario, type Contents } from './scenario';

/** Runs that stand where a worker may be killed: one of a table each, named after where it stands. */
const CONTENTS: Contents = {
  tables: ['changed', 'parents', 'children', 'committing', 'entering', 'split', 'bulk'],
  schema: `
    create table changed (id int primary key, v int);
    create table parents (id int primary key, v int);
    create table children (id int primary key, parent_id int not null references parents on delete cascade, v int);
    create table committing (id int primary key, v int);
    create table entering (id int primary key, v int);
    create table split (id int primary key, v int);
    create table bulk (id bigint primary key, v text);`,
  rows: `
    insert into changed select i, i from generate_series(1, 60) as i;
    insert into parents select i, i from generate_series(1, 20) as i;
    insert into children select i, 1 + i % 20, i from generate_series(1, 40) as i;
    insert into committing select i, i from generate_series(1, 60) as i;
    insert into entering select i, i from generate_series(1, 60) as i;
    insert into split select i, i from generate_series(1, 60) as i;
    insert into bulk select i, 'row ' || i from generate_series(1, 3000) as i;`,
  damage: `
    update changed set v = -v; update committing set v = -v; update entering set v = -v; update split set v = -v;
    insert into parents select i, i from generate_series(101, 120) as i;
    insert into children select i, 101 + i % 20, i from generate_series(101, 140) as i;
    alter table split add check (v <> 1000); truncate bulk;`,
};

/** A trigger that stands still while its place is in the list, and holds a lock by which that is seen. */
const HALT = `
  create table audit.halted (place text primary key);
  create function audit.halt() returns trigger language plpgsql as $$
  begin
    perform pg_advisory_xact_lock_shared(7001, hashtext(tg_argv[0]));
    while exists (select from audit.halted where place = tg_argv[0]) loop
      perform pg_sleep(0.02);
    end loop;
    return case when tg_op = 'DELETE' then old else new end;
  end $$;`;

/**
 * Where to stand still: `before insert on trueup.correction_log`, say, at rows of which `when` holds; `deferred` to the
 * commit.
 */
export interface Place {
  readonly at: string;
  readonly when: string;
  readonly deferred?: true;
  /** What becomes of the session when its worker is dead: the server ends it, or it gets on as far as it can. */
  readonly then: 'ended' | 'goes on';
}

export interface Correcting {
  readonly workflowId: string;
  readonly runId: string;
  /** Of the plan that waits for its approval; null: it needs none. */
  readonly digest: string | null;
}

/** What {@link KillScene.audited} must give. */
export const SOUND = { sound: true, problems: [] };

/** By a name for each. */
export type Places = Readonly<Record<string, Place>>;

/** Where applying and undoing stand still alike. */
export const ALIKE = {
  // In the middle of the backups of a transaction: rows written, nothing committed.
  changed: {
    at: 'after insert on trueup.before_image',
    when: `new.table_name = 'changed' and new.seq = 30`,
    then: 'goes on',
  },
  // The commit came to pass, and nobody hears of it.
  committing: {
    at: 'after insert on trueup.before_image',
    when: `new.table_name = 'committing' and new.seq = 60`,
    deferred: true,
    then: 'goes on',
  },
  // Committed in the target; the ledger never hears of it.
  entering: {
    at: 'before insert on trueup.correction_log',
    when: `new.table_name = 'entering' and new.seq = 1`,
    then: 'ended',
  },
} as const satisfies Places;

/** Several runs, each of a table of its own, that one worker carries out, and that stand still at places of their own. */
export class KillScene {
  private constructor(
    readonly scenario: Scenario,
    readonly damaged: Record<string, string>,
  ) {}

  /** The scene, with a worker at work. */
  static async create(): Promise<KillScene> {
    const tables = CONTENTS.tables.filter((name) => name !== 'children');
    const scenario = await Scenario.create({
      contents: CONTENTS,
      tables: tables
        .map((name) => `  - { name: ${name}, source: public.${name}, corrections: { missing: approve } }`)
        .join('\n'),
      defaults: ['concurrency: 12'],
    });
    await scenario.target(HALT);
    await scenario.startWorker();
    return new KillScene(scenario, await scenario.digestOfTarget());
  }

  /** Starts a run of each table, and returns when each waits for its approval. */
  async correct(tables: readonly string[]): Promise<ReadonlyMap<string, Correcting>> {
    return this.#gather(tables, (table) => this.scenario.startReconcile({ tables: [table], apply: true }));
  }

  /** Starts the undo of each run; that of `parents` only gives rows back, and waits for nobody. */
  async undo(runs: ReadonlyMap<string, Correcting>): Promise<ReadonlyMap<string, Correcting>> {
    const start = async (table: string) => {
      const id = `undo-${randomBytes(4).toString('hex')}`;
      const args = ['--type', 'undo', '--task-queue', 'trueup', '--workflow-id', id];
      const input = JSON.stringify({ runId: runs.get(table)?.runId });
      await this.scenario.temporal('workflow', 'start', ...args, '--input', input);
      return id;
    };
    return this.#gather([...runs.keys()], start, ['parents']);
  }

  async approve(runs: ReadonlyMap<string, Correcting>): Promise<void> {
    for (const { workflowId, digest } of runs.values()) {
      // Half of a table goes, and by the undo of what was inserted in bulk all of one.
      if (digest !== null) await this.scenario.approve(workflowId, digest, { override: true });
    }
  }

  /** Approves the runs, kills their worker when each stands at its place, and has another one take them to their ends. */
  async finishThroughKill(runs: ReadonlyMap<string, Correcting>, places: Places): Promise<void> {
    await this.approve(runs);
    await this.killAt(places);
    await this.finish(runs);
  }

  /** Makes whatever comes to one of the places stand still there. */
  async haltAt(places: Places): Promise<void> {
    for (const [name, { at, when, deferred }] of Object.entries(places)) {
      const kind = deferred ? 'constraint trigger' : 'trigger';
      const wait = deferred ? 'deferrable initially deferred' : '';
      await this.scenario.target(
        `insert into audit.halted values ('${name}');
         create ${kind} halt_${name} ${at} ${wait} for each row when (${when}) execute function audit.halt('${name}')`,
      );
    }
  }

  /** Kills the worker when a run stands at each place, lets the server find out, and starts another worker. */
  async killAt(places: Places): Promise<void> {
    const { scenario } = this;
    for (const name of Object.keys(places)) {
      await scenario.waitForTarget(`a run at ${name}`, `select count(*) > 0 from (${standing(name)}) as s`);
    }
    await scenario.workers.at(-1)?.kill9();
    for (const [name, { then }] of Object.entries(places)) {
      if (then === 'ended') await scenario.target(`select pg_terminate_backend(pid) from (${standing(name)}) as s`);
    }
    await scenario.target('delete from audit.halted');
    for (const name of Object.keys(places)) {
      await scenario.waitForTarget(`the end of ${name}`, `select count(*) = 0 from (${standing(name)}) as s`);
    }
    await scenario.startWorker();
  }

  /** Waits until the runs have come to their ends. */
  async finish(runs: ReadonlyMap<string, Correcting>): Promise<void> {
    for (const { workflowId } of runs.values()) {
      await this.scenario.waitForRun(workflowId, ['applied'], 120_000);
      expect(await this.scenario.waitForClose(workflowId)).toBe('COMPLETED');
    }
  }

  /** What the ledger, the backups and the changes of the run's own tables have against each other. */
  faults({ runId }: Correcting, ...tables: readonly string[]): Promise<Record<string, number>> {
    return this.scenario.ledgerFaults(runId, tables);
  }

  /** What `trueup audit` says of a run, without the entries' number and digest. */
  async audited({ runId }: Correcting): Promise<{ readonly sound: boolean; readonly problems: unknown }> {
    const { stdout, stderr } = await this.scenario.trueup('audit', runId, '--json');
    if (stdout === '') throw new Error(`audit ${runId}: ${stderr}`);
    const { sound, problems } = JSON.parse(stdout) as { readonly sound: boolean; readonly problems: unknown };
    return { sound, problems };
  }

  /** Backups of a run, by number. */
  images({ runId }: Correcting): Promise<TextRow[]> {
    return this.scenario.target(
      `select seq, table_name, record_key ->> 'id' as id, before_row, after_row from trueup.before_image
        where run_id = $1 order by seq`,
      [runId],
    );
  }

  async #gather(tables: readonly string[], start: (table: string) => Promise<string>, free: readonly string[] = []) {
    const runs = new Map<string, Correcting>();
    const started = await Promise.all(tables.map(async (table) => [table, await start(table)] as const));
    for (const [table, workflowId] of started) {
      const isFree = free.includes(table);
      const run = await this.scenario.waitForRun(workflowId, [isFree ? 'running' : 'awaiting_approval']);
      runs.set(table, { workflowId, runId: run.run_id, digest: isFree ? null : run.plan_digest });
    }
    return runs;
  }
}

/** The sessions that stand at a place. */
function standing(place: string): string {
  return `select pid from pg_locks where locktype = 'advisory' and classid = 7001 and granted
             and objid = (hashtext('${place}')::bigint & 4294967295)::oid
             and database = (select oid from pg_database where datname = current_database())`;
}
