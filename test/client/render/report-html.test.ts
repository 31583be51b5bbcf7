import { runInNewContext } from 'node:vm';
import type { ReportDocument } from '../../../client/render/report/document';
import { stackedBars } from '../../../client/render/report/document';
import { reportHtml } from '../../../client/render/report/html';
import { reportText } from '../../../client/render/report/text';

/** What the charts are drawn on in this test, as far as it looks at it. */
interface Canvas {
  getContext(kind: '2d'): {
    getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray };
  };
}

// eslint-disable-next-line @typescript-eslint/no-require-imports -- its own types need those of a browser
const { createCanvas } = require('@napi-rs/canvas') as { createCanvas(width: number, height: number): Canvas };

const EVIL = '</script><script>alert(1)</script><img src=x onerror=alert(2)> & "quoted" \'too\'';
const lines = [
  { label: EVIL, name: 'missing_in_target', n: 30 },
  { label: EVIL, name: 'field_mismatch', n: 10 },
  { label: 'orders', name: 'field_mismatch', n: 20 },
];
const DOCUMENT: ReportDocument = {
  title: `Report of ${EVIL}`,
  facts: [['Findings', '60']],
  sections: [
    {
      heading: 'Findings',
      columns: [{ head: 'table' }, { head: 'findings', align: 'right' }],
      rows: [
        [EVIL, '40'],
        ['orders', '20'],
      ],
      empty: 'No findings.',
      note: 'All of them.',
      ...stackedBars(lines),
    },
    { heading: 'Corrections', columns: [{ head: 'table' }], rows: [], empty: 'No corrections.', ...stackedBars([]) },
  ],
};

describe('a report as a page', () => {
  const page = reportHtml(DOCUMENT);
  const scripts = [...page.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, script]) => script ?? '');
  const data = /<script type="application\/json" id="charts">(.*?)<\/script>/.exec(page)?.[1] ?? '';

  it('needs nothing beside itself, and lets nothing be loaded', () => {
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/\s(src|href)\s*=\s*["']?(?!x )[^"'\s>]*\/\//i);
    expect(page).not.toMatch(/<(link|iframe|object|embed|img)\b/i);
    expect(page).not.toMatch(/@import|url\(|sourceMappingURL/);
    expect(scripts).toHaveLength(2);
    expect(page.length).toBeLessThan(400_000);
  });

  it('holds names of tables as text, whatever they are', () => {
    expect(page).not.toContain('<script>alert');
    expect(page).not.toContain('<img');
    expect(page).toContain('&lt;/script&gt;&lt;script&gt;alert(1)');
    expect((JSON.parse(data) as { labels: string[] }[])[0]?.labels).toEqual([EVIL, 'orders']);
    expect(page).toContain('<td class="right">40</td>');
    expect(page).toContain('<p>No corrections.</p>');
    expect(page).toContain('<p class="note">All of them.</p>');
  });

  it('draws its charts', () => {
    const canvases = new Map<string, Canvas>();
    const document = {
      documentElement: { dataset: {} as Record<string, unknown> },
      getElementById: (id: string) => {
        if (id === 'charts') return { textContent: data };
        expect(page).toContain(`<canvas id="${id}"`);
        const canvas = createCanvas(600, 300);
        canvases.set(id, canvas);
        return canvas;
      },
    };
    runInNewContext(scripts.join('\n'), { document, matchMedia: () => ({ matches: false }), setTimeout, clearTimeout });
    expect(document.documentElement.dataset['drawn']).toBe(1);
    const drawn = canvases.get('chart-0');
    const { data: pixels } = drawn?.getContext('2d').getImageData(0, 0, 600, 300) ?? { data: [] };
    const count = (r: number, g: number, b: number) => {
      let n = 0;
      for (let i = 0; i < pixels.length; i += 4)
        if (pixels[i] === r && pixels[i + 1] === g && pixels[i + 2] === b) n += 1;
      return n;
    };
    // field_mismatch, the first by name, has 10 + 20, and missing_in_target 30: as many pixels each.
    const [first, second] = [count(0x3b, 0x76, 0xb8), count(0xd9, 0x82, 0x2b)];
    expect(first).toBeGreaterThan(500);
    expect(second / first).toBeGreaterThan(0.9);
    expect(second / first).toBeLessThan(1.1);
  });

  it('is text on a terminal, in which a name moves no cursor', () => {
    const text = reportText({ ...DOCUMENT, title: 'evil \u001b[2J' });
    expect(text).not.toContain('\u001b');
    expect(text).toMatch(/orders.* 20/);
    expect(text).toContain('No corrections.');
  });
});
