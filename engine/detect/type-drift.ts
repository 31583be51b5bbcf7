import type { ColumnDefinition } from '../../database/column-definition';
import { quoteLiteral } from '../../database/identifier';
import { commonType } from '../common-type';
import { moneyUnknown } from '../money';
import { zoneNote, zoneOfColumn, zoneUnknown } from '../zone';
import { changeType } from './column-ddl';
import { ofColumn, type ColumnDefinitions, type Drift, type DriftContext } from './drift-context';
import { typeFit, type Fit } from './type-fit';

const FITS: Readonly<Record<Fit, readonly [severity: Drift['severity'], meaning: string]>> = {
  same: ['low', 'another name of the same type'],
  fits: ['low', "the target's type takes every value of the source's"],
  narrower: ['high', "the target's type cannot take every value of the source's"],
  uncertain: ['medium', "it is not known whether the target's type takes every value of the source's"],
  incomparable: ['high', 'no type takes the values of both without loss'],
};

/** How the types of a column differ, and what that means for its values. */
export function typeDrift(context: DriftContext, { source, target }: ColumnDefinitions): readonly Drift[] {
  const domains = domain(context, { source, target });
  if (domains.length > 0) return domains;
  if (context.form(source.type) === context.form(target.type)) return [];
  const fit = typeFit(source, target);
  const [severity, meaning] = FITS[fit];
  const common = commonType(source, target);
  const isSame = source.baseType === target.baseType;
  return [
    {
      ...ofColumn(source.name),
      what: 'type',
      source: source.type,
      target: target.type,
      severity,
      meaning,
      comparison: isSame && common !== null ? null : comparedAs(context, { source, target }),
      ddl: context.isTable ? changeType(context, source, target) : [],
    },
  ];
}

/** What the difference of types does to the comparison: the common type, and the zone that times without one are read in. */
function comparedAs({ pair, zones }: DriftContext, columns: ColumnDefinitions): string {
  const common = commonType(columns.source, columns.target);
  if (common === null) return 'its values are not compared';
  const exact = pair.tolerance?.[columns.source.name] === undefined;
  const zone = zoneOfColumn(columns, common.type, zones);
  const why =
    moneyUnknown(columns, zones?.moneyDigits, exact) ?? (zone === 'unknown' ? zoneUnknown(common.type) : null);
  if (why !== null) return `its values are not compared, as ${why}`;
  return `its values are compared as ${common.type}${zoneNote(columns, common.type, zones)}`;
}

/** Where a domain is concerned: by what it is made of, and by the rules that it has. */
function domain(context: DriftContext, { source, target }: ColumnDefinitions): readonly Drift[] {
  const [a, b] = [source.domain, target.domain];
  if (!a && !b) return [];
  const text = ({ domain: own, type: plain }: ColumnDefinition) =>
    own ? [`${own.name} (${own.type})`, ...(own.notNull ? ['NOT NULL'] : []), ...own.checks].join(' ') : plain;
  const made = (own: typeof a, plain: string) => context.form(own?.type ?? plain);
  const ruled = (own: typeof a) =>
    JSON.stringify([own?.notNull ?? false, ...(own?.checks ?? []).map((check) => context.form(check)).sort()]);
  const isSameType = made(a, source.type) === made(b, target.type);
  const isSameName = a && b && context.form(a.name) === context.form(b.name);
  if (isSameName && isSameType && ruled(a) === ruled(b)) return [];
  const fit = isSameType ? 'same' : typeFit(source, target);
  const hasRules = ruled(a) !== ruled(b);
  const [severity, meaning] = FITS[fit];
  const sameMeaning = hasRules ? 'the same type under other rules' : 'the same type by another name';
  return [
    {
      ...ofColumn(source.name),
      what: 'type',
      source: text(source),
      target: text(target),
      severity: fit === 'same' ? (hasRules ? 'medium' : 'low') : severity,
      meaning: fit === 'same' ? sameMeaning : meaning,
      comparison: source.baseType === target.baseType ? null : comparedAs(context, { source, target }),
      ddl: isSameName
        ? domainRules(context, a, b, isSameType)
        : context.isTable
          ? changeType(context, source, target)
          : [],
    },
  ];
}

type Domain = NonNullable<ColumnDefinition['domain']>;

/** Rules that the target's domain lacks; one that it has alone has to be dropped by its name, and a type stays. */
function domainRules(context: DriftContext, a: Domain, b: Domain, isSameType: boolean): readonly string[] {
  const there = b.checks.map((check) => context.form(check));
  const lacks = a.checks.filter((check) => !there.includes(context.form(check)));
  if (!isSameType || a.checks.length - lacks.length !== b.checks.length) return [];
  return [
    ...(a.notNull === b.notNull ? [] : [`alter domain ${b.name} ${a.notNull ? 'set' : 'drop'} not null`]),
    ...lacks.map((check) => `alter domain ${b.name} add ${check}`),
  ];
}

/** How the labels of one enum differ. */
export function labelDrift(context: DriftContext, { source, target }: ColumnDefinitions): readonly Drift[] {
  const [a, b] = [source.enumLabels, target.enumLabels];
  const isSameType = context.form(source.enumType ?? '') === context.form(target.enumType ?? '');
  if (!a || !b || !isSameType || JSON.stringify(a) === JSON.stringify(b)) return [];
  const lacks = a.filter((label) => !b.includes(label));
  const more = b.filter((label) => !a.includes(label));
  const inOrder =
    JSON.stringify(a.filter((label) => b.includes(label))) === JSON.stringify(b.filter((label) => a.includes(label)));
  const meanings = [
    ...(lacks.length > 0 ? ['the target lacks labels'] : []),
    ...(more.length > 0 ? ['the target has labels of its own'] : []),
    ...(inOrder ? [] : ['they stand in another order, by which values sort']),
    ...(more.length > 0 || !inOrder ? ['labels are taken out, or put in another order, in a new type only'] : []),
  ];
  const add = lacks.map((label) => {
    const after = a.slice(0, a.indexOf(label)).at(-1);
    const before = a.slice(a.indexOf(label) + 1).find((each) => b.includes(each));
    const where =
      after !== undefined
        ? ` after ${quoteLiteral(after)}`
        : before !== undefined
          ? ` before ${quoteLiteral(before)}`
          : '';
    return `alter type ${target.enumType ?? ''} add value if not exists ${quoteLiteral(label)}${where}`;
  });
  return [
    {
      ...ofColumn(source.name),
      what: 'labels',
      source: a.join(', '),
      target: b.join(', '),
      severity: lacks.length > 0 ? 'high' : 'low',
      meaning: meanings.join('; '),
      comparison: null,
      ddl: add,
    },
  ];
}
