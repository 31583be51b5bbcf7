import type { Command } from 'commander';
import { Context } from './context';
import type { Io } from './io';

/** Adds one command to the program. */
export type AddCommand = (program: Command, run: Runner) => void;

type Body<Args extends readonly unknown[]> = (context: Context, ...args: Args) => Promise<number>;

/** Makes a commander action of a command's body: opens a context, closes it, remembers the exit code. */
export class Runner {
  exitCode: number = 0;

  constructor(
    readonly io: Io,
    private readonly program: Command,
  ) {}

  action<Args extends readonly unknown[]>(body: Body<Args>): (...args: [...Args, ...unknown[]]) => Promise<void> {
    return async (...args) => {
      const { config } = this.program.opts<{ config?: string }>();
      const context = new Context(this.io, config);
      try {
        this.exitCode = await body(context, ...(args as unknown as Args));
      } finally {
        await context.close();
      }
    };
  }
}
