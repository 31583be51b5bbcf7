import { InvalidArgumentError } from 'commander';
import { TrueupError } from '../../../contracts/errors';
import type { Queryable } from '../../../database/connection';
import { readLedgerTime } from '../../../ledger/review';

const DAY_MS = 86_400_000;

/** Reads an option that takes a day that there is. */
export function day(text: string): string {
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text) && isoDay(Date.parse(`${text}T00:00:00Z`)) === text && text > '0001';
  if (!isDay) throw new InvalidArgumentError('Allowed is a day as YYYY-MM-DD, such as 2026-03-01.');
  return text;
}

export const MOST_DAYS = 366;

export function daysOfTrend(text: string): number {
  const n = Number(text);
  if (!/^\d+$/.test(text) || n < 2 || n > MOST_DAYS)
    throw new InvalidArgumentError(`Allowed is a whole number from 2 to ${MOST_DAYS}.`);
  return n;
}

/** The day that is `n` days before another. */
export function daysBefore(date: string, n: number): string {
  return isoDay(Date.parse(`${date}T00:00:00Z`) - n * DAY_MS);
}

/** Today in UTC, by the clock of the ledger, which the runs have their times from. */
export async function readToday(ledger: Queryable): Promise<string> {
  return (await readLedgerTime(ledger)).slice(0, 10);
}

/** Throws USAGE. */
export function needPast(date: string, today: string): void {
  if (date > today) throw new TrueupError('USAGE', `--date ${date} is in the future: today is ${today} (UTC)`);
}

function isoDay(ms: number): string {
  return Number.isNaN(ms) ? '' : new Date(ms).toISOString().slice(0, 10);
}
