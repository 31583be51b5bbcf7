import { DEFAULTS } from './config';
import { DEFAULT_SCHEMA, formatTableName, type TableName } from './table-name';

/** What `trueup init` knows of one base table. */
export interface TableFacts {
  readonly schema: string;
  readonly name: string;
  readonly hasPrimaryKey: boolean;
  /** Columns that triggers of the table give a value before a row is written; absent: none is known of. */
  readonly maintained?: readonly MaintainedColumn[];
}

/** A column that a trigger maintains, whatever is written to it. */
export interface MaintainedColumn {
  readonly column: string;
  readonly trigger: string;
}

export interface TemplateInput {
  readonly source: { readonly tables: readonly TableFacts[] };
  readonly target: { readonly tables: readonly TableFacts[] };
  /** Tables of this schema are Trueup's own, and are passed over; default: `trueup`. */
  readonly ledgerSchema?: string;
}

interface Pair {
  readonly source: TableFacts;
  readonly target: TableFacts;
}

/**
 * The text of a trueup.yaml for two databases: same-named tables are paired, what has no partner is named in a comment.
 * It holds names only; the URLs stay in the environment. What it returns loads.
 */
export function renderConfigTemplate(input: TemplateInput): string {
  const ledgerSchema = input.ledgerSchema ?? DEFAULTS.ledgerSchema;
  const foreign = (tables: readonly TableFacts[]) => tables.filter((each) => each.schema !== ledgerSchema);
  const { pairs, onlySource, onlyTarget } = pairTables(foreign(input.source.tables), foreign(input.target.tables));
  const keyed = pairs.filter((pair) => pair.source.hasPrimaryKey && pair.target.hasPrimaryKey);
  const keyless = pairs.filter((pair) => !keyed.includes(pair));
  const name = nameGiver();
  return [
    ...head(ledgerSchema),
    ...(keyed.length > 0
      ? ['tables:', ...keyed.flatMap((pair) => entryLines(pair, name(pair)))]
      : ['# tables:', '#   No pair of same-named tables with a primary key on both sides was found.']),
    ...comment(
      'Without a primary key on both sides. Name unique, never-NULL columns under key, then uncomment:',
      keyless.flatMap((pair) => [...entryLines(pair, name(pair)), '    key: []']),
    ),
    ...comment('Only in the source, not compared:', onlySource.map(described)),
    ...comment('Only in the target, not compared:', onlyTarget.map(described)),
    '',
  ].join('\n');
}

function head(ledgerSchema: string): string[] {
  return [
    '# Trueup: which tables to reconcile, and what may be fixed without asking.',
    '# Secrets come from the environment: set LEGACY_URL (source) and MODERN_URL (target), for the worker too.',
    'connections:',
    '  legacy: { url: "${LEGACY_URL}" }',
    '  modern: { url: "${MODERN_URL}" }',
    `ledger: { connection: modern, schema: ${yamlText(ledgerSchema)} } # what was found, decided and done`,
    'defaults:',
    '  source: legacy',
    '  target: modern',
    '  exclude: [] # columns that may differ, such as updated_at',
    `  chunkRows: ${DEFAULTS.chunkRows} # rows that are fingerprinted together`,
    `  concurrency: ${DEFAULTS.concurrency} # chunks compared at once`,
    '  statementTimeout: 1h # what takes longer is cancelled, and its rows are said not to be compared; 0s: never',
    '  settle: { delay: 2s, attempts: 3 } # a difference is read again before it is reported',
    '  approvalTimeout: 24h # without a decision by then, nothing that needs one is done',
    '  corrections: { missing: auto, mismatched: approve, extra: approve } # auto, approve, review or ignore',
    `  guard: { rows: ${DEFAULTS.guard.rows}, percent: ${DEFAULTS.guard.percent}, wipe: ${DEFAULTS.guard.wipe} } # to delete or overwrite more of a table, or to delete half of it, takes an override`,
    '  fourEyes: false # true: who requested a run cannot approve it',
    '# To spare the databases: maxConnections beside a url, and fewer chunks at once or a pause by a number:',
    '# throttle:',
    '#   maxChunksPerConnection: 2',
    '#   pauseWhile: { name: lag, connection: legacy, above: 10, every: 10s, query: "select 0" }',
    '',
    '# A table may also say what counts as equal in a column: tolerance: { amount: 0.01, seen_at: 2s },',
    '# text: { name: trim, email: caseless, city: trim caseless }.',
  ];
}

function pairTables(source: readonly TableFacts[], target: readonly TableFacts[]) {
  const pairs: Pair[] = [];
  const paired = new Set<TableFacts>();
  const pair = (from: TableFacts, to: TableFacts) => {
    pairs.push({ source: from, target: to });
    paired.add(from).add(to);
  };
  for (const from of source) {
    const to = target.find((each) => each.schema === from.schema && each.name === from.name);
    if (to) pair(from, to);
  }
  for (const from of source.filter((each) => !paired.has(each))) {
    const sameName = (each: TableFacts) => each.name === from.name && !paired.has(each);
    const [to, ...others] = target.filter(sameName);
    if (to && others.length === 0 && source.filter(sameName).length === 1) pair(from, to);
  }
  const order = new Map(source.map((each, index) => [each, index]));
  return {
    pairs: pairs.sort((a, b) => (order.get(a.source) ?? 0) - (order.get(b.source) ?? 0)),
    onlySource: source.filter((each) => !paired.has(each)),
    onlyTarget: target.filter((each) => !paired.has(each)),
  };
}

/** Names for pairs: the table's, with its schema where two have the same, each of them given once. */
function nameGiver(): (pair: Pair) => string {
  const given = new Set<string>();
  return ({ source }) => {
    const wishes = [source.name, `${source.schema}.${source.name}`].map((wish) =>
      wish.replaceAll(/\p{Cc}|:\/\//gu, '_'),
    );
    let name = wishes.find((wish) => wish.trim() !== '' && !given.has(wish));
    for (let n = 2; name === undefined; n++) {
      const numbered = `${wishes[1]} ${n}`;
      if (!given.has(numbered)) name = numbered;
    }
    given.add(name);
    return name;
  };
}

function entryLines({ source, target }: Pair, name: string): string[] {
  const lines = [`  - name: ${yamlText(name)}`];
  const sameTable = source.schema === target.schema && source.name === target.name;
  const saidByName = formatTableName(tableName(source)) === name && source.schema === DEFAULT_SCHEMA;
  if (!saidByName) lines.push(`    source: ${yamlText(formatTableName(tableName(source)))}`);
  if (!sameTable) lines.push(`    target: ${yamlText(formatTableName(tableName(target)))}`);
  return [...lines, ...maintainedLines(target.maintained ?? [])];
}

/**
 * A suggestion, and no more: whether a trigger leaves a value of the source as it is cannot be seen from here, and a column
 * that is left out is not compared.
 */
function maintainedLines(maintained: readonly MaintainedColumn[]): string[] {
  if (maintained.length === 0) return [];
  const triggers = [...new Set(maintained.map(({ trigger }) => trigger))];
  const columns = [...new Set(maintained.map(({ column }) => column))];
  const [word, verb] = triggers.length === 1 ? ['trigger', 'sets'] : ['triggers', 'set'];
  const named = triggers.map((name) => JSON.stringify(name)).join(', ');
  return [
    `    # The target's ${word} ${named} ${verb} this whenever a row is written; where it then differs from the source:`,
    `    # exclude: [${columns.map(yamlText).join(', ')}]`,
  ];
}

function tableName(facts: TableFacts): TableName {
  return { schema: facts.schema, table: facts.name };
}

function described(facts: TableFacts): string {
  const note = facts.hasPrimaryKey ? '' : ' (no primary key)';
  return `  - ${yamlText(`${facts.schema}.${facts.name}`)}${note}`;
}

function comment(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `# ${title}`, ...lines.map((line) => `# ${line}`)];
}

/** A YAML scalar that reads back as exactly this text: plain where that is safe, else in double quotes. */
function yamlText(text: string): string {
  const plain = /^[A-Za-z_][\w.]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return plain ? text : JSON.stringify(text.replaceAll('${', () => '$${'));
}
