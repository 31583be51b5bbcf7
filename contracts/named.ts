/** Names in a message, `most` of them at the most: `a, b and 3 more`. */
export function named(names: readonly string[], most: number): string {
  const more = names.length > most ? ` and ${names.length - most} more` : '';
  return `${names.slice(0, most).join(', ')}${more}`;
}
