/** Where a worker offers its metrics. Port 0: any that is free. */
export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

export const METRICS_ADDRESS_FORM = 'HOST:PORT, such as 127.0.0.1:9464 or [::1]:9464, with a port from 0 to 65535';

/** Reads `HOST:PORT`; an IPv6 address stands in brackets. Null: it is something else. */
export function parseMetricsAddress(text: string): MetricsAddress | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(text.trim());
  const [, six, name, digits] = match ?? [];
  const host = six ?? name;
  const port = Number(digits);
  return host === undefined || port > 65_535 ? null : { host, port };
}

export function formatMetricsAddress({ host, port }: MetricsAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
