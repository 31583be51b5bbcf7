import { DefaultLogger, type LogLevel } from '@temporalio/worker';
import pino, { type Logger } from 'pino';

const LEVEL: Readonly<Record<LogLevel, pino.Level>> = {
  TRACE: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
};

/** JSON lines on stderr; TRUEUP_LOG_LEVEL chooses the level. */
export function createLogger(env: NodeJS.ProcessEnv): Logger {
  const level = env['TRUEUP_LOG_LEVEL'] ?? 'info';
  return pino(
    { name: 'trueup', level: level in pino.levels.values ? level : 'info', base: { pid: process.pid } },
    pino.destination({ dest: 2, sync: true }),
  );
}

/** The SDK's log lines, through the same logger. */
export function sdkLogger(log: Logger): DefaultLogger {
  return new DefaultLogger('INFO', ({ level, message, meta }) => {
    // An error object could carry a driver's message; the failure's type and text are in the workflow's history.
    const { error, ...fields } = (meta ?? {}) as Record<string, unknown>;
    const type = error instanceof Error ? { errorName: error.name, errorMessage: error.message } : {};
    log[LEVEL[level]]({ ...fields, ...type }, message);
  });
}
