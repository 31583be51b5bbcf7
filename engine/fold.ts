import type { TextRule } from '../contracts/table-pair';

const ASCII = /^[\0-\x7f]*$/;

/**
 * Full case folding of Unicode, code point by code point, so that it depends on no neighbour and no locale: ß is ss, a
 * final ς is σ, K (Kelvin) is k. İ is i with a dot above it, and ı folds to nothing but itself: neither is i.
 */
export function foldCase(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  let folded = '';
  for (const character of text) {
    // By the lower case first: ẞ has no upper case of its own to go by.
    folded += character === 'ı' ? character : lower(lower(character).toUpperCase());
  }
  return folded;
}

function lower(text: string): string {
  let result = '';
  // A whole word would get a final sigma at its end.
  for (const character of text) result += character.toLowerCase();
  return result;
}

/** Without the spaces (U+0020, nothing else) at both ends, as SQL's `btrim` does it. */
export function trimSpaces(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && text[from] === ' ') from += 1;
  while (to > from && text[to - 1] === ' ') to -= 1;
  return text.slice(from, to);
}

/** Whether two texts differ in nothing but what the rule leaves out. Nothing is normalized: é is not e with an accent. */
export function sameText({ trim, caseless }: TextRule, a: string, b: string): boolean {
  const [x, y] = trim ? [trimSpaces(a), trimSpaces(b)] : [a, b];
  return x === y || (caseless && foldCase(x) === foldCase(y));
}
