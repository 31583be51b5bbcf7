import type { TextRow } from '../../contracts/finding';

const NUMBERS = new Intl.NumberFormat('en-US');

/** 1234567 → `1,234,567`. */
export function count(n: number): string {
  return NUMBERS.format(n);
}

/** `1 row`, `2 rows`. */
export function plural(n: number, noun: string, nouns = `${noun}s`): string {
  return `${count(n)} ${n === 1 ? noun : nouns}`;
}

/** Milliseconds for people: `80 ms`, `2.4 s`, `3 m 05 s`, `1 h 02 m`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  const two = (n: number) => String(n).padStart(2, '0');
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} m`;
}

/** ISO time to `2026-03-01 12:00:05 UTC`. */
export function instant(iso: string): string {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? iso : `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };

/**
 * A database's text made harmless on a terminal: control and direction-changing characters are shown as escapes, as a
 * value must not move the cursor or hide what stands beside it.
 */
export function printable(text: string): string {
  return text.replace(
    // eslint-disable-next-line no-control-regex
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (char) => ESCAPES[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A column's value on one line: NULL bare, text quoted as in SQL, what is longer than `limit` characters cut. */
export function value(text: string | null | undefined, limit = 100): string {
  if (text === null || text === undefined) return 'NULL';
  const chars = [...text];
  const quoted = (part: string) => `'${printable(part).replaceAll("'", "''")}'`;
  if (chars.length <= limit) return quoted(text);
  return `${quoted(chars.slice(0, limit).join(''))}… (${count(chars.length)} characters)`;
}

/** `id=42`, or `region='eu' id='7'` where a bare value would mislead. */
export function keyText(key: TextRow): string {
  return Object.entries(key)
    .map(([name, text]) => `${printable(name)}=${text !== null && /^[\w.:-]+$/.test(text) ? text : value(text)}`)
    .join(' ');
}
