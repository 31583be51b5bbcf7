import type { Comparison } from '../contracts/comparison';
import { moveSequencePast, readSequences } from '../database/sequence';
import { DatabaseFailure } from '../database/failure';
import { farthestInserted } from '../ledger/correction';
import { addTableNote } from '../ledger/run';
import type { Resources } from './resources';

/**
 * Moves the sequences of a table's columns past what the run has inserted, so that the next row that the application
 * inserts does not collide. What was moved, and what could not be, is noted with the table.
 */
export async function moveSequences(resources: Resources, runId: string, comparison: Comparison): Promise<void> {
  const { name, target } = comparison.pair;
  const ledger = await resources.ledger();
  const database = resources.database(target.connection, 'target');
  for (const sequence of await readSequences(database, target.schema, target.table)) {
    const value = await farthestInserted(ledger, runId, name, sequence);
    if (value === null) continue;
    const note = await moved(async () => {
      if (!sequence.movable) return `sequence ${sequence.name} was not moved: the user may not`;
      return (await moveSequencePast(database, sequence, value))
        ? `sequence ${sequence.name} was moved to ${value}`
        : null;
    }, sequence.name);
    if (note !== null) await addTableNote(ledger, runId, name, note);
  }
}

/** Rows are right whether or not the sequence takes the value. */
async function moved(move: () => Promise<string | null>, name: string): Promise<string | null> {
  try {
    return await move();
  } catch (error) {
    if (!(error instanceof DatabaseFailure) || !/^(22|42|55)/.test(error.sqlState)) throw error;
    return `sequence ${name} was not moved: ${error.serverMessage} (SQLSTATE ${error.sqlState})`;
  }
}
