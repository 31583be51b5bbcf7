import type { HashMethod } from '../contracts/comparison';
import { TrueupError } from '../contracts/errors';
import type { Queryable } from '../database/connection';
import { hashOf } from './hash';

/** Values of every type that has a form of its own in a hash, and of some that are hashed as records. */
const CANARIES: readonly (readonly [type: string, ...values: readonly string[]])[] = [
  ['smallint', '-1', '32767'],
  ['integer', '-1', '2147483647'],
  ['bigint', '-1', '4294967296', '9223372036854775807'],
  ['numeric', '-12345.6789', '1e-20', 'NaN', 'Infinity', '12345678901234567890123456789'],
  ['real', '-0.1', 'NaN'],
  ['double precision', '-0', '0.1', 'NaN', '5e-324'],
  ['boolean', 'true'],
  ['text', '', 'a', 'straße 😀', 'a text of more than twelve bytes'],
  ['uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  ['bytea', '\\x', '\\x00ff'],
  ['date', '2024-02-29', '0044-03-15 BC', 'infinity'],
  ['timestamp without time zone', '2024-05-05 10:00:00.000001', '1970-01-01 00:00:00', 'infinity'],
  ['timestamp with time zone', '2024-05-05 10:00:00.000001+00', '1970-01-01 00:00:00+00', '-infinity'],
  ['time without time zone', '23:59:59.999999'],
  ['time with time zone', '23:59:59.999999+05'],
  ['money', '-1234.56'],
  ['jsonb', 'null', '{"b": [1, 2.50], "a": "x"}'],
  ['inet', '10.0.0.0/8', '::1'],
  ['cidr', '10.0.0.0/8'],
  ['macaddr', '08:00:2b:01:02:03'],
  ['macaddr8', '08:00:2b:01:02:03:04:05'],
  ['oid', '4294967295'],
];

const MORE_FUNCTIONS_SINCE = 180_000;

/**
 * Chooses how rows are hashed, by what two servers prove: that they hash canary values of every type alike. The fastest
 * method that they share is taken; servers of another byte order, or patched ones, are left with the portable one.
 *
 * @throws SERVER_UNSUPPORTED when not even that one agrees.
 */
export async function chooseHash(source: Queryable, target: Queryable): Promise<HashMethod> {
  const [s, t] = await Promise.all([serverOf(source), serverOf(target)]);
  const native: readonly HashMethod[] =
    s.encoding !== t.encoding
      ? // The same text is other bytes there.
        []
      : Math.min(s.version, t.version) >= MORE_FUNCTIONS_SINCE
        ? ['native-18', 'native-14']
        : ['native-14'];
  const ascii = s.encoding !== 'UTF8' || t.encoding !== 'UTF8';
  for (const method of [...native, 'portable' as const]) {
    const [a, b] = await Promise.all([canaryHashes(source, method, ascii), canaryHashes(target, method, ascii)]);
    if (a === b) return method;
  }
  throw new TrueupError(
    'SERVER_UNSUPPORTED',
    'the two servers hash the same values differently, even by SHA-256 of their text',
  );
}

async function serverOf(server: Queryable): Promise<{ readonly version: number; readonly encoding: string }> {
  const { rows } = await server.query<{ version: string; encoding: string }>(
    `select current_setting('server_version_num') as version, current_setting('server_encoding') as encoding`,
  );
  return { version: Number(rows[0]?.version ?? 0), encoding: rows[0]?.encoding ?? '' };
}

/**
 * The hashes of all canaries, one after the other: alone, and beside a NULL. `ascii` leaves out the texts that only
 * some encodings hold.
 */
export async function canaryHashes(server: Queryable, method: HashMethod, ascii = false): Promise<string> {
  const hashes = CANARIES.flatMap(([type, ...values]) =>
    values.flatMap((text) => {
      if (ascii && !/^[ -~]*$/.test(text)) return [];
      const value = { type, value: `'${text}'::${type}` };
      return [hashOf([value], method), hashOf([{ type: 'integer', value: 'null::integer' }, value], method)];
    }),
  );
  const { rows } = await server.query<{ hashes: string }>(
    `select array_to_string(array[${hashes.join(', ')}], ',') as hashes`,
  );
  return rows[0]?.hashes ?? '';
}
