import type { BusinessRule } from '../../contracts/check';
import type { HashMethod } from '../../contracts/comparison';
import { TrueupError } from '../../contracts/errors';
import type { Queryable } from '../../database/connection';
import { DatabaseFailure } from '../../database/failure';
import { commonType, isNumber, type ValueType } from '../common-type';
import { keyForm } from '../distinct';
import type { Role } from '../side';
import { hashOfTexts } from './grouping';
import type { KeyedQuery } from './keyed';
import { oneStatement } from './sql-text';
import { readTypes } from './value-type';

/** A column that a rule's query gives. */
export interface RuleColumn {
  readonly name: string;
  readonly type: ValueType;
}

const READS = ['select', 'with', 'values', 'table'];
const WRITES =
  /^(insert|update|delete|merge|truncate|copy|create|alter|drop|grant|revoke|call|do|lock|refresh|vacuum)$/;

/** What is said of a rule: `rule daily totals: the query of the source`. */
const queryOf = (rule: BusinessRule, role: Role) => `rule ${rule.name}: the query of the ${role}`;

/**
 * The query of one side of a rule, as a relation that can stand after `from`.
 *
 * @throws RULE_WRITES, RULE_INVALID
 */
export function ruleRelation(rule: BusinessRule, role: Role): string {
  const text = oneStatement(role === 'source' ? rule.sourceQuery : rule.targetQuery);
  if (!text.ok) throw new TrueupError('RULE_INVALID', `${queryOf(rule, role)} is not one statement: ${text.why}`);
  const { firstWord } = text;
  if (WRITES.test(firstWord)) throw new TrueupError('RULE_WRITES', `${queryOf(rule, role)} begins with ${firstWord}`);
  if (!READS.includes(firstWord)) {
    const found = firstWord === '' ? 'with no word' : `with ${firstWord}`;
    throw new TrueupError('RULE_INVALID', `${queryOf(rule, role)} begins ${found}; allowed: ${READS.join(', ')}`);
  }
  return `(${text.statement}\n) as "trueup:rule"`;
}

/** The columns that the query of a side gives, with names that differ. Throws RULE_INVALID. */
export async function describeRule(
  session: Queryable,
  rule: BusinessRule,
  role: Role,
  relation: string,
): Promise<readonly RuleColumn[]> {
  // With a value, so that it is prepared: then it cannot be two statements, whatever its text is.
  const { fields } = await session.query(`select * from ${relation} where $1::boolean limit 0`, [true]);
  if (fields.length < 2) {
    const found = fields.length === 1 ? 'one column' : 'no column';
    throw new TrueupError(
      'RULE_INVALID',
      `${queryOf(rule, role)} gives ${found}; allowed: key columns, then one value`,
    );
  }
  const types = await readTypes(
    session,
    fields.map(({ dataTypeID }) => dataTypeID),
  );
  const names = new Map<string, number>();
  return fields.map(({ name }, i) => {
    const nth = (names.get(name) ?? 0) + 1;
    names.set(name, nth);
    return { name: nth === 1 ? name : `${name}_${nth}`, type: types[i] ?? { baseType: 'text', category: 'S' } };
  });
}

/** How the columns of both sides are compared. */
export interface RuleForms {
  /** SQL for the text of each key column, from the SQL of its value. */
  readonly keys: readonly ((value: string) => string)[];
  /** SQL for the value's text, on each side. */
  readonly value: Readonly<Record<Role, (value: string) => string>>;
  /** Whether both values are numbers; others are equal where their texts are. */
  readonly isNumeric: boolean;
}

/** @throws RULE_INVALID: the queries do not give the same number of columns, or keys that cannot be equal. */
export function ruleForms(rule: BusinessRule, columns: Readonly<Record<Role, readonly RuleColumn[]>>): RuleForms {
  const { source, target } = columns;
  if (source.length !== target.length) {
    const found = `${source.length} columns in the source, ${target.length} in the target`;
    throw new TrueupError(
      'RULE_INVALID',
      `rule ${rule.name}: its queries give ${found}; allowed: as many on both sides`,
    );
  }
  const keys = source.slice(0, -1).map((column, i) => {
    const other = target[i]?.type ?? column.type;
    const form = textForm(column.type, other);
    if (form !== null) return form;
    const types = `${column.type.baseType} in the source, ${other.baseType} in the target`;
    throw new TrueupError(
      'RULE_INVALID',
      `rule ${rule.name}: key column ${column.name} is ${types}: no type takes both`,
    );
  });
  const [ofSource, ofTarget] = [source.at(-1)?.type, target.at(-1)?.type];
  if (ofSource && ofTarget && isNumber(ofSource.baseType) && isNumber(ofTarget.baseType)) {
    return { keys, value: { source: numberForm(ofSource), target: numberForm(ofTarget) }, isNumeric: true };
  }
  const form = (ofSource && ofTarget && textForm(ofSource, ofTarget)) ?? ((value: string) => `(${value})::text`);
  return { keys, value: { source: form, target: form }, isNumeric: false };
}

function textForm(source: ValueType, target: ValueType): ((value: string) => string) | null {
  const common = commonType(source, target);
  if (common === null) return null;
  return (value) => keyForm(common.type, common.castTo === null ? value : `${value}::${common.castTo}`);
}

/** Exact: a float stands for the shortest decimal number that reads back as itself, which is how it is printed. */
const numberForm =
  ({ baseType }: ValueType) =>
  (value: string) =>
    keyForm(
      'numeric',
      baseType === 'real' || baseType === 'double precision' ? `${value}::text::numeric` : `${value}::numeric`,
    );

/** The statement that gives keys and values of one side in the order in which both sides are joined. */
export function keyedRule(relation: string, forms: RuleForms, role: Role, method: HashMethod): KeyedQuery {
  const keys = forms.keys.map((_, i) => `"trueup:k${i}"`);
  const names = [...keys, '"trueup:value"'];
  const texts = forms.keys.map((form, i) => `(${form(`"trueup:k${i}"`)}) collate "C" as "trueup:k${i}"`);
  return {
    sql: `select ${hashOfTexts(keys, method)} as "trueup:hash", ${keys.join(', ')}, "trueup:v0"
            from (select ${texts.join(', ')}, ${forms.value[role]('"trueup:value"')} as "trueup:v0"
                    from ${relation}(${names.join(', ')}) where $1::boolean) as "trueup:rows" order by 1`,
    parameters: [true],
    keys: keys.length,
    values: 1,
  };
}

/** What went wrong with a rule's query, as a failure of this rule. */
export function ruleFailure(error: unknown, rule: BusinessRule, role: Role): unknown {
  if (!(error instanceof DatabaseFailure)) return error;
  const { sqlState, serverMessage } = error;
  const what = queryOf(rule, role);
  const state = `(SQLSTATE ${sqlState})`;
  if (/^25(?!P)/.test(sqlState) || (sqlState === '0A000' && /data-modifying/i.test(serverMessage))) {
    return new TrueupError('RULE_WRITES', `${what} writes ${state}`);
  }
  if (sqlState === '57014') {
    return new TrueupError('RULE_TIMEOUT', `${what} took longer than ${rule.timeoutMs} ms, or was cancelled ${state}`);
  }
  if (sqlState === '42501') return new TrueupError(error.code, `${what}: ${serverMessage} ${state}`);
  // What is wrong with a statement itself names nothing but what stands in it.
  if (sqlState.startsWith('42')) return new TrueupError('RULE_INVALID', `${what}: ${serverMessage} ${state}`);
  if (/^(0A|08P01|2[0-9BDF]|3[489BDF]|44|54|P0|XX)/.test(sqlState)) {
    return new TrueupError('RULE_INVALID', `${what} failed ${state}`);
  }
  return new TrueupError(error.code, `${what}: ${error.message}`, { retryable: error.retryable });
}
