import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { summarize, type ApplyRound } from '../../bench/apply';
import { copyThrough } from '../../bench/copy-through';
import type { LoadedTable } from '../../bench/load';
import { EMPTY_TARGET } from '../../bench/table';
import { createDatabasePair } from '../support/database';
import { spawnNode } from '../support/process';

const bench = (...args: string[]) => spawnNode('test/support/run-ts.js', { args: ['bench/main.ts', ...args] }).exited;

const TABLE: LoadedTable = {
  table: EMPTY_TARGET,
  rows: 10,
  name: 'empty_target_10',
  expected: { field_mismatch: 0, missing_in_target: 10, extra_in_target: 0 },
  bytes: 1,
};

const round = (applying: number, runSeconds: number, copySeconds: number, wrong: string | null = null): ApplyRound => ({
  runSeconds,
  copySeconds,
  phases: { comparing: 1, applying },
  spans: {},
  peakMb: 100,
  wrong,
});

describe('npm run bench -- --apply', () => {
  it('divides within each round, and takes no ratio from a wrong answer', () => {
    const result = summarize(TABLE, [round(6, 20, 2), round(9, 50, 3, 'expected 10, found 9'), round(8, 16, 4)]);
    expect(result.ratios).toEqual({
      'apply ÷ COPY': { min: 2, median: 2.5, max: 3 },
      'run ÷ COPY': { min: 4, median: 7, max: 10 },
    });
    expect(result.wrong).toEqual(['expected 10, found 9']);
    expect(summarize(TABLE, [round(1, 1, 1, 'wrong')]).ratios).toEqual({ 'apply ÷ COPY': null, 'run ÷ COPY': null });
  });

  it('inserts every row of an empty target, and copies the same rows', async () => {
    execFileSync(process.execPath, ['scripts/build.js'], { cwd: join(__dirname, '..', '..') });
    const { code, stdout, stderr } = await bench('--apply', '--rows', '3000', '--rounds', '1', '--json');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringContaining('empty_target_3000, round 1: applied in') as unknown,
    });
    const { mode, results } = JSON.parse(stdout) as { readonly mode: string; readonly results: readonly unknown[] };
    const positive = expect.any(Number) as unknown;
    expect({ mode, results }).toMatchObject({
      mode: 'apply',
      results: [
        {
          table: 'empty_target',
          rows: 3_000,
          wrong: [],
          rounds: [
            { phases: { applying: positive }, spans: { compareChunks: positive, applyStep: positive }, wrong: null },
          ],
        },
      ],
    });
  }, 180_000);

  it.each([
    [['--apply', '--scale'], 'cannot be used with'],
    [['--apply', '--memory'], 'cannot be used with'],
    [['--apply', '--only', 'identical'], 'cannot be used with'],
  ])('refuses %j', async (args, why) => {
    const { code, stderr } = await bench(...args);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(why) as unknown });
  });
});

describe('COPY from one server to another', () => {
  it('carries every row, also one that is larger than a piece, and says what the database refused', async () => {
    const { source, target, drop } = await createDatabasePair('copy_through');
    try {
      await source.query(
        `create table t (id int, v text);
         insert into t select g, case g % 4 when 0 then null when 1 then E'a\\tb\\\\\\n' else repeat('é', g) end
           from generate_series(1, 3000) g;
         insert into t values (0, repeat('x', 300000))`,
      );
      await target.query('create table t2 (id int, v text); create table few (id int check (id < 10), v text)');
      const urls = { source: source.url, target: target.url };
      await copyThrough(urls, 't', 't2');
      const digest = (table: string) => `select md5(string_agg(t::text, ',' order by id)) as rows from ${table} as t`;
      expect(await target.query(digest('t2'))).toEqual(await source.query(digest('t')));
      await expect(copyThrough(urls, 't', 'few')).rejects.toThrow('violates check constraint');
      await expect(copyThrough(urls, 'absent', 't2')).rejects.toThrow('"absent" does not exist');
    } finally {
      await drop();
    }
  });
});
