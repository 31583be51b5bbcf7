import type { Config } from '../../config/config';
import { loadConfig } from '../../config/load';
import type { Database } from '../../database/connection';
import { openLedger } from '../../ledger/open';
import { connectTemporal, type Temporal } from '../temporal/connection';
import { webAddress, workflowLink } from '../temporal/web';
import type { Io } from './io';

/** What one command uses of the config, the ledger and Temporal: each opened when first asked for, closed at the end. */
export class Context {
  #config: Config | undefined;
  #ledger: Database | undefined;
  #temporal: Promise<Temporal> | undefined;

  constructor(
    readonly io: Io,
    readonly configPath: string | undefined,
  ) {}

  get config(): Config {
    this.#config ??= loadConfig({ path: this.configPath, env: this.io.env, cwd: this.io.cwd });
    return this.#config;
  }

  get ledger(): Database {
    const { connection, schema } = this.config.ledger;
    this.#ledger ??= openLedger({
      url: this.config.connectionUrl(connection),
      schema,
      name: connection,
      maxConnections: 2,
    });
    return this.#ledger;
  }

  temporal(): Promise<Temporal> {
    this.#temporal ??= connectTemporal(this.io.env);
    return this.#temporal;
  }

  /** The page of a workflow in Temporal Web; null when its address is not known. */
  async webLink(workflowId: string): Promise<string | null> {
    const { address, namespace } = await this.temporal();
    const web = webAddress(address, this.io.env);
    return web === null ? null : workflowLink(web, namespace, workflowId);
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#ledger?.close(), this.#temporal?.then((temporal) => temporal.close())]);
  }
}
