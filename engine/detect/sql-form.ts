/*
 * Expressions as PostgreSQL writes them out (pg_get_expr and its like), so far as it takes to see whether two of them say
 * the same: the server's version, the names of schemas and the casts that a column's type brings along may differ.
 */

interface Token {
  readonly kind: 'space' | 'name' | 'string' | 'number' | 'other';
  readonly text: string;
}

const TOKEN =
  /(\s+)|("(?:[^"]|"")*"|[\p{L}_][\p{L}\p{N}_$]*)|(E?'(?:[^']|'')*')|(\d+(?:\.\d*)?(?:e[+-]?\d+)?)|(::|<>|<=|>=|[^\s])/giu;
const KINDS = ['space', 'name', 'string', 'number', 'other'] as const;

function tokensOf(sql: string): readonly Token[] {
  return [...sql.matchAll(TOKEN)].map((match) => {
    // E'…' begins like a name.
    const at = match.slice(1).findIndex((group) => group !== undefined);
    return { kind: KINDS[at] ?? 'other', text: match[0] };
  });
}

/** A name as it is in the catalog: without quotes. */
function bare(token: Token): string {
  return token.text.startsWith('"') ? token.text.slice(1, -1).replaceAll('""', '"') : token.text;
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** The expression with columns under other names; what is called, cast to or qualified is none of them. */
export function renameColumns(sql: string, names: ReadonlyMap<string, string>): string {
  const tokens = tokensOf(sql);
  const next = (at: number) => tokens[at + 1]?.text;
  return tokens
    .map((token, at) => {
      const to = token.kind === 'name' ? names.get(bare(token)) : undefined;
      const before = tokens[at - 1]?.text;
      const isColumn = next(at) !== '(' && next(at) !== '.' && before !== '.' && before !== '::';
      return to !== undefined && isColumn ? quoted(to) : token.text;
    })
    .join('');
}

export interface FormOptions {
  /** Schemas that are one and the same for this purpose, and left out. */
  readonly schemas: readonly string[];
  /** Whether casts are left out, as where the types of the columns differ anyway. */
  readonly withoutCasts: boolean;
}

/** What an expression says, as a text to compare by: equal for expressions that differ only in how they are written out. */
export function formOf(sql: string, options: FormOptions): string {
  const tokens = tokensOf(sql).filter((token, at, all) => !isQualifier(token, all[at + 1], all[at - 1], options));
  const { nodes } = parse(tokens, 0);
  return texts(uncast(nodes, options)).join(' ');
}

function isQualifier(token: Token, next: Token | undefined, before: Token | undefined, { schemas }: FormOptions) {
  const isSchema = (each: Token | undefined) =>
    each?.kind === 'name' && (bare(each) === 'pg_catalog' || schemas.includes(bare(each)));
  if (token.kind === 'name') return next?.text === '.' && isSchema(token);
  return token.text === '.' && isSchema(before);
}

type Node =
  { readonly token: Token } | { readonly open: string; readonly inner: readonly Node[]; readonly tight: boolean };

const CLOSES: Readonly<Record<string, string>> = { '(': ')', '[': ']' };

function parse(
  tokens: readonly Token[],
  from: number,
  close?: string,
): { readonly nodes: readonly Node[]; readonly end: number } {
  const nodes: Node[] = [];
  let at = from;
  for (; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (token === undefined || token.text === close) break;
    if (token.kind === 'space') continue;
    const closing = token.kind === 'other' ? CLOSES[token.text] : undefined;
    if (closing === undefined) {
      nodes.push({ token });
      continue;
    }
    const group = parse(tokens, at + 1, closing);
    nodes.push({ open: token.text, inner: group.nodes, tight: tokens[at - 1]?.kind === 'name' });
    at = group.end;
  }
  return { nodes, end: at };
}

const isToken = (node: Node | undefined, text: string) =>
  node !== undefined && 'token' in node && node.token.text === text;

/** Casts that say nothing: those between texts, which a column's own type brings along. */
const TEXTS = /^(text|character varying|varchar)(\[\])*$/;
/** Words of which the names of types with several of them are made. */
const TYPE_WORDS = new Set(['varying', 'precision', 'with', 'without', 'time', 'zone', 'local']);

function uncast(nodes: readonly Node[], options: FormOptions): readonly Node[] {
  const kept: Node[] = [];
  for (let at = 0; at < nodes.length; at += 1) {
    const node = nodes[at];
    if (node === undefined) break;
    if (!isToken(node, '::')) {
      kept.push('token' in node ? { token: plain(node.token) } : { ...node, inner: uncast(node.inner, options) });
      continue;
    }
    const end = typeEnd(nodes, at + 1);
    const type = texts(nodes.slice(at + 1, end))
      .join(' ')
      .replaceAll(' [ ]', '[]');
    const before = kept.at(-1);
    const literal = before && 'token' in before && before.token.kind === 'string' ? before.token.text : null;
    const number = literal === null ? null : asNumber(literal, options);
    if (number !== null && (options.withoutCasts || NUMBER_TYPE.test(type))) {
      kept.splice(-1, 1, { token: { kind: 'number', text: number } });
    } else if (!options.withoutCasts && !TEXTS.test(type)) kept.push(...nodes.slice(at, end));
    at = end - 1;
  }
  return unwrapped(kept);
}

const NUMBER_TYPE = /^(smallint|integer|bigint|numeric|real|double precision)\b/;

/** `'-1'` as `-1`; null: not a number. Where the types differ, a truth value is written without quotes too. */
function asNumber(literal: string, { withoutCasts }: FormOptions): string | null {
  const plainly = withoutCasts ? /^'(-?\d+(\.\d+)?|true|false)'$/ : /^'-?\d+(\.\d+)?'$/;
  return plainly.test(literal) ? literal.slice(1, -1) : null;
}

function typeEnd(nodes: readonly Node[], from: number): number {
  let end = from + 1;
  // A schema that was not left out stands before the name.
  while (isToken(nodes[end], '.')) end += 2;
  for (; end < nodes.length; end += 1) {
    const node = nodes[end];
    if (node === undefined) break;
    const isPart = 'token' in node ? TYPE_WORDS.has(node.token.text) : node.tight || node.open === '[';
    if (!isPart) break;
  }
  return end;
}

/** Quotes that a name does not need, and the case of words, say nothing. */
function plain(token: Token): Token {
  if (token.kind !== 'name') return token;
  const name = bare(token);
  return {
    kind: 'name',
    text: /^[a-z_][a-z0-9_$]*$/.test(name) ? name : token.text.startsWith('"') ? token.text : name.toLowerCase(),
  };
}

/** Without parentheses around what is one thing anyway. */
function unwrapped(nodes: readonly Node[]): readonly Node[] {
  const flat = nodes.map((node) => ('token' in node ? node : simplified(node)));
  const [only] = flat;
  return flat.length === 1 && only && 'inner' in only && only.open === '(' && !only.tight ? only.inner : flat;
}

function simplified(node: Exclude<Node, { readonly token: Token }>): Node {
  if (node.open !== '(' || node.tight) return node;
  const [first, second] = node.inner;
  if (node.inner.length === 1 && first) return first;
  // A call, or ARRAY[…].
  const isCall = node.inner.length === 2 && first && 'token' in first && second && 'inner' in second && second.tight;
  return isCall ? { open: '', inner: node.inner, tight: false } : node;
}

function texts(nodes: readonly Node[]): readonly string[] {
  return nodes.flatMap((node) => {
    if ('token' in node) return [node.token.text];
    return node.open === '' ? texts(node.inner) : [node.open, ...texts(node.inner), CLOSES[node.open] ?? ''];
  });
}
