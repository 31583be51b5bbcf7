import { Database } from '../database/connection';

/** The ledger's own pool; its sessions look up unqualified names in the ledger's schema. */
export function openLedger(options: {
  readonly url: string;
  readonly schema: string;
  readonly name: string;
  readonly maxConnections?: number;
}): Database {
  return new Database({
    name: options.name,
    url: options.url,
    searchPath: options.schema,
    ...(options.maxConnections === undefined ? {} : { maxConnections: options.maxConnections }),
  });
}
