import { createServer } from 'node:net';

/** Ports that this process was given lately: the system may hand out one twice before its first user binds it. */
const given = new Set<number>();

/** A TCP port on 127.0.0.1 that nobody listens on now and that this process was not given before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await askSystem();
    if (given.has(port)) continue;
    given.add(port);
    return port;
  }
}

function askSystem(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.unref();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port);
        else reject(new Error('the system gave no TCP port on 127.0.0.1'));
      });
    });
  });
}
