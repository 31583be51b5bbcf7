import { Option, type Command } from 'commander';
import { TrueupError } from '../../contracts/errors';
import { INCONSISTENCY_TYPES, SEVERITIES, type InconsistencyType, type Severity } from '../../contracts/finding';
import type { ReviewFilter } from '../../contracts/review';

export interface FilterOptions {
  readonly table?: string;
  readonly type?: InconsistencyType;
  readonly severity?: Severity;
}

/** The options that narrow a selection of entries. */
export function addFilter(command: Command): Command {
  return command
    .option('--table <name>', 'only of this table')
    .addOption(new Option('--type <type>', 'only of this type').choices(INCONSISTENCY_TYPES))
    .addOption(new Option('--severity <severity>', 'only of this severity').choices(SEVERITIES));
}

export function filterOf({ table, type, severity }: FilterOptions): ReviewFilter {
  return {
    ...(table === undefined ? {} : { table }),
    ...(type === undefined ? {} : { type }),
    ...(severity === undefined ? {} : { severity }),
  };
}

/** Throws USAGE. */
export function checkId(id: string): void {
  if (/^[1-9]\d{0,17}$/.test(id)) return;
  throw new TrueupError('USAGE', `${JSON.stringify(id)}: allowed: the ID of an entry, such as 42`);
}
