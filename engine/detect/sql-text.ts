/** What an SQL text comes to: its one statement, without what ends it, or how many there are. */
export type OneStatement =
  | { readonly ok: true; readonly statement: string; readonly firstWord: string }
  | { readonly ok: false; readonly why: string };

/**
 * The one statement of an SQL text, so that it can stand in parentheses: without a semicolon at its end and what follows
 * it. Comments stay; whoever puts something after it has to begin a new line.
 */
export function oneStatement(sql: string): OneStatement {
  let end: number | null = null;
  let firstWord: string | null = null;
  let depth = 0;
  for (const { kind, from, text } of tokens(sql)) {
    if (kind === 'open') return { ok: false, why: `${text} is not closed` };
    if (kind === 'blank') continue;
    if (kind === 'semicolon') {
      end ??= from;
      continue;
    }
    if (end !== null) return { ok: false, why: 'there is a second statement' };
    if (text === '(') depth += 1;
    if (text === ')') depth -= 1;
    if (depth < 0) return { ok: false, why: 'a parenthesis is closed that was not opened' };
    if (text !== '(') firstWord ??= kind === 'word' ? text.toLowerCase() : '';
  }
  if (depth > 0) return { ok: false, why: 'a parenthesis is not closed' };
  const statement = sql.slice(0, end ?? sql.length).trim();
  return firstWord === null ? { ok: false, why: 'there is no statement' } : { ok: true, statement, firstWord };
}

interface Token {
  readonly kind: 'blank' | 'semicolon' | 'word' | 'other' | 'open';
  readonly from: number;
  readonly text: string;
}

/** What a token looks like from where it begins; the first that fits counts. */
const FORMS: readonly (readonly [kind: Token['kind'], form: RegExp])[] = [
  ['blank', /\s+/y],
  ['blank', /--[^\r\n]*/y],
  ['semicolon', /;/y],
  ['other', /[eE]'(?:[^'\\]|''|\\[^])*'/y],
  ['other', /'(?:[^']|'')*'/y],
  ['other', /"(?:[^"]|"")*"/y],
  ['open', /[eE]'|['"]/y],
  ['word', /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y],
  // A number, so that what follows it is not taken for the beginning of a quote.
  ['other', /\d[\w.]*/y],
];

function* tokens(sql: string): Generator<Token> {
  for (let at = 0; at < sql.length;) {
    const token = comment(sql, at) ?? dollarQuote(sql, at) ?? plain(sql, at);
    yield token;
    at += token.text.length;
  }
}

function plain(sql: string, from: number): Token {
  for (const [kind, form] of FORMS) {
    form.lastIndex = from;
    const text = form.exec(sql)?.[0];
    if (text !== undefined) return { kind, from, text };
  }
  return { kind: 'other', from, text: sql.charAt(from) };
}

/** A comment between slashes and stars may hold others. */
function comment(sql: string, from: number): Token | null {
  if (!sql.startsWith('/*', from)) return null;
  const mark = /\/\*|\*\//g;
  mark.lastIndex = from;
  let depth = 0;
  for (let found = mark.exec(sql); found; found = mark.exec(sql)) {
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return { kind: 'blank', from, text: sql.slice(from, mark.lastIndex) };
  }
  return { kind: 'open', from, text: '/*' };
}

function dollarQuote(sql: string, from: number): Token | null {
  const form = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
  form.lastIndex = from;
  const tag = form.exec(sql)?.[0];
  if (tag === undefined) return null;
  const end = sql.indexOf(tag, from + tag.length);
  if (end < 0) return { kind: 'open', from, text: tag };
  return { kind: 'other', from, text: sql.slice(from, end + tag.length) };
}
