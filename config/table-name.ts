/** A table's name as the config writes it: `orders`, `sales.orders` or `public."Order Items"`. */
export interface TableName {
  readonly schema: string;
  readonly table: string;
}

export const DEFAULT_SCHEMA = 'public';

export const TABLE_NAME_FORM = 'a table such as orders, sales.orders or public."Order Items"';

/** PostgreSQL cuts longer names silently, so a longer one in the config can only be a mistake. */
const LONGEST_IDENTIFIER_BYTES = 63;

/** What needs no quotes; nothing that a URL, with a password in it, could be taken for. */
const PLAIN = String.raw`[\p{L}\p{M}\p{N}_$#-]+`;
const PLAIN_ONLY = new RegExp(`^${PLAIN}$`, 'u');
const PART = String.raw`(?:"((?:[^"\0]|"")+)"|(${PLAIN}))`;
const QUALIFIED = new RegExp(`^${PART}(?:\\.${PART})?$`, 'u');

/**
 * Reads a table's name. Unquoted parts are taken as they are written, not folded to lower case: the config is not SQL,
 * and the names of columns beside it are exact too. Quotes are for names with other signs than letters, digits, _, $, #, -.
 * Null when the text is not of {@link TABLE_NAME_FORM}.
 */
export function parseTableName(text: string): TableName | null {
  const match = QUALIFIED.exec(text);
  if (!match) return null;
  const first = unquoted(match[1], match[2]);
  const second = unquoted(match[3], match[4]);
  if (first === null) return null;
  const name = second === null ? { schema: DEFAULT_SCHEMA, table: first } : { schema: first, table: second };
  return isIdentifier(name.schema) && isIdentifier(name.table) ? name : null;
}

/** The shortest text that {@link parseTableName} reads back as the same table. */
export function formatTableName({ schema, table }: TableName): string {
  return schema === DEFAULT_SCHEMA ? part(table) : `${part(schema)}.${part(table)}`;
}

/** Whether PostgreSQL could hold something by exactly this name. */
export function isIdentifier(name: string): boolean {
  return name.length > 0 && !name.includes('\0') && Buffer.byteLength(name) <= LONGEST_IDENTIFIER_BYTES;
}

function unquoted(quoted: string | undefined, plain: string | undefined): string | null {
  return quoted?.replaceAll('""', '"') ?? plain ?? null;
}

function part(name: string): string {
  return PLAIN_ONLY.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
