/**
 * SQL for the SHA-256 in hex of some texts, any of which may be NULL: PostgreSQL's binary form of a record, which tells all
 * lists of texts apart, and is the same on every server and for every setting of a session of ours.
 */
export function textsHash(texts: readonly string[]): string {
  return `encode(sha256(record_send(row(${texts.join(', ')}))), 'hex')`;
}
