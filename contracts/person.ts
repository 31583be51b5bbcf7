/** Whether two names are one person's: case, width and spaces around do not matter. */
export function isSamePerson(a: string, b: string): boolean {
  const folded = (name: string) => name.normalize('NFKC').trim().toUpperCase().toLowerCase();
  return folded(a) === folded(b);
}
