import { printable } from './text';

/** Quotes text in dollars, under a tag that the text does not hold: nothing in it is read as SQL or by psql. */
export function dollarQuoted(text: string): string {
  let tag = '$trueup$';
  for (let n = 1; text.includes(tag); n += 1) tag = `$trueup${n}$`;
  return `${tag}${text}${tag}`;
}

/** Makes a function or procedure in PL/pgSQL. */
export const plpgsql = (head: string, body: string) =>
  `create ${head} language plpgsql as ${dollarQuoted(`\n${body}\n`)};`;

/** SQL comments: nothing in the text can end them. */
export function comment(lines: readonly string[], indent = ''): string {
  return lines
    .flatMap((line) => line.split('\n'))
    .map((line) => `${indent}-- ${printable(line)}`.trimEnd())
    .join('\n');
}
