/** Which texts of a common type a side's own type may hold; what it cannot hold, none of its rows has. */
const HOLDS: Readonly<Record<string, (text: string) => boolean>> = {
  smallint: isBigint,
  integer: isBigint,
  bigint: isBigint,
  numeric: (text) => /^(-?\d{1,1000}(\.\d{1,1000})?|NaN)$/.test(text),
  uuid: (text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text),
  bpchar: () => true,
};

/** Common types whose every text is read as a value of the own type; the zone of a time is UTC, as sessions are (in another zone,
 * an hour that is left out in spring is another one when it is converted back). */
const TIMES: Readonly<Record<string, readonly string[]>> = {
  date: ['timestamp without time zone', 'timestamp with time zone'],
  'timestamp without time zone': ['timestamp with time zone'],
};

const COMMON = ['numeric', 'text'];

/**
 * The type in which a side's index finds the rows of a key that is compared in a common type, or null where none can:
 * casting the column, as the comparison does, would read the whole table for every few keys.
 */
export function ownType(baseType: string, common: string): string | null {
  if (Object.hasOwn(HOLDS, baseType) && COMMON.includes(common)) return isInteger(baseType) ? 'bigint' : baseType;
  return TIMES[baseType]?.includes(common) ? baseType : null;
}

/** Those of the texts that the own type can hold. Every row that is equal in the common type has one of them. */
export function ownValues(type: string, texts: readonly (string | null)[]): readonly string[] {
  const holds = HOLDS[type] ?? (() => true);
  return texts.filter((text): text is string => text !== null && holds(text));
}

/** Texts that are read as a value of a type in which keys are looked up; every other type reads all that is asked. */
const SPELLS: Readonly<Record<string, (text: string) => boolean>> = {
  bigint: (text) => /^[+-]?\d{1,19}$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text),
  numeric: (text) => /^([+-]?(\d{1,1000}(\.\d{0,1000})?|\.\d{1,1000})(e[+-]?\d{1,3})?|nan)$/i.test(text),
  real: isPlainNumber,
  'double precision': isPlainNumber,
  boolean: (text) => /^\s*(t(r(ue?)?)?|y(es?)?|on|1|f(a(l(se?)?)?)?|no?|off?|0)\s*$/i.test(text),
  date: isDay,
  'timestamp without time zone': (text) => {
    const [, day = '', time] = /^(\S{10})(?:[ T](.*))?$/.exec(text) ?? [];
    return isDay(day) && (time === undefined || /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$/.test(time));
  },
  uuid: (text) => /^\{?[0-9a-f]{4}(-?[0-9a-f]{4}){7}\}?$/i.test(text) && text.startsWith('{') === text.endsWith('}'),
};

/** Whether a text of a key can be one of a type's values. */
export function canHold(type: string, text: string): boolean {
  return Object.hasOwn(SPELLS, type) ? (SPELLS[type]?.(text) ?? true) : true;
}

/** Within what every float can hold. */
function isPlainNumber(text: string): boolean {
  return /^[+-]?\d{1,30}(\.\d{0,30})?$/.test(text);
}

/** A day as `2024-02-29`, which is one. */
function isDay(text: string): boolean {
  const day = /^[1-9]\d{3}-\d\d-\d\d$/.test(text) ? new Date(`${text}T00:00:00Z`) : null;
  return day !== null && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

function isInteger(baseType: string): boolean {
  return HOLDS[baseType] === isBigint;
}

function isBigint(text: string): boolean {
  return /^-?\d{1,19}$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text);
}
