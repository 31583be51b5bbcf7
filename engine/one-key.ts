import type { Comparison } from '../contracts/comparison';
import { canSpell, isSpelled, wantedArrays } from './look-up';
import type { KeyValues } from './key';
import { alias, Parameters } from './range';
import type { Side } from './side';

/** How many bits a {@link Marks} has for each key, and at the most: 32 MB. */
const BITS = 64;
const MOST_BITS = 2 ** 28;

/** What has been seen once, and more than once, by hash; two that differ may be taken for one. */
class Marks {
  readonly #once: Uint8Array;
  readonly #again: Uint8Array;
  readonly #bits: number;

  constructor(count: number) {
    this.#bits = Math.min(MOST_BITS, Math.max(1_024, count * BITS));
    const bytes = Math.ceil(this.#bits / 8);
    [this.#once, this.#again] = [new Uint8Array(bytes), new Uint8Array(bytes)];
  }

  see(hash: string): void {
    const [byte, bit] = this.#place(hash);
    const marks = ((this.#once[byte] ?? 0) & bit) === 0 ? this.#once : this.#again;
    marks[byte] = (marks[byte] ?? 0) | bit;
  }

  seenAgain(hash: string): boolean {
    const [byte, bit] = this.#place(hash);
    return ((this.#again[byte] ?? 0) & bit) !== 0;
  }

  #place(hash: string): readonly [number, number] {
    const n = Number(BigInt.asUintN(64, BigInt(hash)) % BigInt(this.#bits));
    return [n >> 3, 1 << (n & 7)];
  }
}

/** Keys in pages, from the beginning, each with what its caller knows it by. */
export type KeyPages = () => AsyncIterable<readonly { readonly id: string; readonly key: KeyValues }[]>;

/**
 * Which of the given keys are one key by the side's own `=`, and so could not be written beside one another. They are
 * hashed by the side; only those whose hashes meet are kept and compared, so that memory does not grow with their number.
 *
 * @param count How many keys there are, about.
 */
export async function keysThatAreOne(
  comparison: Comparison,
  side: Side,
  pages: KeyPages,
  count: number,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  if (!isSpelled(side) || count < 2) return [];
  const marks = new Marks(count);
  const hashed = async (page: readonly { readonly id: string; readonly key: KeyValues }[]) => {
    const held = page.filter(({ key }) => side.key.every((column, i) => canSpell(column, key[i] ?? null)));
    if (held.length === 0) return [];
    const parameters = new Parameters();
    const keys = held.map(({ key }) => key);
    const from = `unnest(${wantedArrays(side, keys, parameters).join(', ')}) with ordinality
                    as "trueup:wanted"(${side.key.map((_, i) => alias('w', i)).join(', ')}, "trueup:n")`;
    const { rows } = await side.database.withSession(
      (session) =>
        session.query<{ hash: string }>(
          `select hash_record_extended(row(${ownValues(comparison, side).join(', ')}), 0) as hash from ${from} order by "trueup:n"`,
          parameters.values,
        ),
      signal,
    );
    return held.map((found, i) => ({ ...found, hash: rows[i]?.hash ?? '0' }));
  };
  for await (const page of pages()) for (const { hash } of await hashed(page)) marks.see(hash);
  const suspects: { readonly id: string; readonly key: KeyValues }[] = [];
  for await (const page of pages()) {
    suspects.push(...(await hashed(page)).filter(({ hash }) => marks.seenAgain(hash)));
  }
  if (suspects.length === 0) return [];
  const parameters = new Parameters();
  const arrays = wantedArrays(
    side,
    suspects.map(({ key }) => key),
    parameters,
  );
  const { rows } = await side.database.withSession(
    (session) =>
      session.query<{ n: string }>(
        `select unnest(array_agg("trueup:n")) as n
           from unnest(${arrays.join(', ')}) with ordinality as "trueup:wanted"(${side.key.map((_, i) => alias('w', i)).join(', ')}, "trueup:n")
          group by ${ownValues(comparison, side).join(', ')} having count(*) > 1`,
        parameters.values,
      ),
    signal,
  );
  return rows.flatMap(({ n }) => suspects[Number(n) - 1]?.id ?? []);
}

/** SQL for wanted key values in the side's own types and collations. */
function ownValues(comparison: Comparison, { key, role }: Side): readonly string[] {
  return key.map(({ spelled }, i) => {
    const wanted = alias('w', i);
    if (!spelled) return wanted;
    const collation = spelled.type === 'text' || spelled.type === 'bpchar' ? comparison.key[i]?.collation[role] : null;
    return `${wanted}::${spelled.type}${collation ? ` collate ${collation}` : ''}`;
  });
}
