import { TrueupError } from '../../contracts/errors';
import { REVIEW_RESOLUTIONS, type ReviewResolution } from '../../contracts/review';
import { checkId } from './review-filter';

/** Entries that are resolved alike, by ID. */
export interface NamedEntries {
  readonly resolution: ReviewResolution;
  readonly ids: readonly string[];
}

/**
 * Entries as they are named on the command line, `42` or `42=KEEP_TARGET`, by resolution in the order in which these come;
 * `usual`: of those that name none.
 *
 * @throws USAGE
 */
export function namedEntries(words: readonly string[], usual: ReviewResolution | undefined): readonly NamedEntries[] {
  const byId = new Map<string, ReviewResolution>();
  for (const word of words) {
    const [id = '', named, ...more] = word.split('=');
    checkId(id);
    const resolution = named === undefined ? usual : REVIEW_RESOLUTIONS.find((known) => known === named);
    if (more.length > 0 || (named !== undefined && resolution === undefined)) {
      const allowed = REVIEW_RESOLUTIONS.map((known) => `${id}=${known}`).join(', ');
      throw new TrueupError('USAGE', `${JSON.stringify(word)}: allowed: ${id}, ${allowed}`);
    }
    if (resolution === undefined) {
      throw new TrueupError('USAGE', `entry ${id}: how? Say --resolution, or ${id}=KEEP_TARGET, say`);
    }
    const before = byId.get(id);
    if (before !== undefined && before !== resolution) {
      throw new TrueupError('USAGE', `entry ${id}: found ${before} and ${resolution}, allowed: one of them`);
    }
    byId.set(id, resolution);
  }
  return [...new Set(byId.values())].map((resolution) => ({
    resolution,
    ids: [...byId].filter(([, of]) => of === resolution).map(([id]) => id),
  }));
}
