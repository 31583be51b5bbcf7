import type { TextRule, Tolerance } from '../contracts/table-pair';

export const TOLERANCE_FORM =
  'a number, zero or more, such as 0.01; or for dates and times a duration such as 500us, 20ms, 2s, 5m, 1h or 1d';

const UNIT_MICROSECONDS: Readonly<Record<string, bigint>> = {
  us: 1n,
  µs: 1n,
  ms: 1_000n,
  s: 1_000_000n,
  m: 60_000_000n,
  h: 3_600_000_000n,
  d: 86_400_000_000n,
};

/** Past these a typing error is likelier than a wish; both fit PostgreSQL's numeric many times over. */
const MOST_DIGITS = 50;
const GREATEST_EXPONENT = 300;
const LONGEST = 366n * 86_400_000_000n;

/** A tolerance as the config has it, digit by digit; null when it is not of {@link TOLERANCE_FORM}. */
export function parseTolerance(value: unknown): Tolerance | null {
  if (typeof value !== 'number' && typeof value !== 'string') return null;
  const text = String(value).trim();
  const number = /^(\d+(?:\.\d+)?)(?:e([+-]?\d+))?$/i.exec(text);
  if (number) {
    const [, digits = '', exponent = '0'] = number;
    const isWritable = digits.length <= MOST_DIGITS && Math.abs(Number(exponent)) <= GREATEST_EXPONENT;
    return isWritable ? { number: text } : null;
  }
  const [, whole = '', fraction = '', unit = ''] =
    /^(\d{1,15})(?:\.(\d{1,15}))?\s*(us|µs|ms|s|m|h|d)$/.exec(text) ?? [];
  const size = UNIT_MICROSECONDS[unit];
  if (size === undefined) return null;
  const scale = 10n ** BigInt(fraction.length);
  const scaled = BigInt(whole + fraction) * size;
  const microseconds = scaled / scale;
  return scaled % scale === 0n && microseconds <= LONGEST ? { microseconds: String(microseconds) } : null;
}

/** What is left out when texts are compared, by the words for it. */
export const TEXT_RULES: Readonly<Record<string, TextRule>> = {
  trim: { trim: true, caseless: false },
  caseless: { trim: false, caseless: true },
  'trim caseless': { trim: true, caseless: true },
};
