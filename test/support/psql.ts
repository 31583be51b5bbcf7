import { spawn, spawnSync } from 'node:child_process';
import { Client } from 'pg';

export interface ScriptResult {
  readonly code: number;
  /** What the server said, a line each: `NOTICE:  …`, `WARNING:  …`, `ERROR:  …`. */
  readonly messages: string;
}

const hasPsql = spawnSync('psql', ['--version']).status === 0;

/** Runs a script as psql does, by psql where there is one; `flags` are set to 1. */
export function runScript(url: string, script: string, ...flags: readonly string[]): Promise<ScriptResult> {
  return hasPsql ? runByPsql(url, script, flags) : runByStatements(url, script, flags);
}

function runByPsql(url: string, script: string, flags: readonly string[]): Promise<ScriptResult> {
  return new Promise((resolve, reject) => {
    const set = flags.flatMap((flag) => ['-v', `${flag}=1`]);
    const child = spawn('psql', ['-X', '-v', 'ON_ERROR_STOP=1', ...set, '-d', url, '-f', '-'], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, PGCLIENTENCODING: 'LATIN1', PGTZ: 'Asia/Tokyo', PGDATESTYLE: 'German' },
    });
    let messages = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (messages += String(data)));
    child.stdin.on('error', () => undefined);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, messages }));
    child.stdin.end(script);
  });
}

/** The little of psql that a script of a plan needs: statements end with a line, and conditions stand on lines of their own. */
export async function runByStatements(url: string, script: string, flags: readonly string[]): Promise<ScriptResult> {
  const client = new Client({ connectionString: url });
  let messages = '';
  client.on('notice', ({ severity, message }) => (messages += `${severity ?? ''}:  ${message ?? ''}\n`));
  await client.connect();
  try {
    for (const statement of statementsOf(script, new Set(flags))) await client.query(statement);
    return { code: 0, messages };
  } catch (error) {
    return { code: 3, messages: `${messages}ERROR:  ${(error as Error).message}` };
  } finally {
    await client.end();
  }
}

function* statementsOf(script: string, flags: ReadonlySet<string>): Iterable<string> {
  const branches: boolean[] = [];
  let [statement, tag] = ['', ''];
  for (const line of script.split('\n')) {
    const meta = tag === '' ? /^\s*\\(\w+) ?(.*)$/.exec(line) : null;
    if (meta) {
      const [, command, argument = ''] = meta;
      const name = /\w+/.exec(argument)?.[0] ?? '';
      if (command === 'if') branches.push(flags.has(name));
      else if (command === 'else') branches.push(branches.pop() !== true);
      else if (command === 'endif') branches.pop();
      continue;
    }
    if (branches.includes(false) || (tag === '' && /^\s*(--.*)?$/.test(line))) continue;
    for (const [found] of line.matchAll(/\$trueup\d*\$/g)) tag = tag === '' ? found : found === tag ? '' : tag;
    statement += `${line}\n`;
    if (tag !== '' || !line.endsWith(';')) continue;
    yield statement;
    statement = '';
  }
}
