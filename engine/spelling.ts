import type { TextRule } from '../contracts/table-pair';
import { sameText, trimSpaces } from './fold';

/** Types of which a text spells a value in two ways: as PostgreSQL puts it out, and as its cast to text has it. */
export type Spelling = 'boolean' | 'inet';

/** SQL for a text with each value of the type in one spelling: that of the output. */
export function spelled(type: Spelling, text: string): string {
  if (type === 'boolean') return `case ${text} when 'true' then 't' when 'false' then 'f' else ${text} end`;
  const isV6 = `strpos(${text}, ':') > 0`;
  return `case when ${text} like '%/32' and not ${isV6} then left(${text}, -3)
               when ${text} like '%/128' and ${isV6} then left(${text}, -4) else ${text} end`;
}

/** As {@link spelled}, of a text at hand, in lower case where case does not count. */
function spelling(type: Spelling, text: string): string {
  if (type === 'boolean') return text === 'true' ? 't' : text === 'false' ? 'f' : text;
  return text.replace(text.includes(':') ? /\/128$/ : /\/32$/, '');
}

/** Whether two texts spell one value of the type, but for what the rule leaves out. */
export function sameSpelling(type: Spelling, rule: TextRule, a: string, b: string): boolean {
  const [x = a, y = b] = [a, b].map((text) => {
    const trimmed = rule.trim ? trimSpaces(text) : text;
    return spelling(type, rule.caseless ? trimmed.toLowerCase() : trimmed);
  });
  return sameText(rule, x, y);
}
