import { spawn } from 'node:child_process';
import type { LoadedTable, Urls } from '../load';
import { timed, wrongAnswer, type Contestant } from './contestant';

/** A comparison that takes longer is ended and counted as no answer. */
const LIMIT_MS = 30 * 60_000;

/** `reladiff -j 2` over the key and all columns, from the start of its process to its end. */
export function reladiffContestant(urls: Urls, python: string): Contestant {
  return {
    name: 'reladiff',
    measure: async (table) => {
      const { seconds, result } = await timed(() => diff(python, argumentsFor(urls, table)));
      if (result.problem !== null) return { seconds, wrong: result.problem };
      const { field_mismatch: both, missing_in_target: source, extra_in_target: target } = table.expected;
      const expected = { source: source + both, target: target + both };
      return { seconds, wrong: wrongAnswer(expected, { source: result.minus, target: result.plus }) };
    },
    close: async () => undefined,
  };
}

function argumentsFor(urls: Urls, { name, table }: LoadedTable): string[] {
  const rest = table.columns.map((column) => column.name).filter((column) => !table.key.includes(column));
  return [
    ...['-m', 'reladiff', urls.source, name, urls.target, name, '-j', '2'],
    ...table.key.flatMap((column) => ['-k', column]),
    ...rest.flatMap((column) => ['-c', column]),
  ];
}

interface Diff {
  /** Rows printed of the source and of the target; one that differs is printed of both. */
  readonly minus: number;
  readonly plus: number;
  readonly problem: string | null;
}

/** Counts the rows that it prints: every line begins with `-` (source) or `+` (target). */
function diff(python: string, args: readonly string[]): Promise<Diff> {
  return new Promise((resolve, reject) => {
    // Its output is folded at the width of a terminal: a folded line could begin with a sign too.
    const env = { ...process.env, NO_COLOR: '1', COLUMNS: '1000000' };
    const child = spawn(python, args, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT_MS });
    const end = () => child.kill('SIGKILL');
    process.once('exit', end);
    const lines = { minus: 0, plus: 0 };
    let atLineStart = true;
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => {
      for (const byte of chunk) {
        if (atLineStart && byte === 0x2d) lines.minus += 1;
        if (atLineStart && byte === 0x2b) lines.plus += 1;
        atLineStart = byte === 0x0a;
      }
    });
    child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-2_000)));
    child.once('error', reject);
    child.once('close', (code, signal) => {
      process.off('exit', end);
      const last = errors.trim().split('\n').at(-1) ?? '';
      const problem = signal === null ? `exit code ${code}: ${last}` : `no end after ${LIMIT_MS / 60_000} min`;
      resolve({ ...lines, problem: code === 0 ? null : problem });
    });
  });
}
