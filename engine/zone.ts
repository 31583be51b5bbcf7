import type { TextForms } from '../contracts/comparison';
import { quoteLiteral } from '../database/identifier';
import type { MoneyDigits } from './money';
import type { Role } from './side';
import { comparedValue } from './text-form';

const WITHOUT = ['date', 'timestamp without time zone'];
const WITH = 'timestamp with time zone';

/** In which zone the times of a side that bear none are read; null: nothing says, and the two databases' zones differ. */
export interface Zones extends Readonly<Record<Role, string | null>> {
  /** What an amount of `money` means to each of the two databases; absent in runs of earlier versions: two digits. */
  readonly moneyDigits?: MoneyDigits;
}

/** Names of UTC in PostgreSQL; databases in containers mostly have one of them, and not always the same. */
const UTC = /^(etc\/)?(utc|uct|gmt|gmt0|gmt[+-]0|zulu|universal|greenwich)$/i;

/** One name for each zone: two spellings of one are no two zones. */
export function zoneId(name: string): string {
  if (UTC.test(name)) return 'UTC';
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return name;
  }
}

/**
 * Decides for both sides. A time without a zone is one of the zone that the config names, or of its own database. Whoever
 * copied the rows may have let either database convert: where their zones differ, only the config can tell.
 */
export function zonesOf(
  own: Readonly<Record<Role, string>>,
  configured: Readonly<Partial<Record<Role, string>>>,
): Zones {
  const used = { source: configured.source ?? own.source, target: configured.target ?? own.target };
  const same = zoneId(used.source) === zoneId(used.target);
  const of = (role: Role) => (configured[role] !== undefined || same ? used[role] : null);
  return { source: of('source'), target: of('target') };
}

/** Why two columns are not compared, to be followed by what they are. */
export const ZONE_UNKNOWN =
  'the two databases have different time zones, and one side has times without a zone: name it as timeZone: in the config, of the connection or the table';

/** Why two columns of a common type are not compared. */
export function zoneUnknown(type: string): string {
  if (type !== 'time with time zone') return ZONE_UNKNOWN;
  return 'a time of day without a zone has an offset only where its zone is UTC (timeZone: UTC in the config says so)';
}

/** What a note on two columns says of the zone: nothing where none is needed. */
export function zoneNote({ source, target }: Compared, type: string, zones: Zones | undefined): string {
  if (zones === undefined || type !== WITH || source.baseType === target.baseType) return '';
  const roles = (['source', 'target'] as const).filter((role) => WITHOUT.includes({ source, target }[role].baseType));
  const names = [...new Set(roles.map((role) => zones[role] ?? ''))];
  return `, times without a zone read as of ${names.join(' and ')}`;
}

/** What is needed of a pair of columns to tell whether one of the two is converted between zones. */
interface Compared {
  readonly source: { readonly baseType: string };
  readonly target: { readonly baseType: string };
}

/**
 * On which side a value is converted by a zone, and by which; null: on none. UTC is named too: a correction is written under
 * the database's own settings.
 * `unknown`: nothing tells the zone, so the two columns cannot be compared.
 */
export function zoneOfColumn(
  { source, target }: Compared,
  type: string,
  zones: Zones | undefined,
): { readonly source: string | null; readonly target: string | null } | null | 'unknown' {
  if (zones === undefined || source.baseType === target.baseType) return null;
  const isZoneless = { source: WITHOUT.includes(source.baseType), target: WITHOUT.includes(target.baseType) };
  if (type === 'time with time zone') {
    // The offset of a zone that has summer time is that of a day, which a time of day has not.
    const role: Role = source.baseType === type ? 'target' : 'source';
    const zone = zones[role];
    return zone !== null && zoneId(zone) === 'UTC' ? null : 'unknown';
  }
  if (type !== WITH) return null;
  const of = (role: Role) => (isZoneless[role] ? zones[role] : null);
  const needed = (['source', 'target'] as const).filter((role) => isZoneless[role]);
  if (needed.some((role) => zones[role] === null)) return 'unknown';
  return { source: of('source'), target: of('target') };
}

/** A column that is cast on both sides alike, but for a zone and the form of a text. */
export interface Cast {
  readonly castTo: string | null;
  readonly zone?: { readonly source: string | null; readonly target: string | null };
  readonly forms?: TextForms;
}

/** SQL for a value of a side in the type in which it is compared. */
export function castSql(value: string, { castTo, zone, forms }: Cast, role: Role): string {
  const name = zone?.[role] ?? null;
  return castTo === null || name === null ? comparedValue(value, castTo, forms?.[role]) : inZone(value, name);
}

/** SQL for the instant of a time without a zone. */
export function inZone(value: string, zone: string): string {
  return `timezone(${quoteLiteral(zone)}, (${value})::timestamp)`;
}
