import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRun } from '../../activities/open-run';
import { Resources } from '../../activities/resources';
import { readRunReport } from '../../ledger/report';
import { readRunConfig } from '../../ledger/run';
import { createDatabasePair, type TestDatabase } from '../support/database';

describe('opening a run', () => {
  let source: TestDatabase;
  let target: TestDatabase;
  let drop: () => Promise<void>;
  let resources: Resources;
  const folder = mkdtempSync(join(tmpdir(), 'trueup-open-run-'));
  const configPath = join(folder, 'trueup.yaml');
  const start = () => new Resources({ configPath, concurrency: 2, searchAttributes: false });
  const configure = (tables: string) =>
    writeFileSync(
      configPath,
      `connections: { legacy: { url: "${source.url}" }, modern: { url: "${target.url}" } }
defaults: { source: legacy, target: modern }
tables: ${tables}
`,
    );
  const open = (workflowId: string, on = resources) =>
    openRun(on, { input: { apply: true }, workflowId, firstExecutionRunId: `${workflowId}-execution` });
  const reportOf = async (runId: string) => readRunReport(await resources.ledger(), runId);

  beforeAll(async () => {
    ({ source, target, drop } = await createDatabasePair('open_run'));
    for (const side of [source, target]) await side.query('create table t (id int primary key)');
    configure('[t]');
    resources = start();
  });
  afterAll(async () => {
    await resources.close();
    await drop();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(() => configure('[t]'));

  it('enters it once with its tables, also by two attempts at once', async () => {
    const [one, other] = await Promise.all([open('twice'), open('twice')]);
    expect(other).toEqual(one);
    expect(await reportOf('twice')).toMatchObject({ status: 'running', tables: [{ name: 't', phase: 'waiting' }] });
  });

  it('that is refused enters it as failed, and once more when it is opened after all', async () => {
    configure('[t, missing]');
    await expect(open('refused')).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
    expect(await reportOf('refused')).toMatchObject({
      status: 'failed',
      error: { code: 'TABLE_NOT_FOUND' },
      tables: [],
    });
    configure('[t]');
    expect(await open('refused')).toMatchObject({ runId: 'refused' });
    expect(await reportOf('refused')).toMatchObject({ status: 'running', error: null, endedAt: null });
    expect((await readRunConfig(await resources.ledger(), 'refused'))?.tables).toHaveLength(1);
  });

  it('with a config that was broken meanwhile enters it as failed in the ledger that was known', async () => {
    await open('before');
    writeFileSync(configPath, 'tables: [t\n');
    await expect(open('broken')).rejects.toMatchObject({ code: 'CONFIG_MALFORMED' });
    expect(await reportOf('broken')).toMatchObject({ status: 'failed', error: { code: 'CONFIG_MALFORMED' } });
    rmSync(configPath);
    await expect(open('gone')).rejects.toMatchObject({ code: 'CONFIG_NOT_FOUND' });
    expect(await reportOf('gone')).toMatchObject({ status: 'failed', error: { code: 'CONFIG_NOT_FOUND' } });
  });

  it('says what is wrong with a config where no other was ever read', async () => {
    writeFileSync(configPath, 'tables: [t\n');
    const fresh = start();
    await expect(open('nowhere', fresh)).rejects.toMatchObject({ code: 'CONFIG_MALFORMED' });
    await fresh.close();
    configure('[t]');
    expect(await reportOf('nowhere')).toBeNull();
  });
});
