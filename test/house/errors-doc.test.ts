import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERRORS } from '../../contracts/errors';

const CHECKOUT = join(__dirname, '..', '..');

interface Docs {
  readonly PAGE: string;
  renderErrors(errors: typeof ERRORS): string;
}

describe('docs/errors.md', () => {
  const { PAGE, renderErrors } = jest.requireActual<Docs>('../../scripts/docs.js');

  it('is what `npm run docs` writes from the catalogue', () => {
    expect(readFileSync(join(CHECKOUT, PAGE), 'utf8')).toBe(renderErrors(ERRORS));
  });

  it('has a section for every code, with what to do about it', () => {
    const sections = renderErrors(ERRORS).split('\n## ').slice(1);
    expect(sections.map((section) => section.split('\n')[0])).toEqual(Object.keys(ERRORS));
    for (const section of sections) expect(section.trim().split('\n\n')).toHaveLength(3);
  });
});
