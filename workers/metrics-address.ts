import { lookup } from 'node:dns/promises';
import { createServer } from 'node:net';
import { TrueupError } from '../contracts/errors';
import {
  formatMetricsAddress,
  METRICS_ADDRESS_FORM,
  parseMetricsAddress,
  type MetricsAddress,
} from '../contracts/metrics-address';

/**
 * The address to serve metrics at, by its number, as the SDK wants it, and with a port that was free a moment ago; null:
 * none is asked for. Throws METRICS_ADDRESS_UNUSABLE.
 */
export async function metricsAddress(text: string | undefined): Promise<MetricsAddress | null> {
  if (text === undefined || text === '') return null;
  const asked = parseMetricsAddress(text);
  if (!asked) {
    throw new TrueupError(
      'METRICS_ADDRESS_UNUSABLE',
      `metrics at ${JSON.stringify(text)}: allowed is ${METRICS_ADDRESS_FORM}`,
    );
  }
  try {
    const { address: host } = await lookup(asked.host);
    return { host, port: await portOn(host, asked.port) };
  } catch (error) {
    throw unusable(text, error);
  }
}

export function metricsUrl(address: MetricsAddress): string {
  return `http://${formatMetricsAddress(address)}/metrics`;
}

const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: 'somebody listens there already',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this user may not listen there',
  ENOTFOUND: 'there is no host of that name',
};

export function unusable(text: string, error: unknown): TrueupError {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  const why = code === undefined ? undefined : (WHY[code] ?? code);
  return new TrueupError('METRICS_ADDRESS_UNUSABLE', `metrics at ${text}: ${why ?? 'nothing can be served there'}`);
}

/** The port, or, for 0, one that the system gives; rejects where nobody can listen. */
function portOn(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port);
        else reject(new Error('the system gave no port'));
      });
    });
  });
}
