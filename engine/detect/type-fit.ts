import type { ColumnDefinition } from '../../database/column-definition';
import { commonType, isText } from '../common-type';

/**
 * Whether every value of the source's column can be kept in the target's: `narrower`: some cannot; `uncertain`: nothing is
 * known of it; `incomparable`: no type takes both.
 */
export type Fit = 'same' | 'fits' | 'narrower' | 'uncertain' | 'incomparable';

interface Plain {
  /** Without modifier: `numeric`. */
  readonly base: string;
  /** `numeric(12,2)`: 12 and 2. */
  readonly modifiers: readonly number[];
}

/** The type of a column without domain and array, with its modifiers. */
function plainOf({ type, baseType, domain }: ColumnDefinition): Plain {
  const modifiers = /\((\d+)(?:,(-?\d+))?\)/.exec(domain?.type ?? type);
  return {
    base: baseType.replace(/(\[\])+$/, ''),
    modifiers: [modifiers?.[1], modifiers?.[2]].filter((text) => text !== undefined).map(Number),
  };
}

export function typeFit(source: ColumnDefinition, target: ColumnDefinition): Fit {
  if (commonType(source, target) === null) return 'incomparable';
  const isArray = (column: ColumnDefinition) => column.baseType.endsWith('[]');
  const [a, b] = [plainOf(source), plainOf(target)];
  const isTarget = isText(target) || TEXTS.includes(b.base);
  if (isArray(source) !== isArray(target)) return isText(target) && !b.modifiers.length ? 'fits' : 'uncertain';
  if (source.labels && target.labels) return fitsIf(source.labels.every((label) => target.labels?.includes(label)));
  if (a.base === b.base) return fitsModifiers(a, b);
  if (isTarget) return fitsText(a, b, source);
  if (isText(source) || TEXTS.includes(a.base)) return 'narrower';
  return NUMBERS[a.base] && NUMBERS[b.base] ? fitsNumber(a, b) : fitsOther(a, b);
}

const fitsIf = (fits: boolean): Fit => (fits ? 'fits' : 'narrower');
const equal = (a: Plain, b: Plain) => a.modifiers.join() === b.modifiers.join();

function fitsModifiers(a: Plain, b: Plain): Fit {
  if (equal(a, b)) return 'same';
  switch (a.base) {
    case 'character varying':
    case 'character':
    case 'bpchar':
    case 'bit varying':
      return fitsIf((b.modifiers[0] ?? Infinity) >= (a.modifiers[0] ?? Infinity));
    case 'numeric':
      return fitsNumber(a, b);
    case 'bit':
      return 'narrower';
    default:
      return /^(time|interval)/.test(a.base) ? fitsIf((b.modifiers[0] ?? 6) >= (a.modifiers[0] ?? 6)) : 'uncertain';
  }
}

/** How long the longest text of a value is. */
const LENGTHS: Readonly<Record<string, number>> = { smallint: 6, integer: 11, bigint: 20, uuid: 36, boolean: 5 };
const LIMITED = ['character varying', 'character', 'bpchar'];
const TEXTS = [...LIMITED, 'text'];

function fitsText(a: Plain, b: Plain, source: ColumnDefinition): Fit {
  const limit = LIMITED.includes(b.base) ? b.modifiers[0] : undefined;
  if (b.base === 'name' || b.base === '"char"') return 'narrower';
  if (limit === undefined) return 'fits';
  if (source.labels) return fitsIf(source.labels.every((label) => [...label].length <= limit));
  if (isText(source) || TEXTS.includes(a.base)) return fitsIf((a.modifiers[0] ?? Infinity) <= limit);
  const length = LENGTHS[a.base];
  return length === undefined ? 'uncertain' : fitsIf(length <= limit);
}

/** Whole digits and digits after the point of the largest value that is kept exactly. */
interface Digits {
  /** What any value may need. */
  readonly needs: readonly [whole: number, fraction: number];
  /** What every value of so many digits has room for. */
  readonly holds: readonly [whole: number, fraction: number];
}

const NUMBERS: Readonly<Record<string, (modifiers: readonly number[]) => Digits>> = {
  smallint: () => ({ needs: [5, 0], holds: [4, 0] }),
  integer: () => ({ needs: [10, 0], holds: [9, 0] }),
  bigint: () => ({ needs: [19, 0], holds: [18, 0] }),
  numeric: ([precision, scale = 0]) => {
    const all: readonly [number, number] =
      precision === undefined ? [Infinity, Infinity] : [precision - scale, Math.max(0, scale)];
    return { needs: all, holds: all };
  },
  real: () => ({ needs: [39, Infinity], holds: [6, 0] }),
  'double precision': () => ({ needs: [309, Infinity], holds: [15, 0] }),
  money: () => ({ needs: [17, 2], holds: [16, 2] }),
};
const RANKS = [
  ['smallint', 'integer', 'bigint'],
  ['real', 'double precision'],
] as const;

function fitsNumber(a: Plain, b: Plain): Fit {
  const ranks = RANKS.find((types) => [a.base, b.base].every((base) => (types as readonly string[]).includes(base)));
  if (ranks) {
    const rank = (base: string) => (ranks as readonly string[]).indexOf(base);
    return fitsIf(rank(a.base) <= rank(b.base));
  }
  const [needs, holds] = [NUMBERS[a.base]?.(a.modifiers).needs, NUMBERS[b.base]?.(b.modifiers).holds];
  if (needs === undefined || holds === undefined) return 'uncertain';
  return fitsIf(needs[0] <= holds[0] && needs[1] <= holds[1]);
}

const [TIMESTAMP, TIMESTAMPTZ] = ['timestamp without time zone', 'timestamp with time zone'];
/** Pairs of types of which the first fits into the second; in the other direction of those marked it does too. */
const FITS: readonly (readonly [from: string, to: string, both?: true])[] = [
  ['boolean', 'smallint'],
  ['boolean', 'integer'],
  ['date', TIMESTAMP],
  ['date', TIMESTAMPTZ],
  [TIMESTAMP, TIMESTAMPTZ, true],
  ['time without time zone', 'time with time zone'],
  ['json', 'jsonb', true],
  ['cidr', 'inet'],
  ['macaddr', 'macaddr8'],
];

function fitsOther(a: Plain, b: Plain): Fit {
  for (const [from, to, both] of FITS) {
    if (from === a.base && to === b.base) return fitsIf(a.base === 'date' || precision(a) <= precision(b));
    if (to === a.base && from === b.base) return fitsIf(both === true && precision(a) <= precision(b));
  }
  return 'uncertain';
}

const precision = ({ modifiers }: Plain) => modifiers[0] ?? 6;
