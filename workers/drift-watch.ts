import type { Logger } from 'pino';
import { beginCounters, showDrift } from '../activities/measure';
import type { Metrics } from '../activities/metrics';
import type { Resources } from '../activities/resources';
import type { Config } from '../config/config';
import { TrueupError } from '../contracts/errors';

/** As often as Prometheus usually asks. */
const EVERY_MS = 15_000;

/**
 * Begins the counters, and shows the drift of each table from now on as the ledger has it, so that it is there after a
 * restart, and changes also where another worker compared. A ledger that cannot be read leaves the metrics as they are.
 */
export function watchDrift(
  resources: Resources,
  metrics: Metrics,
  config: Config,
  log: Logger,
): { stop(): Promise<void> } {
  let wasRead = true;
  const show = async () => {
    try {
      await showDrift(resources, metrics);
      wasRead = true;
    } catch (error) {
      if (wasRead) log.warn({ code: error instanceof TrueupError ? error.code : 'INTERNAL' }, 'drift cannot be read');
      wasRead = false;
    }
  };
  beginCounters(metrics, config);
  let showing: Promise<void> | null = null;
  const next = () => {
    showing ??= show().finally(() => (showing = null));
  };
  next();
  const timer = setInterval(next, EVERY_MS);
  timer.unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await showing;
    },
  };
}
