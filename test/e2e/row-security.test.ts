import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunReport } from '../../contracts/run';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { runTrueup } from '../support/process';
import { Scenario } from '../support/scenario';

/** 100 rows of four tenants in each; a policy shows one of them. */
const SCHEMA = `
  create table orders (id int primary key, tenant int not null, note text);
  create table forced (like orders including all);
  create table plain (like orders including all);
  create table barred (like orders including all);
  create table parted (id int primary key, tenant int not null, note text) partition by range (id);
  create table parted_low partition of parted for values from (minvalue) to (50);
  create table parted_high partition of parted for values from (50) to (maxvalue);
  create table columns (like orders including all);
  create schema shut;
  create table shut.closed (id int primary key);
  create table under_seen (like orders including all);
  create table under_invoked (like orders including all);`;
const fill = (table: string) => `insert into ${table} select g, g % 4, 'note ' || g from generate_series(1, 100) g;`;
const FILLED = ['orders', 'forced', 'plain', 'barred', 'parted', 'columns', 'under_seen', 'under_invoked'];
const policy = (table: string) =>
  `alter table ${table} enable row level security; create policy only_mine on ${table} for select using (tenant = 1);`;

const id = randomBytes(4).toString('hex');
const [reader, owner] = [`reader_${id}`, `owner_${id}`];
let admin: TestDatabase;
let scenario: Scenario;
let env: Record<string, string>;

const as = (url: string, user: string) => Object.assign(new URL(url), { username: user, password: 'p' }).href;
const trueup = (...args: string[]) => runTrueup(args, { env, cwd: scenario.folder });

interface Doctor {
  readonly checks: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly detail: string;
    readonly help: string | null;
  }[];
}

async function run(...args: string[]): Promise<{ readonly code: number | null; readonly report: RunReport }> {
  const { code, stdout, stderr } = await trueup('run', ...args, '--json');
  if (!stdout.startsWith('{')) throw new Error(stderr);
  return { code, report: JSON.parse(stdout) as RunReport };
}

describe('what a role does not see', () => {
  beforeAll(async () => {
    admin = await createTestDatabase('roles');
    await admin.query(`create role ${reader} login password 'p'; create role ${owner} login password 'p'`);
    scenario = await Scenario.create({
      contents: {
        tables: ['plain'],
        schema: SCHEMA,
        rows: FILLED.map(fill).join(''),
        damage: 'delete from plain where id = 7;',
      },
    });
    for (const side of ['source', 'target'] as const) {
      await scenario[side](`
      ${['orders', 'forced', 'barred', 'under_seen', 'under_invoked', 'parted_low'].map(policy).join('')}
      alter table forced owner to ${owner}; alter table forced force row level security;
      create view seen as select * from under_seen;
      create view invoked with (security_invoker) as select * from under_invoked;
      create view barred_view with (security_barrier) as select * from plain where id < 90;
      grant select on all tables in schema public to ${reader}, ${owner};
      grant insert, update, delete on all tables in schema public to ${reader}, ${owner};
      grant create on database ${new URL(scenario[side === 'source' ? 'sourceUrl' : 'targetUrl']).pathname.slice(1)} to ${reader}, ${owner};
      revoke all on columns from ${reader}; grant select (id, tenant) on columns to ${reader};
      grant select on shut.closed to ${reader};`);
    }
    env = {
      ...scenario.env,
      READER_URL: as(scenario.sourceUrl, reader),
      OWNER_URL: as(scenario.sourceUrl, owner),
      WRITER_URL: as(scenario.targetUrl, reader),
    };
    const pair = (name: string, source: string, target: string, from = `public.${name}`, to = from) =>
      `  - { name: ${name}, source: { connection: ${source}, table: ${from} }, target: { connection: ${target}, table: ${to} } }`;
    writeFileSync(
      join(scenario.folder, 'trueup.yaml'),
      [
        'connections:',
        ...[
          'legacy: "${LEGACY_URL}"',
          'modern: "${MODERN_URL}"',
          'reading: "${READER_URL}"',
          'owning: "${OWNER_URL}"',
          'writing: "${WRITER_URL}"',
        ].map((line) => `  ${line.replace(': ', ': { url: ')} }`),
        'ledger: { connection: modern }',
        'defaults: { source: legacy, target: modern, settle: { delay: 20ms }, guard: { rows: 100000, percent: 100 } }',
        'tables:',
        pair('orders', 'reading', 'modern'),
        pair('both', 'reading', 'writing', 'public.orders'),
        pair('into', 'legacy', 'writing', 'public.orders'),
        pair('forced', 'owning', 'modern'),
        pair('plain', 'reading', 'modern'),
        pair('seen', 'reading', 'modern', 'public.seen', 'public.under_seen').replace(/ }$/, ', key: [id] }'),
        pair('invoked', 'reading', 'modern', 'public.invoked', 'public.under_invoked').replace(/ }$/, ', key: [id] }'),
        pair('barred', 'reading', 'modern', 'public.barred_view', 'public.plain').replace(/ }$/, ', key: [id] }'),
        pair('parted', 'reading', 'modern'),
        pair('columns', 'reading', 'modern'),
        pair('closed', 'reading', 'modern', 'shut.closed'),
        '',
      ].join('\n'),
    );
    await scenario.startWorker(env);
  });

  afterAll(async () => {
    await scenario.remove();
    await admin.query(`drop role ${reader}, ${owner}`);
    await admin.drop();
  });

  test('a table of which a policy hides rows is incomplete, of either side or of both, and nothing is planned for it', async () => {
    await scenario.target(`update orders set note = 'other' where id = 4`);
    const { code, report } = await run('orders', 'both', 'into', 'forced', 'plain', '--apply');
    expect({ code, status: report.status, error: report.error }).toEqual({
      code: 4,
      status: 'incomplete',
      error: null,
    });
    const table = (name: string) => report.tables.find((found) => found.name === name);
    for (const name of ['orders', 'both', 'into', 'forced']) {
      expect(table(name)).toMatchObject({ status: 'incomplete', findings: {}, rowsSource: 0, unsettled: 0 });
      expect(table(name)?.notes[0]).toMatch(
        /^not compared \(ROW_SECURITY\): .*only_mine on .*alter role "?(reader|owner)_\w+"? bypassrls/,
      );
    }
    expect(table('into')?.notes[0]).toMatch(/connection writing/);
    expect(table('plain')).toMatchObject({ status: 'inconsistent', findings: { missing_in_target: 1 } });
    expect(report.plan.map((line) => line.table)).toEqual(['plain']);
    expect(await scenario.target('select count(*) from plain')).toEqual([{ count: '100' }]);
    expect(await scenario.target('select count(*) from orders')).toEqual([{ count: '100' }]);
  });

  test('other ways to see less are said by name', async () => {
    const { report } = await run('seen', 'invoked', 'barred', 'parted', 'columns', 'closed');
    const table = (name: string) => report.tables.find((found) => found.name === name);
    const notes = (name: string) => table(name)?.notes.join('\n') ?? '';
    // The view reads its table with its owner's rights, a superuser's.
    expect(table('seen')).toMatchObject({ status: 'consistent', rowsSource: 100 });
    expect(notes('seen')).toMatch(/the source is a view: rows that it leaves out are not seen/);
    expect(table('invoked')).toMatchObject({ status: 'incomplete', findings: {} });
    expect(notes('invoked')).toMatch(/ROW_SECURITY.* view public\.invoked .*only_mine on public.under_invoked/);
    expect(notes('barred')).toMatch(/the source is a view/);
    // A policy of a partition does not count where its parent is read.
    expect(table('parted')).toMatchObject({ status: 'consistent', rowsSource: 100 });
    expect(table('columns')).toMatchObject({ status: 'incomplete', findings: {} });
    expect(notes('columns')).toMatch(
      /PRIVILEGE_MISSING.* lacks SELECT on public\.columns: it may not read the columns note, only id, tenant/,
    );
    expect(table('closed')).toMatchObject({ status: 'incomplete' });
    expect(notes('closed')).toMatch(/lacks USAGE on the schema shut.*grant usage on schema shut to/);
    expect(report.status).toBe('incomplete');
  });

  test('counts, aggregates and rules are incomplete likewise, and never pass over what is hidden', async () => {
    for (const mode of ['count', 'aggregate', 'sample']) {
      const { code, report } = await run('orders', '--mode', mode);
      expect({ mode, code, status: report.status }).toEqual({ mode, code: 4, status: 'incomplete' });
      expect(report.checks.every(({ error }) => error?.code === 'ROW_SECURITY')).toBe(true);
    }
  });

  test('doctor names the policy, the role and the grant', async () => {
    const { code, stdout } = await trueup('doctor', '--json');
    expect(code).toBe(4);
    const { checks } = JSON.parse(stdout) as Doctor;
    const check = (name: string) => checks.find((found) => found.name === name);
    expect(check('reading: table public.orders')).toMatchObject({ ok: false });
    expect(check('reading: table public.orders')?.detail).toMatch(
      new RegExp(`ROW_SECURITY.*role ${reader}.*only_mine on public.orders`),
    );
    expect(check('reading: table public.orders')?.help).toBe(`Run: alter role ${reader} bypassrls;`);
    expect(check('writing: table public.orders')?.detail).toMatch(/ROW_SECURITY/);
    expect(check('owning: table public.forced')?.detail).toMatch(/ROW_SECURITY/);
    expect(check('reading: table public.columns')?.detail).toMatch(/columns note, only id, tenant/);
    expect(check('reading: table shut.closed')?.help).toBe(`Run: grant usage on schema shut to ${reader};`);
    expect(check('reading: table public.seen')).toMatchObject({
      ok: true,
      detail: expect.stringMatching(/is a view/) as unknown,
    });
  });

  test('with bypassrls, or without force for the owner, all of it is compared', async () => {
    await admin.query(`alter role ${reader} bypassrls`);
    for (const side of ['source', 'target'] as const)
      await scenario[side]('alter table forced no force row level security');
    try {
      const { code, report } = await run('orders', 'forced');
      expect({ code, status: report.status }).toEqual({ code: 1, status: 'inconsistent' });
      expect(report.tables.map(({ name, findings }) => [name, findings])).toEqual([
        ['forced', {}],
        ['orders', { field_mismatch: 1 }],
      ]);
    } finally {
      await admin.query(`alter role ${reader} nobypassrls`);
    }
  });
});
