import { Connection, type ClientBase } from 'pg';

/** What the driver knows of a session, and its types do not say. */
interface Session {
  readonly processID: number | null;
  readonly secretKey: number | null;
  readonly host: string;
  readonly port: number;
  readonly ssl: unknown;
  readonly sslNegotiation?: string;
}

interface Line extends Connection {
  connect(port: number | string, host?: string): void;
  requestSsl(): void;
  cancel(processID: number, secretKey: number): void;
}

const LIMIT_MS = 5_000;

/**
 * Asks whoever answers at the session's address to cancel what the session is doing, by the protocol's own request: behind
 * a pooler the process that the session was told of is none of the server's. What has ended by itself meanwhile is left
 * alone; where the request does not arrive, the statement is left to statement_timeout.
 */
export function cancelRunning(client: ClientBase): void {
  const { processID, secretKey, host, port, ssl, sslNegotiation } = client as unknown as Session;
  if (processID === null || secretKey === null) return;
  const line = new Connection({ ssl, sslNegotiation } as never) as Line;
  const end = () => line.stream.destroy();
  const limit = setTimeout(end, LIMIT_MS).unref();
  const send = () => line.cancel(processID, secretKey);
  line.on('connect', () => {
    if (!ssl) send();
    else if (sslNegotiation !== 'direct') line.requestSsl();
  });
  line.on('sslconnect', send);
  line.on('error', end);
  // The answer to the request is that the line is closed.
  line.on('end', () => clearTimeout(limit));
  if (host.startsWith('/')) line.connect(`${host}/.s.PGSQL.${port}`);
  else line.connect(port, host);
}
