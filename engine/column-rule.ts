import type { Equivalence } from '../contracts/comparison';
import { TrueupError } from '../contracts/errors';
import type { TablePair, TextRule, Tolerance } from '../contracts/table-pair';
import type { ColumnShape } from '../database/table-shape';
import { isCitext, isNumber, isText, isTime, type CommonType } from './common-type';

/**
 * What the config, or else the type, says of a column whose hashes differ; null: that they differ.
 *
 * @throws CONFIG_INVALID: a tolerance on what is no number and no time, or a text rule on what is no text.
 */
export function equivalenceOf(
  pair: TablePair,
  source: ColumnShape,
  target: ColumnShape,
  common: CommonType | null,
): Equivalence | null {
  const { tolerance, rule } = rulesOf(pair, source.name);
  const spelling = common?.type === 'text' ? spellingOf(source, target) : null;
  const both = (is: (baseType: string) => boolean) => is(source.baseType) && is(target.baseType);
  if (tolerance) {
    const [allowed, fits] =
      'number' in tolerance
        ? ['numbers on both sides (times take a duration such as 2s)', both(isNumber)]
        : ['dates or times on both sides (numbers take a number such as 0.01)', both(isTime)];
    if (!fits || common === null) throw misplaced(pair, 'tolerance', source, target, allowed);
    return { kind: 'near', within: tolerance, types: [source.baseType, target.baseType] };
  }
  if (rule) {
    const fits = common?.type === 'text' && (isText(source) || isText(target));
    if (!fits) throw misplaced(pair, 'text', source, target, 'a text on one side at the least');
    const caseless = rule.caseless || (isCitext(source.baseType) && isCitext(target.baseType));
    return { kind: 'text', rule: { trim: rule.trim, caseless }, ...(spelling === null ? {} : { spelling }) };
  }
  if (spelling !== null) return { kind: 'text', rule: { trim: false, caseless: false }, spelling };
  if (common?.type === 'text' && [source, target].filter(({ baseType }) => baseType === 'xml').length === 1) {
    return { kind: 'xml' };
  }
  return common === null || common.equalAs === null ? null : { kind: 'equal', type: common.equalAs };
}

/** Where a text stands for a value that has two: as its output, and as its cast. */
function spellingOf(source: ColumnShape, target: ColumnShape): 'boolean' | 'inet' | null {
  const types = [source.baseType, target.baseType];
  if (types[0] === types[1]) return null;
  return types.includes('boolean') ? 'boolean' : types.includes('inet') ? 'inet' : null;
}

/** What a reader of the report should know of what counts as equal, or null. */
export function ruleNote(pair: TablePair, column: string): string | null {
  const { tolerance, rule } = rulesOf(pair, column);
  if (tolerance) {
    const within = 'number' in tolerance ? tolerance.number : durationText(tolerance.microseconds);
    return `${column}: values within ${within} of each other count as equal`;
  }
  if (!rule) return null;
  const left = [...(rule.trim ? ['spaces at both ends'] : []), ...(rule.caseless ? ['upper and lower case'] : [])];
  return `${column}: compared without regard to ${left.join(' and to ')}`;
}

function rulesOf({ tolerance, text }: TablePair, column: string) {
  const own = <T>(rules: Readonly<Record<string, T>> | undefined): T | undefined =>
    rules !== undefined && Object.hasOwn(rules, column) ? rules[column] : undefined;
  return { tolerance: own<Tolerance>(tolerance), rule: own<TextRule>(text) };
}

function durationText(microseconds: string): string {
  if (/^\d+0{6}$/.test(microseconds)) return `${microseconds.slice(0, -6)} s`;
  return /^\d+000$/.test(microseconds) ? `${microseconds.slice(0, -3)} ms` : `${microseconds} µs`;
}

function misplaced(pair: TablePair, field: string, source: ColumnShape, target: ColumnShape, allowed: string) {
  const types = `${source.type} in the source and ${target.type} in the target`;
  return new TrueupError(
    'CONFIG_INVALID',
    `table ${pair.name}: ${field}.${source.name}: found ${types}, allowed: ${allowed}`,
  );
}
