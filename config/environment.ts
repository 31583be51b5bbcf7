import type { Path } from './path';
import type { Problem } from './problem';

/** A variable that the file names and the environment lacks. */
export interface MissingVariable {
  readonly path: Path;
  readonly variable: string;
}

export interface Substituted {
  readonly value: unknown;
  readonly missing: readonly MissingVariable[];
  readonly problems: readonly Problem[];
}

type Environment = Readonly<Record<string, string | undefined>>;

const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{/g;

/**
 * Puts environment variables in place of `${NAME}` in every text of `value` (not in keys); `$${` stands for a literal
 * `${`. A variable that is empty counts as missing: that is how an unset one arrives through most launchers.
 * Texts for which `keep` says so are left as they are, to be resolved when they are needed.
 */
export function substituteEnvironment(
  value: unknown,
  env: Environment,
  path: Path = [],
  keep: (path: Path) => boolean = () => false,
): Substituted {
  const missing: MissingVariable[] = [];
  const problems: Problem[] = [];
  const visit = (node: unknown, at: Path): unknown => {
    if (typeof node === 'string') {
      return node.replaceAll(REFERENCE, (reference: string, variable?: string) => {
        if (reference === '$${') return keep(at) ? reference : '${';
        if (variable === undefined) {
          problems.push({ path: at, found: 'found ${ without a name and a closing }', allowed: REFERENCE_FORM });
          return '';
        }
        if (keep(at)) return reference;
        const found = Object.hasOwn(env, variable) ? env[variable] : undefined;
        if (found === undefined || found === '') missing.push({ path: at, variable });
        return found ?? '';
      });
    }
    if (Array.isArray(node)) return node.map((item, index) => visit(item, [...at, index]));
    if (typeof node === 'object' && node !== null) {
      return Object.fromEntries(Object.entries(node).map(([key, item]) => [key, visit(item, [...at, key])]));
    }
    return node;
  };
  return { value: visit(value, path), missing, problems };
}

const REFERENCE_FORM = '${NAME} for the environment variable NAME, or $${ for a literal ${';
