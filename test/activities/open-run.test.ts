import { rmSync, writeFileSync } from 'node:fs';
import { readRunReport } from '../../ledger/report';
import { readRunConfig } from '../../ledger/run';
import { OneTable } from '../support/one-table';

describe('opening a run', () => {
  let one: OneTable;
  beforeAll(async () => {
    one = await OneTable.create('open_run');
  });
  afterAll(() => one.drop());
  afterEach(() => one.configure());

  const reportOf = async (runId: string) => readRunReport(await one.resources.ledger(), runId);

  it('enters it once with its tables, also by two attempts at once', async () => {
    const [first, second] = await Promise.all([one.open('twice'), one.open('twice')]);
    expect(second).toEqual(first);
    expect(await reportOf('twice')).toMatchObject({ status: 'running', tables: [{ name: 't', phase: 'waiting' }] });
  });

  it('that is refused enters it as failed, and once more when it is opened after all', async () => {
    one.configure('[t, missing]');
    await expect(one.open('refused')).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
    expect(await reportOf('refused')).toMatchObject({
      status: 'failed',
      error: { code: 'TABLE_NOT_FOUND' },
      tables: [],
    });
    one.configure();
    expect(await one.open('refused')).toMatchObject({ runId: 'refused' });
    expect(await reportOf('refused')).toMatchObject({ status: 'running', error: null, endedAt: null });
    expect((await readRunConfig(await one.resources.ledger(), 'refused'))?.tables).toHaveLength(1);
  });

  it('with a config that was broken meanwhile enters it as failed in the ledger that was known', async () => {
    await one.open('before');
    writeFileSync(one.configPath, 'tables: [t\n');
    await expect(one.open('broken')).rejects.toMatchObject({ code: 'CONFIG_MALFORMED' });
    expect(await reportOf('broken')).toMatchObject({ status: 'failed', error: { code: 'CONFIG_MALFORMED' } });
    rmSync(one.configPath);
    await expect(one.open('gone')).rejects.toMatchObject({ code: 'CONFIG_NOT_FOUND' });
    expect(await reportOf('gone')).toMatchObject({ status: 'failed', error: { code: 'CONFIG_NOT_FOUND' } });
  });

  it('says what is wrong with a config where no other was ever read', async () => {
    writeFileSync(one.configPath, 'tables: [t\n');
    const fresh = OneTable.resources(one.configPath);
    await expect(one.open('nowhere', fresh)).rejects.toMatchObject({ code: 'CONFIG_MALFORMED' });
    await fresh.close();
    one.configure();
    expect(await reportOf('nowhere')).toBeNull();
  });
});
