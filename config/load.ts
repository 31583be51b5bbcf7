import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { TrueupError } from '../contracts/errors';
import type { Config } from './config';
import { parseYaml } from './document';
import { substituteEnvironment, type MissingVariable } from './environment';
import { formatPath, lookUp, type Path } from './path';
import { describeProblems, problemsOf, type Problem } from './problem';
import { resolveConfig } from './resolve';
import { configSchema } from './schema';

export const CONFIG_FILE = 'trueup.yaml';
export const CONFIG_VARIABLE = 'TRUEUP_CONFIG';

type Environment = Readonly<Record<string, string | undefined>>;

export interface LoadOptions {
  /** The file, as `--config` names it; default: the environment's TRUEUP_CONFIG, then `./trueup.yaml`. */
  readonly path?: string | undefined;
  readonly env?: Environment;
  readonly cwd?: string;
}

/** Reads and checks the config. Throws CONFIG_NOT_FOUND, and what {@link parseConfig} throws. */
export function loadConfig(options: LoadOptions = {}): Config {
  const env = options.env ?? process.env;
  const given = options.path ?? (env[CONFIG_VARIABLE] || undefined);
  const path = resolve(options.cwd ?? process.cwd(), given ?? CONFIG_FILE);
  return parseConfig(readConfig(path), path, env);
}

/**
 * Checks the text of a config; `path` is only for messages. Throws CONFIG_MALFORMED (no YAML), CONFIG_ENV_MISSING,
 * or CONFIG_INVALID with every problem in it. No message holds a value of the environment or of a connection.
 */
export function parseConfig(text: string, path: string = CONFIG_FILE, env: Environment = process.env): Config {
  try {
    return checkedConfig(parseYaml(text, path), path, env);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new TrueupError('CONFIG_MALFORMED', `${path}: nested too deeply, or an alias that holds itself`);
  }
}

function readConfig(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const why = code === 'ENOENT' || code === 'ENOTDIR' ? 'there is no such file' : `it cannot be read (${code})`;
    throw new TrueupError('CONFIG_NOT_FOUND', `${path}: ${why}`);
  }
}

function checkedConfig(written: unknown, path: string, env: Environment): Config {
  const file = written ?? {};
  // The URLs wait until they are needed: whoever only reads the ledger has no need of every secret.
  const substituted = substituteEnvironment(file, env, [], isConnectionUrl);
  const parsed = configSchema.safeParse(substituted.value);
  // What could not be substituted is the cause of whatever else is wrong at its own place.
  const placeOf = ({ path: at }: { readonly path: Path }) => formatPath(lookUp(file, at).path);
  const causes = [...substituted.missing, ...substituted.problems].map(placeOf);
  const issues = parsed.success ? [] : problemsOf(parsed.error.issues);
  const problems = [...substituted.problems, ...issues.filter((issue) => !causes.includes(placeOf(issue)))];
  if (problems.length > 0) throw invalid(problems, file, path);
  if (substituted.missing.length > 0) throw variablesMissing(substituted.missing, path);
  if (!parsed.success) throw invalid(problemsOf(parsed.error.issues), file, path);

  const resolved = resolveConfig(parsed.data);
  const connections = new Map(Object.entries(parsed.data.connections));
  const literal = [...connections].filter(([, { url }]) => !url.includes('${') && !isPostgresUrl(url));
  const urlProblems = literal.map(([name]) => notAUrl(name, 'found a text that is none'));
  const late = [...resolved.problems, ...urlProblems];
  if (late.length > 0) throw invalid(late, file, path);

  const connectionUrl = (name: string): string => {
    const connection = connections.get(name);
    if (!connection) {
      const allowed = `the name of a connection: ${[...connections.keys()].join(', ')}`;
      throw invalid([{ path: ['connections', name], found: 'found nothing', allowed }], file, path);
    }
    const at: Path = ['connections', name, 'url'];
    const { value, missing } = substituteEnvironment(connection.url, env, at);
    if (missing.length > 0) throw variablesMissing(missing, path);
    // Secrets that come from files often end in a line break.
    const url = String(value).trim();
    if (!isPostgresUrl(url)) {
      throw invalid([notAUrl(name, 'found a text that, with the environment put in, is none')], file, path);
    }
    return url;
  };
  return { ...resolved.config, path, connectionUrl };
}

function isConnectionUrl(path: Path): boolean {
  return path.length === 3 && path[0] === 'connections' && path[2] === 'url';
}

function isPostgresUrl(url: string): boolean {
  // A URL with a user and no host means a local socket to PostgreSQL, and is not one to the web.
  return /^postgres(ql)?:\/\//.test(url) && URL.canParse(url.replace('@/', '@localhost/'));
}

function notAUrl(connection: string, found: string): Problem {
  const allowed = 'a PostgreSQL URL: postgres://user:password@host:5432/database (special characters %-encoded)';
  return { path: ['connections', connection, 'url'], found, allowed };
}

function invalid(problems: readonly Problem[], file: unknown, path: string): TrueupError {
  return new TrueupError('CONFIG_INVALID', [`${path} is not valid:`, ...describeProblems(problems, file)].join('\n  '));
}

function variablesMissing(missing: readonly MissingVariable[], path: string): TrueupError {
  const lines = missing.map((each) => `${formatPath(each.path)}: environment variable ${each.variable} is not set`);
  return new TrueupError('CONFIG_ENV_MISSING', `${path}: ${[...new Set(lines)].join('; ')}`);
}
