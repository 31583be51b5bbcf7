import type { CheckFinding } from '../../contracts/check';
import type { ChunkRange } from '../../contracts/chunk';
import type { Comparison } from '../../contracts/comparison';
import type { Difference } from '../../contracts/difference';
import type { TextRow } from '../../contracts/finding';
import type { Queryable } from '../../database/connection';
import { compareChunk, type Sides } from '../compare-chunk';
import { keyText, keyValues, type KeyValues } from '../key';
import { settledBoth } from '../locate';
import { isKey } from '../plan-chunks';
import { keyColumns, Parameters } from '../range';
import { fromKeys, keyOf } from '../row';
import { differencesNow, readBoth } from '../settle';
import { sideOf, type Role, type Side } from '../side';
import { bucketCount } from '../slice';
import { rowGroupHash, type Grouping } from './grouping';
import type { KeyedPair } from './keyed';

/** What the rows of a group that differs come to. */
export interface DrilledGroup {
  missing: number;
  extra: number;
  /** Rows that differ in their columns, or that the other side has in another group. */
  differ: number;
  /** The first of their keys, for people; and whether there are more. */
  readonly keys: string[];
  more: boolean;
  /** How many of its rows were looked at. */
  seen: 'all' | 'some' | 'none';
}

export interface Drilled {
  /** In the order of the groups. */
  readonly groups: readonly DrilledGroup[];
  /** Whether every row that differed still did when it was read again: else the groups say nothing for certain. */
  readonly isStill: boolean;
  /** The bounds that were met. */
  readonly notes: readonly string[];
}

export interface DrillDownOptions {
  readonly comparison: Comparison;
  readonly sides: Sides;
  readonly grouping: Grouping;
  /** The groups that differ, with their numbers of rows as first value. */
  readonly groups: readonly KeyedPair[];
  readonly signal: AbortSignal | undefined;
}

/** Rows that become findings, at the most; no more are looked for then. */
export const MOST_ROWS = 10_000;
/** Groups whose rows are looked at one by one, where no key tells which of them a row is in. */
const MOST_SCANS = 20;
const FIRST_KEYS = 10;

/** Ends the comparison of rows when enough of them were found. */
class Enough extends Error {}

/**
 * Compares the rows of the groups that differ, and hands them on as findings, up to {@link MOST_ROWS} of them. Rows that
 * no key tells apart are compared group by group, of the first {@link MOST_SCANS} groups.
 */
export async function drillDown(
  options: DrillDownOptions,
  onRows: (findings: readonly CheckFinding[]) => Promise<void>,
): Promise<Drilled> {
  if (options.groups.length === 0) return { groups: [], isStill: true, notes: [] };
  const drill = new DrillDown(options, onRows);
  const { comparison, sides, signal } = options;
  try {
    if (await isKey(comparison, sides, signal)) {
      await drill.compareKeyed();
      if (comparison.keyNullable) await drill.compareUnkeyed('nulls');
    } else {
      await drill.compareUnkeyed('multiset');
    }
  } catch (error) {
    if (!(error instanceof Enough)) throw error;
    drill.cut();
  }
  return { groups: drill.groups, isStill: drill.isStill, notes: drill.notes };
}

class DrillDown {
  readonly groups: readonly DrilledGroup[];
  readonly notes: string[] = [];
  isStill = true;
  readonly #byKey: ReadonlyMap<string, DrilledGroup>;
  #found = 0;

  constructor(
    private readonly options: DrillDownOptions,
    private readonly onRows: (findings: readonly CheckFinding[]) => Promise<void>,
  ) {
    this.groups = options.groups.map(() => ({ missing: 0, extra: 0, differ: 0, keys: [], more: false, seen: 'all' }));
    this.#byKey = new Map(options.groups.map(({ key }, i) => [keyText(key), this.groups[i] as DrilledGroup]));
  }

  /** The rows with a key, of all groups in one comparison. */
  async compareKeyed(): Promise<void> {
    const { options } = this;
    await this.#compare('buckets', options.groups, async (differences) => {
      const keys = differences.map(({ key }) => keyValues(options.comparison, key));
      const { comparison, sides, signal } = options;
      // As they are in both tables, not in the groups alone: a row may be in another group of the other side.
      const rows = await readBoth(comparison, sides, keys, signal);
      const now = await differencesNow(comparison, sides, keys, rows, signal);
      const [source, target] = await settledBoth(
        this.#groupsOf(sides.source, keys),
        this.#groupsOf(sides.target, keys),
      );
      const found = now.flatMap((difference, i) => {
        const key = keyText(keys[i] ?? []);
        const groups = [source.get(key), target.get(key)].flatMap((group) => this.#byKey.get(group ?? '') ?? []);
        if (difference === null || groups.length === 0) {
          this.isStill = false;
          return [];
        }
        for (const group of new Set(groups)) this.#note(group, difference);
        return [this.#finding(difference, '')];
      });
      await this.#hand(found);
    });
  }

  /** The rows that no key tells apart, group by group. */
  async compareUnkeyed(kind: 'nulls' | 'multiset'): Promise<void> {
    const { groups } = this.options;
    for (const [i, group] of groups.slice(0, MOST_SCANS).entries()) {
      await this.#compare(kind, [group], async (differences) => {
        for (const difference of differences) this.#note(this.groups[i], difference);
        await this.#hand(differences.map((difference) => this.#finding(difference, `in ${keyText(group.key)}`)));
      });
    }
    if (groups.length <= MOST_SCANS) return;
    for (const group of this.groups.slice(MOST_SCANS)) group.seen = kind === 'nulls' ? 'some' : 'none';
    const which = kind === 'nulls' ? 'rows whose key is NULL' : 'rows, as they have no key,';
    this.notes.push(`${which} were looked at in the first ${MOST_SCANS} groups that do not match`);
  }

  /** Says of every group that not all of it was looked at. */
  cut(): void {
    for (const group of this.groups) group.seen = group.missing + group.extra + group.differ > 0 ? 'some' : 'none';
    this.notes.push(`the first ${MOST_ROWS} rows that differ are findings, there are more`);
  }

  async #compare(
    kind: Exclude<ChunkRange['kind'], 'range'>,
    groups: readonly KeyedPair[],
    onDifferences: (differences: readonly Difference[]) => Promise<void>,
  ): Promise<void> {
    const { comparison, sides, grouping, signal } = this.options;
    const hashes = `'{${groups.map(({ hash }) => hash).join()}}'::bigint[]`;
    const within = (role: Role) => `${rowGroupHash(grouping, role, comparison.hash)} = any (${hashes})`;
    const part: Comparison = { ...comparison, within: { source: within('source'), target: within('target') } };
    const partSides = {
      source: sideOf(part, 'source', sides.source.database),
      target: sideOf(part, 'target', sides.target.database),
    };
    const rows = groups.reduce((sum, { source, target }) => {
      return sum + Math.max(Number(source?.[0] ?? 0), Number(target?.[0] ?? 0));
    }, 0);
    const chunk: ChunkRange = { kind, from: null, to: null, low: null, high: null, slices: bucketCount(rows) };
    await compareChunk(part, partSides, chunk, onDifferences, signal);
  }

  /** The group of each row of a side that has one of the keys, as {@link keyText}. */
  async #groupsOf(side: Side, keys: readonly KeyValues[]): Promise<ReadonlyMap<string, string>> {
    const { items } = this.options.grouping;
    const parameters = new Parameters();
    const columns = [keyColumns(side), ...items.map((item, i) => `${item[side.role]} as "trueup:g${i}"`)].join(', ');
    const statement = `select ${columns} ${fromKeys(side, keys, parameters)}`;
    const { rows } = await side.database.withSession(
      (session: Queryable) => session.query<Record<string, string | null>>(statement, parameters.values),
      this.options.signal,
    );
    return new Map(rows.map((row) => [keyOf(side, row), keyText(items.map((_, i) => row[`trueup:g${i}`] ?? null))]));
  }

  #note(group: DrilledGroup | undefined, { type, key, counts }: Difference): void {
    if (!group) return;
    const rows = counts ? Math.abs(counts.source - counts.target) : 1;
    if (type === 'missing_in_target') group.missing += rows;
    else if (type === 'extra_in_target') group.extra += rows;
    else group.differ += rows;
    if (group.keys.length < FIRST_KEYS) group.keys.push(shownKey(key));
    else group.more = true;
  }

  #finding({ type, key, differences, source, target, counts }: Difference, about: string): CheckFinding {
    const { pair } = this.options.comparison;
    return {
      table: pair.name,
      type,
      severity: pair.critical ? 'critical' : type === 'field_mismatch' ? 'medium' : 'high',
      about: `row ${about}`.trim(),
      key,
      differences,
      source,
      target,
      detail: counts
        ? `${counts.source} equal rows in the source, ${counts.target} in the target`
        : 'of a group whose aggregates do not match',
    };
  }

  async #hand(findings: readonly CheckFinding[]): Promise<void> {
    const room = MOST_ROWS - this.#found;
    this.#found += findings.length;
    await this.onRows(findings.slice(0, room));
    if (findings.length > room) throw new Enough();
  }
}

const LONGEST_KEY = 80;

function shownKey(key: TextRow): string {
  const text = Object.entries(key)
    .map(([name, value]) => `${name}=${value ?? 'NULL'}`)
    .join(' ');
  return text.length <= LONGEST_KEY ? text : `${text.slice(0, LONGEST_KEY)}…`;
}
