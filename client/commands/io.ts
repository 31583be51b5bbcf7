import type { Readable } from 'node:stream';
import { colorsFor, type Colors } from '../render/colors';
import { Output } from '../render/output';
import type { Environment } from '../temporal/connection';

/** What a command has of the outside world. */
export interface Io {
  readonly env: Environment;
  readonly cwd: string;
  readonly stdin: Readable;
  readonly out: Output;
  readonly err: Output;
  readonly colors: Colors;
  /** Somebody can be asked: input and output are terminals. */
  readonly interactive: boolean;
}

export function processIo(): Io {
  const { stdin, stdout, stderr, env } = process;
  const isTerminal = stdout.isTTY === true && env.TERM !== 'dumb';
  return {
    env,
    cwd: process.cwd(),
    stdin,
    out: new Output(stdout, isTerminal),
    err: new Output(stderr, stderr.isTTY === true),
    colors: colorsFor(isTerminal, env),
    interactive: isTerminal && stdin.isTTY === true,
  };
}
