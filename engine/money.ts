import type { Role } from './side';

/**
 * How many digits after the point each database's own `lc_monetary` gives an amount of `money`, which is stored as a whole
 * number: 500 is $5.00, ¥500 or 0.500 of a dinar. null: it could not be asked.
 */
export type MoneyDigits = Readonly<Record<Role, number | null>>;

/** The digits with which our sessions read and write an amount, by `lc_monetary = C`. */
const PINNED_DIGITS = 2;

interface Pair {
  readonly source: { readonly baseType: string };
  readonly target: { readonly baseType: string };
}

const isMoney = ({ baseType }: Pair['source']) => /^money(\[\])?$/.test(baseType);
const rolesOf = (pair: Pair) => (['source', 'target'] as const).filter((role) => isMoney(pair[role]));

/**
 * Why two columns are not compared or written, to be followed by what they are; null: nothing about money is in the way.
 * Two amounts whose digits are alike are equal where the whole numbers are. Everything else needs to know what an amount
 * comes to (another type, a tolerance), and our sessions read it as if it had two digits. `exact`: no tolerance.
 */
export function moneyUnknown(pair: Pair, digits: MoneyDigits | undefined, exact = true): string | null {
  const roles = rolesOf(pair);
  if (digits === undefined || roles.every((role) => digits[role] === PINNED_DIGITS)) return null;
  if (exact && roles.length === 2 && digits.source !== null && digits.source === digits.target) return null;
  const found = roles.map((role) => `${digits[role] ?? 'unknown'} in the ${role}`).join(' and ');
  return (
    `an amount of money is a whole number whose digits after the point lc_monetary tells (${found}), and it is read with ` +
    `${PINNED_DIGITS}: compare it as a numeric, by a view or another type of the column, or exclude it`
  );
}

/** What a reader should know of two columns of money that are compared by their whole numbers; null: nothing. */
export function moneyNote(pair: Pair, digits: MoneyDigits | undefined): string | null {
  const role = rolesOf(pair)[0];
  if (digits === undefined || role === undefined || digits[role] === PINNED_DIGITS) return null;
  return `amounts of money have ${digits[role] ?? 'unknown'} digits after the point by lc_monetary, and are shown as if they had ${PINNED_DIGITS}`;
}
