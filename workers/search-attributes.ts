import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { SEARCH_ATTRIBUTE } from '../contracts/names';

/** temporal.api.enums.v1.IndexedValueType */
const INDEXED_VALUE_TYPE = { KEYWORD: 2, BOOL: 5 } as const;

/**
 * Registers the search attributes where they are missing. An unregistered one would fail workflow tasks for ever, so
 * the answer says whether workflows may set them.
 */
export async function registerSearchAttributes(
  connection: NativeConnection,
  namespace: string,
  log: Logger,
): Promise<boolean> {
  const wanted = Object.values(SEARCH_ATTRIBUTE);
  const isThere = async () => {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return wanted.every(({ name, type }) => Number(customAttributes?.[name]) === INDEXED_VALUE_TYPE[type]);
  };
  try {
    if (await isThere()) return true;
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(wanted.map(({ name, type }) => [name, INDEXED_VALUE_TYPE[type]])),
    });
    // The server takes a moment to make them known to all its parts.
    for (let tries = 0; tries < 50 && !(await isThere()); tries += 1) await new Promise((r) => setTimeout(r, 200));
    return await isThere();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (await isThere().catch(() => false)) return true;
    log.warn({ why }, 'search attributes cannot be registered here; runs go on without them');
    return false;
  }
}
