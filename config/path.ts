/** Where something stands in the config file. */
export type Path = readonly (string | number)[];

/** `tables[2].settle.attempts`; a key that is no plain word is quoted, and one that may hold a secret is hidden. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (mayHoldSecret(step)) text += '[a hidden name]';
    else if (/^[A-Za-z_][\w-]*$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step.slice(0, 80))}]`;
  }
  return text === '' ? 'the file' : text;
}

/** URLs and keyword strings carry passwords; people paste them into the wrong field. */
export function mayHoldSecret(text: string): boolean {
  return text.includes('://') || /passw(or)?d\s*=/i.test(text);
}

/**
 * What stands at `path` in the file as it was written. A path goes on below a scalar where the file used a short form
 * (`- orders` for `- name: orders`); then `path` is cut at that scalar.
 */
export function lookUp(root: unknown, path: Path): { readonly path: Path; readonly value: unknown } {
  let value = root;
  for (const [depth, step] of path.entries()) {
    if (value === undefined) return { path, value };
    if (typeof value !== 'object' || value === null) return { path: path.slice(0, depth), value };
    value = Object.hasOwn(value, step) ? (value as Record<string | number, unknown>)[step] : undefined;
  }
  return { path, value };
}
