import { Batch, charactersOf } from '../../engine/batch';
import { compareChunk } from '../../engine/compare-chunk';
import { planChunks } from '../../engine/plan-chunks';
import { EnginePair } from '../support/engine';

describe('how many rows are taken at once', () => {
  it('grows while they are narrow, up to a limit', () => {
    const batch = new Batch();
    const taken: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      taken.push(batch.rows);
      batch.saw(batch.rows, 100 * batch.rows);
    }
    expect(taken).toEqual([50, 200, 500, 500, 500]);
  });

  it('shrinks to what fits where they are wide, down to one', () => {
    const batch = new Batch();
    batch.saw(50, 50 * 100_000);
    expect(batch.rows).toBe(20);
    batch.saw(20, 20 * 50_000_000);
    expect(batch.rows).toBe(1);
    batch.saw(0, 0);
    batch.saw(1, 10);
    expect(batch.rows).toBe(4);
  });

  it('counts the characters of values, whatever is missing', () => {
    expect(charactersOf([null, { a: 'ab', b: null }, { c: '' }, { a: 'é😀' }])).toBe(5);
  });

  it('bounds what a chunk of wide rows hands on, and none is lost', async () => {
    const pair = await EnginePair.create('batch');
    try {
      await pair.both('create table wide (id int primary key, body text)');
      await pair.source.query(`insert into wide select i, repeat('x', 200000) || i from generate_series(1, 300) as i`);
      await pair.target.query(`insert into wide select i, repeat('y', 200000) || i from generate_series(1, 290) as i`);
      const { comparison, sides } = await pair.inspect('wide');
      const sizes: number[] = [];
      for (const chunk of await planChunks(comparison, sides, 1_000)) {
        await compareChunk(comparison, sides, chunk, async (differences) => void sizes.push(differences.length));
      }
      expect(sizes.reduce((a, b) => a + b, 0)).toBe(300);
      // 400,000 characters a row: five are two million.
      expect(Math.max(...sizes.slice(1))).toBeLessThanOrEqual(10);
    } finally {
      await pair.drop();
    }
  });
});
