import { createHash } from 'node:crypto';
import type { HashMethod } from '../contracts/comparison';
import { distinctForm, portableForm } from './distinct';

/** A value to be hashed: its type, and the SQL that gives it. */
export interface Hashed {
  readonly type: string;
  readonly value: string;
  /** Whether the catalog says that it is never NULL. Only speed depends on it. */
  readonly notNull?: boolean;
}

/** Any number but 0: without a seed some functions hash 0 as NULL. */
const SEED = '4611686018427388039';
/** What stands in the seed for NULL, a minus sign, NaN. */
const [NULL_MARK, MINUS_MARK, NAN_MARK] = ['7640891576956012809', '1442695040888963407', '6364136223846793005'];

interface Step {
  /** SQL that hashes a value under a seed; NULL exactly when the value or the seed is. */
  readonly hash: (value: string, seed: string) => string;
  /** A value of the type, to stand for NULL. */
  readonly zero: string;
  /** Whether any seed is mixed well, whatever the value is: numeric and float give back the seed for some. */
  readonly mixes: boolean;
}

/**
 * A timestamp has 64 bits, and its hash folds the upper half into the lower one. Two timestamps after the year 2000, where
 * they are counted from, are the same if both the fold and the upper half are; the few before it count byte by byte.
 */
const timestamp = (hash: string, send: string, type: string): Step => {
  const zero = `'2000-01-01 00:00:00+00'::${type}`;
  return {
    hash: (value, seed) => {
      const upperHalf = `date_bin('4294.967296 s', greatest(${value}, ${zero}), ${zero})`;
      const early = `case when ${value} < ${zero} then hashtextextended(${send}(${value})::text, ${SEED}) else 0 end`;
      return `${hash}(${value}, ${hash}(${upperHalf}, ${seed} # ${early}))`;
    },
    zero,
    mixes: true,
  };
};
const int4: Step = { hash: (value, seed) => `hashint4extended(${value}, ${seed})`, zero: '0', mixes: true };
const text: Step = {
  hash: (value, seed) => `hashtextextended(${value} collate "C", ${seed})`,
  zero: `''`,
  mixes: true,
};

/** Types with a function of their own on every supported server. */
const STEPS: Readonly<Record<string, Step>> = {
  smallint: int4,
  integer: int4,
  // The function folds the value to 32 bits, but its seed counts in full.
  bigint: { hash: (value, seed) => `hashint8extended(0, ${seed} # ${value})`, zero: '0', mixes: true },
  boolean: { ...int4, hash: (value, seed) => `hashint4extended(${value}::integer, ${seed})`, zero: 'false' },
  text,
  uuid: {
    hash: (value, seed) => `uuid_hash_extended(${value}, ${seed})`,
    zero: `'00000000-0000-0000-0000-000000000000'::uuid`,
    mixes: true,
  },
  real: { hash: (value, seed) => `hashfloat4extended(${value}, ${seed})`, zero: '0', mixes: false },
  'double precision': { hash: (value, seed) => `hashfloat8extended(${value}, ${seed})`, zero: '0', mixes: false },
  // It leaves out the sign, and takes NaN for infinity.
  numeric: {
    hash: (value, seed) =>
      `hash_numeric_extended(${value}, ${seed} # case when ${value} < 0 then ${MINUS_MARK} when ${value} = 'NaN' then ${NAN_MARK} else 0 end)`,
    zero: '0',
    mixes: false,
  },
  'timestamp without time zone': timestamp('timestamp_hash_extended', 'timestamp_send', 'timestamp'),
  jsonb: { ...text, hash: (value, seed) => text.hash(`(${value})::text`, seed), zero: `'0'::jsonb` },
};

/** Further ones since PostgreSQL 18. */
const STEPS_18: Readonly<Record<string, Step>> = {
  ...STEPS,
  'timestamp with time zone': timestamp('timestamptz_hash_extended', 'timestamptz_send', 'timestamptz'),
  date: { hash: (value, seed) => `hashdateextended(${value}, ${seed})`, zero: `'2000-01-01'::date`, mixes: true },
  bytea: { hash: (value, seed) => `hashbyteaextended(${value}, ${seed})`, zero: `''::bytea`, mixes: true },
};

/** Functions nested in one another at the most: the server's parser recurses into them. */
const DEEPEST = 60;

/**
 * SQL for a 64-bit hash of a list of values, equal where every pair of values is `=` (NULL counts as a value).
 *
 * Each value is hashed by its type's own function, under a seed that is the hash of the values before it. So one pass
 * of a well-mixing function stands between any two columns, and sums over rows change when two rows swap a value.
 * (`hash_record_extended` is linear in the hashes of its columns, 31·h + next: sums of it do not. It is slower, too.)
 */
export function hashOf(values: readonly Hashed[], method: HashMethod): string {
  if (method === 'portable') return portableHash(values);
  const steps = method === 'native-18' ? STEPS_18 : STEPS;
  const strict = nativeHash(values, steps, (value) => value.notNull !== true);
  if (values.every((value) => value.notNull !== true)) return strict;
  // A catalog may promise what does not hold (a constraint NOT VALID): all is NULL then, and the slow form is taken.
  return `coalesce(${strict}, ${nativeHash(values, steps, () => true)})`;
}

function nativeHash(
  values: readonly Hashed[],
  steps: Readonly<Record<string, Step>>,
  mayBeNull: (value: Hashed) => boolean,
): string {
  const others = values.filter(({ type }) => !Object.hasOwn(steps, type));
  const stepOf = ({ type }: Hashed) => steps[type] ?? text;
  const weakFirst = values
    .filter(({ type }) => Object.hasOwn(steps, type))
    .sort((a, b) => Number(stepOf(a).mixes) - Number(stepOf(b).mixes));
  const mixed = (hash: string) => `hashint8extended(0, ${hash})`;
  let seed =
    others.length === 0
      ? `${SEED}::bigint`
      : mixed(
          `hash_record_extended(row(${others.map(({ type, value }) => distinctForm(type, value)).join(', ')}), ${SEED})`,
        );
  const finished: string[] = [];
  weakFirst.forEach((value, i) => {
    const step = stepOf(value);
    seed = mayBeNull(value) ? nullableStep(value, step, seed) : step.hash(value.value, seed);
    const isLast = i + 1 === weakFirst.length;
    const deep = !isLast && (i + 1) % DEEPEST === 0;
    // What gives back its seed would be the same before as after the next value, and two marks would undo each other.
    if (!step.mixes || deep || (isLast && finished.length > 0)) seed = mixed(seed);
    if (!deep) return;
    finished.push(seed);
    seed = `${SEED}::bigint + ${finished.length}`;
  });
  return finished.reduceRight((rest, hash) => mixed(`${rest} # ${hash}`), seed);
}

/** A value that may be NULL: another one stands for it, under a seed that tells. */
function nullableStep({ type, value }: Hashed, step: Step, seed: string): string {
  const given = `coalesce(${value}, ${step.zero})`;
  const marked = `${seed} # case when ${value} is null then ${NULL_MARK} else 0 end`;
  // Its value goes into the seed itself, where it could be equal to the mark.
  if (type === 'bigint') return `hashint8extended(case when ${value} is null then 1 else 0 end, ${seed} # ${given})`;
  return step.hash(given, marked);
}

/** The same hash on every server, whatever its version or architecture: SHA-256 of the values' text, length first. */
function portableHash(values: readonly Hashed[]): string {
  const parts = values.map(({ type, value }) => {
    const form = portableForm(type, value);
    // In characters, as an encoding changes the bytes.
    return `coalesce(char_length(${form}) || ':' || ${form}, '-')`;
  });
  const digest = `sha256(convert_to(${parts.join(' || ')}, 'UTF8'))`;
  return `('x' || encode(substr(${digest}, 1, 8), 'hex'))::bit(64)::bigint`;
}

/** SQL for a 64-bit hash of a 64-bit number under a seed: another order of the numbers for each seed. */
export function seededHash(value: string, seed: number, method: HashMethod): string {
  // Seeds that lie close to each other must not give orders that do.
  const spread = createHash('sha256').update(`trueup sample ${seed}`).digest().readBigInt64BE(0);
  const mixed = `(${value}) # '${spread}'::bigint`;
  return method === 'portable' ? portableHash([{ type: 'bigint', value: mixed }]) : `hashint8extended(0, ${mixed})`;
}
