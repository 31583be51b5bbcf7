import { isScalar, LineCounter, parseDocument, visit, type YAMLError } from 'yaml';
import { TrueupError } from '../contracts/errors';

/** In our words, because the parser's own may quote the file, and the file may hold a secret where none belongs. */
const WORDS: Partial<Record<YAMLError['code'], string>> = {
  BAD_ALIAS: 'an alias (*name) without its anchor; quote a text that starts with *',
  BAD_DIRECTIVE: 'a directive (%) that YAML does not know',
  BAD_DQ_ESCAPE: 'an escape (\\) that YAML does not know; single quotes take a text as it is',
  BAD_INDENT: 'a wrong indentation, or a bracket that is not closed',
  BAD_SCALAR_START: 'a text that must be quoted because of its first character',
  BLOCK_AS_IMPLICIT_KEY: 'a map or a list where a key was expected; a text with ": " in it must be quoted',
  BLOCK_IN_FLOW: 'an indented block inside { } or [ ]',
  DUPLICATE_KEY: 'a field that stands there twice',
  MISSING_CHAR: 'a missing quote, comma, colon or bracket',
  MULTILINE_IMPLICIT_KEY: 'a key that goes over several lines; a colon is missing or a quote is not closed',
  MULTIPLE_DOCS: 'a second document (---); only one is read',
  TAB_AS_INDENT: 'a tab as indentation; YAML takes spaces only',
  TAG_RESOLVE_FAILED: 'a tag (!name) that is not known; quote a text that starts with !',
  UNEXPECTED_TOKEN: 'a character that has no place there; a text with { } [ ] , : # in it is best quoted',
};

/** The values of a YAML text. Throws CONFIG_MALFORMED with line and column. */
export function parseYaml(text: string, path: string): unknown {
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
    const error = document.errors[0] ?? document.warnings[0];
    if (error) {
      const { line, col } = lines.linePos(error.pos[0]);
      const word = WORDS[error.code] ?? 'something that is not YAML';
      throw new TrueupError('CONFIG_MALFORMED', `${path}, line ${line}, column ${col}: ${word}`);
    }
    visit(document, (_, node) => {
      if (isScalar(node) && isTooLong(node)) node.value = node.source;
    });
    const value: unknown = document.toJS({ maxAliasCount: 1_000 });
    return value;
  } catch (error) {
    if (error instanceof TrueupError) throw error;
    // What the parser throws instead of reporting: nesting past its stack, aliases that multiply, a wrong merge (<<).
    throw new TrueupError('CONFIG_MALFORMED', `${path}: nested too deeply, or an alias or a merge (<<) leads nowhere`);
  }
}

/** Whether a number has more digits than every number of JavaScript holds; it is then read as the text that it is. */
function isTooLong({ value, source }: { readonly value: unknown; readonly source?: string | undefined }): boolean {
  const digits = source?.replace(/e.*/i, '').replaceAll(/^[-+.0]+|\D/g, '') ?? '';
  return typeof value === 'number' && digits.length > 15;
}
