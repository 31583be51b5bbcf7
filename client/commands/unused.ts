import type { Config } from '../../config/config';

/** What to know of the config's fields that are accepted and do nothing yet; null: there are none. */
export function unusedNote({ unused }: Config): string | null {
  return unused.length === 0 ? null : `without effect in this version: ${unused.join(', ')}`;
}
