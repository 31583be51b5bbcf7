import { processIo } from './commands/io';
import { runCli } from './commands/program';

/** The command line's entry point; bin/trueup.js loads it. */
async function main(): Promise<void> {
  const io = processIo();
  const code = await runCli(process.argv.slice(2), io);
  await Promise.all([io.out.flush(), io.err.flush()]);
  // Idle sockets of libraries must not hold a command that is done.
  process.exit(code);
}

void main();
