import { DatabaseFailure } from '../database/failure';

/** Corrections that cannot be made in this company, each with its reason: the others may be, without them. */
export class RowsRefused extends DatabaseFailure {
  /**
   * @param reasons by the item's `seq`.
   * @param mayPass whether other corrections may remove what is in the way.
   */
  constructor(
    readonly reasons: ReadonlyMap<string, string>,
    readonly mayPass = true,
  ) {
    const [why = ''] = reasons.values();
    super('DATABASE_ERROR', why, 'P0001', why);
  }
}
