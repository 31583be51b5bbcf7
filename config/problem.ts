import type { z } from 'zod';
import { nearest } from './near-miss';
import { formatPath, lookUp, mayHoldSecret, type Path } from './path';

/** Something wrong with one place of the file. `allowed` ends a sentence that starts with "allowed:". */
export interface Problem {
  readonly path: Path;
  readonly allowed: string;
  /** Said instead of what stands in the file. */
  readonly found?: string;
}

/**
 * One line for each problem. What was found is quoted from the file as it was written, before anything of the
 * environment was put in, and not at all where it may hold a secret.
 */
export function describeProblems(problems: readonly Problem[], file: unknown): string[] {
  const lines = problems.map((problem) => {
    const { path, value } = lookUp(file, problem.path);
    return `${formatPath(path)}: ${problem.found ?? `found ${describe(value, path)}`}, allowed: ${problem.allowed}`;
  });
  return [...new Set(lines)];
}

/** Problems from zod's issues; the schema puts what is allowed into each issue's message. */
export function problemsOf(issues: readonly z.core.$ZodIssue[]): Problem[] {
  return issues.flatMap((issue): Problem[] => {
    const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
    if (issue.code !== 'unrecognized_keys') return [{ path, allowed: issue.message }];
    return issue.keys.map((key) => {
      const near = nearest(key, issue.message.split(', '));
      const hint = near === null ? '' : ` (did you mean ${near}?)`;
      return { path: [...path, key], found: `unknown field${hint}`, allowed: issue.message };
    });
  });
}

function describe(value: unknown, path: Path): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a map';
  if (path[0] === 'connections') return typeof value === 'string' ? 'a text' : `a ${typeof value}`;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value !== 'string') return `a ${typeof value}`;
  if (mayHoldSecret(value)) return 'a text that is not shown';
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
}
