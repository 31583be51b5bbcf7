import { setImmediate } from 'node:timers/promises';

/*
 * An isolation forest (Liu, Ting and Zhou, "Isolation-Based Anomaly Detection", ACM TKDD 6(1), 2012; first in ICDM 2008):
 * rows that few random cuts tell apart from all others are unusual. Scores are on scikit-learn's scale (`score_samples`):
 * −1 is the most unusual, −0.5 what lies in no way apart. A row that it was not grown from, and that lies far beyond all
 * that were, is alone after one cut by that feature (after SCiForest, Liu, Ting and Zhou, ECML 2010): a plain forest takes
 * it for the outermost of them.
 *
 * It is written out here, as the package for it, ml-isolation-forest 0.1.0, cannot be seeded, keeps the rows that it was
 * trained on in its leaves, trains each tree on all of them, and takes c(n) for 2·ln(n−1) + γ − …, which is another scale.
 */

/** Nodes in order, the root first: a cut, or a leaf with as many rows of the tree's sample. */
export type Tree = readonly TreeNode[];
export type TreeNode = readonly [feature: number, below: number, left: number, right: number] | readonly [rows: number];

export interface Forest {
  /** Rows that each tree was grown from. */
  readonly sample: number;
  readonly trees: readonly Tree[];
  /** By feature, what lies beyond all rows that it was grown from by more than these lie apart. */
  readonly limits: readonly (readonly [lower: number, upper: number])[];
}

export interface ForestOptions {
  readonly seed: number;
  /** Default: 100, as the paper and scikit-learn have it. */
  readonly trees?: number;
  /** Default: 256, as the paper and scikit-learn have it. */
  readonly sample?: number;
  /** Features that share one chance to be cut by, such as those of one column; default: each has its own. */
  readonly groups?: readonly (readonly number[])[];
  readonly signal?: AbortSignal;
}

/** A row's features, as many for each row. */
export type Features = Readonly<Float64Array>;

/** Grows a forest; the same rows in the same order, and the same seed, give the same one. Lets others run between trees. */
export async function growForest(rows: readonly Features[], options: ForestOptions): Promise<Forest> {
  const { seed, trees: count = 100, signal } = options;
  const sample = Math.min(rows.length, options.sample ?? 256);
  const random = randomFrom(seed);
  const groups = options.groups ?? Array.from(rows[0] ?? [], (_, feature) => [feature]);
  const deepest = Math.ceil(Math.log2(Math.max(2, sample)));
  const trees: Tree[] = [];
  while (trees.length < count) {
    const tree: TreeNode[] = [];
    grow(tree, drawn(rows, sample, random), 0, { deepest, groups, random });
    trees.push(tree);
    await setImmediate();
    signal?.throwIfAborted();
  }
  return { sample, trees, limits: limitsOf(rows) };
}

/** `count` of the rows, none twice. */
function drawn(rows: readonly Features[], count: number, random: () => number): readonly Features[] {
  const all = [...rows];
  for (let at = 0; at < count; at += 1) {
    const other = at + Math.floor(random() * (all.length - at));
    const [a, b] = [all[at], all[other]];
    if (a && b) [all[at], all[other]] = [b, a];
  }
  return all.slice(0, count);
}

function limitsOf(rows: readonly Features[]): Forest['limits'] {
  return Array.from(rows[0] ?? [], (_, feature) => {
    const [least, greatest] = endsOf(rows, feature);
    return [2 * least - greatest, 2 * greatest - least];
  });
}

/** The least and the greatest value of a feature. */
function endsOf(rows: readonly Features[], feature: number): readonly [least: number, greatest: number] {
  let [least, greatest] = [Infinity, -Infinity];
  for (const row of rows) {
    const value = row[feature] ?? 0;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  return [least, greatest];
}

interface Growing {
  readonly deepest: number;
  readonly groups: readonly (readonly number[])[];
  readonly random: () => number;
}

function grow(tree: TreeNode[], rows: readonly Features[], depth: number, growing: Growing): number {
  const at = tree.push([rows.length]) - 1;
  const cut = depth < growing.deepest && rows.length > 1 ? cutOf(rows, growing) : null;
  if (!cut) return at;
  const [feature, below] = cut;
  const isLeft = (row: Features) => (row[feature] ?? 0) < below;
  const left = grow(tree, rows.filter(isLeft), depth + 1, growing);
  const isRight = (row: Features) => !isLeft(row);
  const right = grow(tree, rows.filter(isRight), depth + 1, growing);
  tree[at] = [feature, below, left, right];
  return at;
}

/** A feature in which the rows differ, and a place between the least and the greatest of its values; null: none differs. */
function cutOf(
  rows: readonly Features[],
  { groups, random }: Growing,
): readonly [feature: number, below: number] | null {
  const untried = groups.map((group) => [...group]).filter((group) => group.length > 0);
  while (untried.length > 0) {
    const at = Math.floor(random() * untried.length);
    const group = untried[at] ?? [];
    const [feature = 0] = group.splice(Math.floor(random() * group.length), 1);
    if (group.length === 0) untried.splice(at, 1);
    const [least, greatest] = endsOf(rows, feature);
    // Above the least, so that neither side is empty.
    if (least < greatest) return [feature, Math.max(least + random() * (greatest - least), nextAfter(least, greatest))];
  }
  return null;
}

function nextAfter(least: number, greatest: number): number {
  const step = Math.max(Math.abs(least) * Number.EPSILON, Number.MIN_VALUE);
  return Math.min(least + step, greatest);
}

/** How unusual a row is: −1 the most, 0 the least. */
export function scoreOf({ sample, trees, limits }: Forest, row: Features): number {
  let sum = 0;
  for (const tree of trees) sum += pathLength(tree, row, limits);
  const expected = averagePath(sample);
  return expected === 0 || trees.length === 0 ? -0.5 : -(2 ** (-sum / trees.length / expected));
}

function pathLength(tree: Tree, row: Features, limits: Forest['limits']): number {
  let depth = 0;
  let node = tree[0];
  while (node !== undefined && node.length === 4) {
    const [feature, below, left, right] = node;
    const value = row[feature] ?? 0;
    const [lower, upper] = limits[feature] ?? [-Infinity, Infinity];
    depth += 1;
    if (value < lower || value > upper) return depth;
    node = tree[value < below ? left : right];
  }
  return depth + averagePath(node?.[0] ?? 0);
}

const EULER = 0.577_215_664_901_532_9;

/** c(n) of the paper: cuts that an unsuccessful search in a random tree of n rows takes on average. */
export function averagePath(rows: number): number {
  if (rows <= 1) return 0;
  if (rows === 2) return 1;
  return 2 * (Math.log(rows - 1) + EULER) - (2 * (rows - 1)) / rows;
}

/** Numbers from 0 up to 1, the same for the same seed: mulberry32. */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
