import type { TableChecks } from '../../contracts/check';
import type { Comparison } from '../../contracts/comparison';
import { TrueupError } from '../../contracts/errors';
import { quoteIdentifier, quoteLiteral } from '../../database/identifier';
import type { ColumnPair } from '../column-pair';
import { alias, keyTuple, orderBy } from '../range';
import type { Side } from '../side';
import { needColumn } from './column';
import { readTime, type TimeReading } from './time-reading';

/** What the times of a row have to be. */
export interface TimeRule {
  /** What tells it from the others, and says it: `created_at <= shipped_at`. */
  readonly name: string;
  /** What is wrong with a row that breaks it. */
  readonly broken: string;
  readonly columns: readonly ColumnPair[];
  /** SQL of the target that is true for a row that breaks it. */
  readonly breaks: string;
  /** What the rows are read from, where a row alone does not tell; by the name of the table. */
  readonly from?: (target: Side) => string;
  /** SQL of the source, true where the row whose key is looked for breaks it too; absent: its own values tell. */
  readonly breaksInSource?: (source: Side) => string;
}

type Columns = ReadonlyMap<string, ColumnPair>;

/**
 * The rules that the config has for a table pair, each once.
 *
 * @throws COLUMN_NOT_FOUND, CHECK_INVALID: a rule cannot be.
 */
export async function timeRules(
  comparison: Comparison,
  checks: TableChecks,
  columns: Columns,
  reading: TimeReading,
): Promise<readonly TimeRule[]> {
  const { name: table } = comparison.pair;
  const column = (check: string, name: string, allowed: readonly TimeKind[]) => {
    const found = needColumn(columns, name, { table, check });
    const kind = timeKind(found.target.baseType);
    if (kind !== null && allowed.includes(kind)) return { found, kind, sql: quoteIdentifier(found.target.name) };
    throw new TrueupError(
      'CHECK_INVALID',
      `table ${table}: ${check}: the target's ${found.target.name} is ${found.target.type}; allowed are ${allowed.map((each) => TYPES[each]).join(', ')}`,
    );
  };
  const rules: TimeRule[] = [];
  for (const { left, operator, right } of checks.order) {
    const name = `${left} ${operator} ${right}`;
    const a = column(name, left, TIMES);
    const b = column(name, right, TIMES);
    const sql = compared(a, b, reading.zone);
    if (sql === null) {
      const what = `${TYPES[a.kind]} and ${TYPES[b.kind]}`;
      const allowed = 'two times of day of one type, or dates and timestamps';
      throw new TrueupError('CHECK_INVALID', `table ${table}: ${name} compares ${what}; allowed are ${allowed}`);
    }
    rules.push({
      name,
      broken: `${name} does not hold`,
      columns: left === right ? [a.found] : [a.found, b.found],
      breaks: `not (${sql[0]} ${operator} ${sql[1]})`,
    });
  }
  for (const name of checks.notFuture) {
    const { found, kind, sql } = column(`notFuture of ${name}`, name, INSTANTS);
    rules.push({
      name: `${name} not in the future`,
      broken: `${name} is in the future`,
      columns: [found],
      breaks: `${sql} > ${nowAs(kind, reading.zone)}`,
    });
  }
  for (const [name, earliest] of Object.entries(checks.notBefore)) {
    const check = `notBefore of ${name}`;
    const { found, sql } = column(check, name, TIMES);
    if (!(await readTime(reading, earliest, found.target.baseType))) {
      const allowed = `allowed is what PostgreSQL reads as ${found.target.baseType}`;
      throw new TrueupError('CHECK_INVALID', `table ${table}: ${check}: found ${JSON.stringify(earliest)}; ${allowed}`);
    }
    rules.push({
      name: `${name} not before ${earliest}`,
      broken: `${name} is before ${earliest}`,
      columns: [found],
      breaks: `${sql} < ${quoteLiteral(earliest)}::${found.target.baseType}`,
    });
  }
  for (const name of checks.monotonic) {
    rules.push(monotonic(comparison, name, column(`monotonic of ${name}`, name, TIMES).found));
  }
  return [...new Map(rules.map((rule) => [rule.name, rule])).values()];
}

/** One scan in the order of the key, which an index gives. */
function monotonic(comparison: Comparison, name: string, found: ColumnPair): TimeRule {
  const { pair, strategy, key } = comparison;
  if (key.length === 0 || strategy !== 'ranges') {
    const what =
      key.length === 0 ? 'there is no key' : `the key (${key.map(({ source }) => source).join(', ')}) has none`;
    throw new TrueupError(
      'CHECK_INVALID',
      `table ${pair.name}: monotonic of ${name}: ${what}; needed is a key whose order an index of both sides gives`,
    );
  }
  const column = quoteIdentifier(found.target.name);
  const before = '"trueup:before"';
  const inSource = quoteIdentifier(found.source.name);
  return {
    name: `${name} along the key`,
    broken: `${name} is earlier than in the row before, in the order of the key`,
    columns: [found],
    breaks: `${column} < ${before}`,
    from: (side) => `(select *, lag(${column}) over (order by ${orderBy(side)}) as ${before} from ${side.relation}
        where ${side.filter} and ${column} is not null) as ${side.table}`,
    breaksInSource: (side) => {
      const wanted = side.key.map((_, i) => `"trueup:wanted".${alias('w', i)}`).join(', ');
      return `${inSource} < (select ${inSource} from ${side.relation}
        where ${side.filter} and ${inSource} is not null and ${keyTuple(side)} < (${wanted})
        order by ${orderBy(side, 'desc')} limit 1)`;
    },
  };
}

type TimeKind = keyof typeof TYPES;

const TYPES = {
  date: 'date',
  timestamp: 'timestamp without time zone',
  timestamptz: 'timestamp with time zone',
  time: 'time without time zone',
  timetz: 'time with time zone',
} as const;
const INSTANTS: readonly TimeKind[] = ['date', 'timestamp', 'timestamptz'];
const TIMES: readonly TimeKind[] = [...INSTANTS, 'time', 'timetz'];

function timeKind(baseType: string): TimeKind | null {
  return TIMES.find((kind) => TYPES[kind] === baseType) ?? null;
}

interface Operand {
  readonly kind: TimeKind;
  readonly sql: string;
}

/**
 * The two in a form in which they compare; null: there is none. A date has no hour: what it is compared with counts by its
 * day. Without a time zone, a time is one of the database's own zone.
 */
function compared(a: Operand, b: Operand, zone: string): readonly [string, string] | null {
  if (a.kind === b.kind) return [a.sql, b.sql];
  if (!INSTANTS.includes(a.kind) || !INSTANTS.includes(b.kind)) return null;
  const local = ({ kind, sql }: Operand) =>
    kind === 'timestamptz' ? `(${sql} at time zone ${quoteLiteral(zone)})` : sql;
  if (a.kind !== 'date' && b.kind !== 'date') return [local(a), local(b)];
  return [`(${local(a)})::date`, `(${local(b)})::date`];
}

/** The clock while the rows are read: what was written before that is never later, where the clocks are right. */
function nowAs(kind: TimeKind, zone: string): string {
  if (kind === 'timestamptz') return 'clock_timestamp()';
  const local = `(clock_timestamp() at time zone ${quoteLiteral(zone)})`;
  return kind === 'date' ? `${local}::date` : local;
}
