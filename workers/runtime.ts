import { Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';
import { DURATION_BUCKETS, METRIC } from '../activities/metrics';
import { formatMetricsAddress, type MetricsAddress } from '../contracts/metrics-address';
import { sdkLogger } from './logger';
import { unusable } from './metrics-address';

/** Sets the SDK up for this process, before anything else of it is used; with an address it serves metrics there. */
export function installRuntime(log: Logger, address: MetricsAddress | null): void {
  try {
    Runtime.install({
      logger: sdkLogger(log),
      telemetryOptions: {
        logging: { forward: {}, filter: { core: 'WARN', other: 'ERROR' } },
        ...(address === null ? {} : { metrics: metricsTo(address) }),
      },
    });
  } catch (error) {
    // Somebody took it since it was tried.
    if (address !== null && /prometheus/i.test(String(error))) throw unusable(formatMetricsAddress(address), error);
    throw error;
  }
}

function metricsTo(address: MetricsAddress) {
  return {
    // Its label would stand on our own metrics too.
    attachServiceName: false,
    prometheus: {
      bindAddress: formatMetricsAddress(address),
      histogramBucketOverrides: { [METRIC.duration]: DURATION_BUCKETS },
    },
  };
}
