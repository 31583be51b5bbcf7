import { InvalidArgumentError } from 'commander';

/** Reads an option that takes a whole number from 1 up. */
export function positiveInteger(text: string): number {
  const n = Number(text);
  if (!Number.isSafeInteger(n) || n < 1) throw new InvalidArgumentError('Allowed is a whole number from 1 up.');
  return n;
}

/** Reads an option that takes a number above 0. */
export function positiveNumber(text: string): number {
  const n = Number(text);
  if (!Number.isFinite(n) || n <= 0) throw new InvalidArgumentError('Allowed is a number above 0.');
  return n;
}

/** Reads an option that takes a whole number from 0 up. */
export function wholeNumber(text: string): number {
  const n = Number(text);
  if (!Number.isSafeInteger(n) || n < 0) throw new InvalidArgumentError('Allowed is a whole number from 0 up.');
  return n;
}
