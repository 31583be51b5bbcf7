import type { ComparedColumn } from '../../contracts/comparison';
import type { TextRow } from '../../contracts/finding';
import { quoteIdentifier } from '../../database/identifier';
import { isNumber, isTime } from '../common-type';
import type { Role } from '../side';
import { castSql } from '../zone';
import type { Features } from './isolation-forest';

/** Characters of a text that are looked at. */
const MOST_CHARACTERS = 64;

/** What is read of a column, and what is made of it. */
interface Kind {
  /** SQL for texts that are read of a value. */
  readonly read: (value: string) => readonly string[];
  readonly names: (column: string) => readonly string[];
  /** Numbers of what was read; not called for NULL. */
  readonly numbers: (texts: readonly string[]) => readonly number[];
}

const number: Kind = {
  read: (value) => [`(${value})::text`],
  names: (column) => [column],
  numbers: ([text = '']) => [Number(text.replaceAll(/[$,]/g, ''))],
};
const truth: Kind = {
  read: (value) => [`(${value})::int::text`],
  names: (column) => [column],
  numbers: ([text]) => [Number(text)],
};
const DAY = 86_400;
const instant: Kind = {
  read: (value) => [`extract(epoch from ${value})::text`],
  names: (column) => [column, `hour of ${column}`, `weekday of ${column}`],
  numbers: ([text]) => {
    const epoch = Number(text);
    if (!Number.isFinite(epoch)) return [epoch, NaN, NaN];
    const second = ((epoch % DAY) + DAY) % DAY;
    // 1970-01-01 was a Thursday.
    return [epoch, Math.floor(second / 3_600), (((Math.floor(epoch / DAY) + 4) % 7) + 7) % 7];
  },
};
const timeOfDay: Kind = { ...instant, names: (column) => [column], numbers: ([text]) => [Number(text)] };
const text: Kind = {
  read: (value) => [`left((${value})::text, ${MOST_CHARACTERS})`, `length((${value})::text)::text`],
  names: (column) =>
    ['hash', 'length', 'letters', 'capitals', 'digits', 'spaces', 'other characters'].map(
      (what) => `${what} of ${column}`,
    ),
  numbers: ([start = '', length]) => [hashOf(start), Number(length), ...classesOf(start)],
};

/** Of values that are drawn at random, such as a UUID, one is as usual as the other: only whether it is NULL counts. */
const nothing: Kind = {
  read: (value) => [`case when ${value} is not null then '' end`],
  names: () => [],
  numbers: () => [],
};

function kindOf({ type }: ComparedColumn): Kind {
  if (type === 'boolean') return truth;
  if (type === 'uuid') return nothing;
  if (isNumber(type)) return number;
  if (type.startsWith('time ')) return timeOfDay;
  return isTime(type) || type === 'interval' ? (type === 'interval' ? timeOfDay : instant) : text;
}

/** From 0 up to 1, the same for the same text on every machine: FNV-1a, mixed once more as its upper bits lag behind. */
function hashOf(start: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(start)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) / 4_294_967_296;
}

const CLASSES = [/\p{L}/u, /\p{Lu}/u, /\p{Nd}/u, /\s/u];

/** Parts of the characters, from 0 to 1, that are letters, capitals, digits, spaces, and none of these. */
function classesOf(start: string): readonly number[] {
  const characters = [...start];
  if (characters.length === 0) return [0, 0, 0, 0, 0];
  const counts = CLASSES.map((each) => characters.filter((character) => each.test(character)).length);
  const [letters = 0, , digits = 0, spaces = 0] = counts;
  return [...counts, characters.length - letters - digits - spaces].map((count) => count / characters.length);
}

/** SQL for all texts that are read of a row's columns, named `trueup:f0` on; see {@link rawFeatures}. */
export function featureColumns(columns: readonly ComparedColumn[], role: Role): string {
  const texts = columns.flatMap((column) => {
    const name = quoteIdentifier(column[role]);
    return kindOf(column).read(castSql(name, column, role));
  });
  return texts.map((sql, i) => `${sql} as "trueup:f${i}"`).join(', ');
}

/** The names of a row's features: those of each column, then whether it is NULL. */
export function featureNames(columns: readonly ComparedColumn[]): readonly string[] {
  return columns.flatMap((column) => [...kindOf(column).names(column.source), `NULL in ${column.source}`]);
}

/** The features of each column, by their places in {@link featureNames}. */
export function featureGroups(columns: readonly ComparedColumn[]): readonly (readonly number[])[] {
  let next = 0;
  return columns.map((column) => [...kindOf(column).names(''), ''].map(() => next++));
}

/** A row's features, NaN where it has no value, of what was read with {@link featureColumns}. */
export function rawFeatures(
  columns: readonly ComparedColumn[],
  row: Readonly<Record<string, string | null>>,
): Float64Array {
  let at = 0;
  return Float64Array.from(
    columns.flatMap((column) => {
      const kind = kindOf(column);
      const texts = kind.read('').map(() => row[`trueup:f${at++}`] ?? null);
      const given = texts.filter((each) => each !== null);
      const isNull = given.length < texts.length;
      return [...(isNull ? kind.names('').map(() => NaN) : kind.numbers(given)), isNull ? 1 : 0];
    }),
  );
}

/** What was read of each column first, by its source name. */
export function readTexts(columns: readonly ComparedColumn[], row: Readonly<Record<string, string | null>>): TextRow {
  let at = 0;
  return Object.fromEntries(
    columns.map((column) => {
      const first = at;
      at += kindOf(column).read('').length;
      return [column.source, row[`trueup:f${first}`] ?? null];
    }),
  );
}

/** What features are standardised by. */
export interface Scale {
  readonly means: readonly number[];
  /** Standard deviations; 1 where all values are the same. */
  readonly deviations: readonly number[];
}

/** Infinite values, and finite ones as far off, stand this many standard deviations from the mean. */
const FARTHEST = 1e6;

export function scaleOf(rows: readonly Features[]): Scale {
  const [means, deviations]: [number[], number[]] = [[], []];
  for (let feature = 0; feature < (rows[0]?.length ?? 0); feature += 1) {
    // Running, as sums of squares of large values lose what little they differ by.
    let [count, mean, squares] = [0, 0, 0];
    for (const row of rows) {
      const value = row[feature] ?? NaN;
      if (!Number.isFinite(value)) continue;
      count += 1;
      const distance = value - mean;
      mean += distance / count;
      squares += distance * (value - mean);
    }
    const deviation = Math.sqrt(squares / Math.max(1, count));
    means.push(mean);
    deviations.push(Number.isFinite(deviation) && deviation > 0 ? deviation : 1);
  }
  return { means, deviations };
}

/** What has no value stands at the mean: whether it is NULL is a feature of its own. */
export function standardised(row: Features, { means, deviations }: Scale): Float64Array {
  return Float64Array.from(row, (value, i) => {
    if (Number.isNaN(value)) return 0;
    const score = (value - (means[i] ?? 0)) / (deviations[i] ?? 1);
    return Math.max(-FARTHEST, Math.min(FARTHEST, score));
  });
}
