import type { Operation } from './correction';
import type { TextRow } from './finding';

/** The backup of one corrected row: written in the target, in the transaction of its correction. */
export interface BeforeImage {
  readonly seq: string;
  readonly operation: Operation;
  readonly key: TextRow;
  /** The full target row as it was; null: there was none. */
  readonly before: TextRow | null;
  /** The full target row as the correction left it; null: it was deleted. */
  readonly after: TextRow | null;
}
