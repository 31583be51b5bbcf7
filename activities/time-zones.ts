import { TrueupError } from '../contracts/errors';
import type { Queryable } from '../database/connection';
import { DatabaseFailure } from '../database/failure';
import { asDefault } from '../database/settings';
import type { TablePair } from '../contracts/table-pair';
import type { Role } from '../engine/side';
import { zonesOf, type Zones } from '../engine/zone';
import type { Resources } from './resources';

/** What a session of a database and role has by default; ours have the same everywhere. */
interface Own {
  readonly zone: string;
  /** Digits after the point of an amount of money. */
  readonly digits: number | null;
}

/** The time zones of the databases of a config, and what amounts of money mean there, each asked once. */
export class TimeZones {
  readonly #own = new Map<string, Promise<Own>>();
  readonly #known = new Map<string, Promise<void>>();

  constructor(private readonly resources: Resources) {}

  /**
   * In which zone times of a table pair that bear none are read.
   *
   * @throws CONFIG_INVALID: a database does not know the zone that the config names.
   */
  async of(pair: TablePair): Promise<Zones> {
    const config = this.resources.config();
    const named = (role: Role) => pair.timeZone ?? config.timeZone(pair[role].connection);
    const [source, target] = [named('source'), named('target')];
    for (const zone of new Set([source, target])) {
      if (zone === undefined) continue;
      await this.#check(pair, 'source', zone);
      // What is written to the target is converted there, from the source's zone too.
      await this.#check(pair, 'target', zone);
    }
    const own = { source: await this.#ownOf(pair, 'source'), target: await this.#ownOf(pair, 'target') };
    const zones = zonesOf(
      { source: own.source.zone, target: own.target.zone },
      { ...(source ? { source } : {}), ...(target ? { target } : {}) },
    );
    return { ...zones, moneyDigits: { source: own.source.digits, target: own.target.digits } };
  }

  #ownOf(pair: TablePair, role: Role): Promise<Own> {
    const { connection } = pair[role];
    return remember(this.#own, `${role} ${connection}`, async () => {
      const ask = async (session: Queryable, digits: string) => {
        const { rows } = await session.query<{ zone: string; digits: string | null }>(
          `select reset_val as zone, ${digits}::text as digits from pg_settings where name = 'TimeZone'`,
        );
        const [found] = rows;
        return { zone: found?.zone ?? 'UTC', digits: found?.digits == null ? null : Number(found.digits) };
      };
      const database = this.resources.database(connection, role);
      try {
        return await database.withTransaction('read committed, read only', async (session) => {
          await session.query(asDefault(['lc_monetary']));
          return await ask(session, 'scale(1::money::numeric)');
        });
      } catch (error) {
        // A locale that the server's machine has lost.
        if (!(error instanceof DatabaseFailure) || error.sqlState !== '22023') throw error;
        return await ask(database, 'null');
      }
    });
  }

  #check(pair: TablePair, role: Role, zone: string): Promise<void> {
    const { connection } = pair[role];
    return remember(this.#known, JSON.stringify([role, connection, zone]), async () => {
      const { rows } = await this.resources
        .database(connection, role)
        .query('select 1 from pg_timezone_names where lower(name) = lower($1::text) limit 1', [zone]);
      if (rows.length > 0) return;
      throw new TrueupError(
        'CONFIG_INVALID',
        `table ${pair.name}: timeZone: found ${JSON.stringify(zone)}, which connection ${connection} does not know; allowed: a name of its pg_timezone_names, such as America/New_York or UTC`,
      );
    });
  }
}

function remember<T>(known: Map<string, Promise<T>>, id: string, ask: () => Promise<T>): Promise<T> {
  const found = known.get(id) ?? ask();
  known.set(id, found);
  return found;
}
