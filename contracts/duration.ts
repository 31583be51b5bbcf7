const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The longest duration accepted: a year. Past it a typing error is likelier than a wish. */
const LONGEST_MS = 366 * 86_400_000;

export const DURATION_FORM = 'a number with a unit: 500ms, 2s, 30m, 24h or 7d';

/** Milliseconds of a duration such as `2s` or `1.5h`; null when the text is not of {@link DURATION_FORM}. */
export function parseDuration(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*$/.exec(text);
  const unit = match ? UNIT_MS[match[2] ?? ''] : undefined;
  if (!match || unit === undefined) return null;
  const ms = Math.round(Number(match[1]) * unit);
  return ms <= LONGEST_MS ? ms : null;
}
