import type { BusinessRule, CheckFinding, CheckOutcome } from '../../contracts/check';
import type { HashMethod } from '../../contracts/comparison';
import { TrueupError } from '../../contracts/errors';
import type { TextRow } from '../../contracts/finding';
import type { Database, Queryable } from '../../database/connection';
import { settledBoth } from '../locate';
import type { Role } from '../side';
import { joinKeyed, type KeyedPair } from './keyed';
import type { Push } from './counts';
import {
  describeRule,
  keyedRule,
  ruleFailure,
  ruleForms,
  ruleRelation,
  type RuleColumn,
  type RuleForms,
} from './rule-query';

export interface RuleOptions {
  readonly rule: BusinessRule;
  readonly source: Database;
  readonly target: Database;
  readonly hash: HashMethod;
  readonly signal?: AbortSignal;
}

type Sessions = Readonly<Record<Role, Queryable>>;

/** In what the two sides of a rule may differ. */
const [MISSING, MISMATCH, EXTRA] = ['MISSING_IN_TARGET', 'VALUE_MISMATCH', 'EXTRA_IN_TARGET'] as const;

const PAGE = 500;

/**
 * Runs a rule's queries on both sides at about the same time, and hands on each key of which the values are not equal
 * within the tolerance, or which only one side has. Numbers are compared as exact decimals, by PostgreSQL; all else as
 * texts. NULL is equal to NULL.
 *
 * @throws RULE_INVALID, RULE_WRITES, RULE_TIMEOUT, RULE_KEY_REPEATS, PRIVILEGE_MISSING, naming the rule and the side.
 */
export async function checkRule(options: RuleOptions, push: Push): Promise<CheckOutcome> {
  const { rule } = options;
  const relations = { source: ruleRelation(rule, 'source'), target: ruleRelation(rule, 'target') };
  return withReaders(options, async (sessions) => {
    const [source, target] = await settledBoth(
      describeRule(sessions.source, rule, 'source', relations.source),
      describeRule(sessions.target, rule, 'target', relations.target),
    );
    const forms = ruleForms(rule, { source, target });
    const query = (role: Role) => keyedRule(relations[role], forms, role, options.hash);
    const onRepeat = (role: Role) =>
      new TrueupError('RULE_KEY_REPEATS', `rule ${rule.name}: the query of the ${role} gives a key more than once`);
    const report = new Report(rule, source, target);
    let keys = 0;
    let suspects: KeyedPair[] = [];
    const flush = async () => {
      const found = await violations(sessions.target, rule, forms, suspects);
      suspects = [];
      if (found.length > 0) await push(found.map(({ pair, apart }) => report.finding(pair, apart)));
    };
    for await (const pair of joinKeyed(sessions, { source: query('source'), target: query('target') }, onRepeat)) {
      keys += 1;
      if (pair.source !== null && pair.target !== null && pair.source[0] === pair.target[0]) continue;
      suspects.push(pair);
      if (suspects.length === PAGE) await flush();
    }
    await flush();
    return { detail: report.detail(keys) };
  });
}

/**
 * Lends a session of each side, in a read-only transaction: that is rolled back, so that nothing which a query may set for
 * its session stays in it.
 */
async function withReaders<T>(
  { rule, source, target, signal }: RuleOptions,
  use: (sessions: Sessions) => Promise<T>,
): Promise<T> {
  const reading = <R>(database: Database, role: Role, then: (session: Queryable) => Promise<R>) =>
    database.withTransaction(
      'repeatable read, read only',
      async (session) => {
        const guarded: Queryable = {
          query: async <Row extends object>(text: string, values?: readonly unknown[]) => {
            try {
              return await session.query<Row>(text, values);
            } catch (error) {
              throw ruleFailure(error, rule, role);
            }
          },
        };
        // Names without a schema are found as in any session of the database.
        await guarded.query(`set local statement_timeout to ${rule.timeoutMs}; set local search_path to default`);
        return then(guarded);
      },
      signal,
    );
  return reading(source, 'source', (ofSource) =>
    reading(target, 'target', (ofTarget) => use({ source: ofSource, target: ofTarget })),
  );
}

interface Violation {
  readonly pair: KeyedPair;
  /** How far the target's value lies from the source's, where both are numbers. */
  readonly apart: string | null;
}

/** Those of the pairs whose values are not equal within the tolerance. */
async function violations(
  session: Queryable,
  rule: BusinessRule,
  { isNumeric }: RuleForms,
  pairs: readonly KeyedPair[],
): Promise<readonly Violation[]> {
  const numbers = (pair: KeyedPair) => (pair.source?.[0] ?? null) !== null && (pair.target?.[0] ?? null) !== null;
  const asked = isNumeric ? pairs.filter(numbers) : [];
  if (asked.length === 0) return pairs.map((pair) => ({ pair, apart: null }));
  const { rows } = await session.query<{ n: string; apart: string; near: string }>(
    `select n, trim_scale(b - a) as apart, a = b or abs(b - a) <= $3::numeric as near
       from unnest($1::numeric[], $2::numeric[]) with ordinality as pair(a, b, n)`,
    [asked.map(({ source }) => source?.[0]), asked.map(({ target }) => target?.[0]), rule.tolerance],
  );
  const answers = new Map(rows.map((row) => [asked[Number(row.n) - 1], row]));
  return pairs.flatMap((pair) => {
    const answer = answers.get(pair);
    return answer?.near === 't' ? [] : [{ pair, apart: answer?.apart ?? null }];
  });
}

/** Words the findings of a rule, and counts them. */
class Report {
  readonly #counts = { [MISSING]: 0, [MISMATCH]: 0, [EXTRA]: 0 };
  readonly #names: Readonly<Record<Role, readonly string[]>>;

  constructor(
    private readonly rule: BusinessRule,
    source: readonly RuleColumn[],
    target: readonly RuleColumn[],
  ) {
    this.#names = { source: source.map(({ name }) => name), target: target.map(({ name }) => name) };
  }

  finding({ key, source, target }: KeyedPair, apart: string | null): CheckFinding {
    const kind = target === null ? MISSING : source === null ? EXTRA : MISMATCH;
    this.#counts[kind] += 1;
    const row = (role: Role, values: KeyedPair['key']): TextRow =>
      Object.fromEntries(this.#names[role].map((name, i) => [name, [...key, ...values][i] ?? null]));
    const [name = '', targetName = ''] = [this.#names.source.at(-1), this.#names.target.at(-1)];
    return {
      table: this.rule.name,
      type: 'rule_violation',
      severity: 'high',
      about: kind,
      key: Object.fromEntries(key.map((value, i) => [this.#names.source[i] ?? '', value])),
      differences: [{ name, targetName, source: source?.[0] ?? null, target: target?.[0] ?? null }],
      source: source && row('source', source),
      target: target && row('target', target),
      detail: apart === null ? kind : `${kind} by ${apart}, tolerance ${this.rule.tolerance}`,
    };
  }

  detail(keys: number): string {
    const { [MISSING]: missing, [MISMATCH]: mismatched, [EXTRA]: extra } = this.#counts;
    const within = `within ${this.rule.tolerance}`;
    if (missing + mismatched + extra === 0) return `${keys} keys, all equal ${within}`;
    return `of ${keys} keys ${missing} missing in the target, ${extra} extra, ${mismatched} not equal ${within}`;
  }
}
