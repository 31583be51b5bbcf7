import { DEMO_TABLES, type DemoTable } from './inventory';

/** What is checked beside the rows: a reference that no constraint says, and an order of times. */
const CHECKS: Readonly<Partial<Record<DemoTable, string>>> = {
  orders: 'order: ["created_at <= shipped_at"]',
  transactions: 'references: [{ columns: [order_ref], parent: orders }]',
};

function entry(table: DemoTable): string {
  const checks = CHECKS[table];
  return checks === undefined ? `  - ${table}\n` : `  - { name: ${table}, checks: { ${checks} } }\n`;
}

/** The trueup.yaml of the demo. The URLs come from LEGACY_URL and MODERN_URL. */
export const DEMO_CONFIG = `# The databases of \`trueup demo\`: a small bank and shop, moved from legacy to modern.
connections:
  legacy: { url: "\${LEGACY_URL}" }
  modern: { url: "\${MODERN_URL}" }
ledger: { connection: modern, schema: trueup }
defaults:
  source: legacy
  target: modern
  exclude: [updated_at, version] # the modern side keeps its own
  chunkRows: 25000
  settle: { delay: 1s, attempts: 3 }
  approvalTimeout: 1h
  corrections: { missing: auto, mismatched: approve, extra: approve }
tables:
${DEMO_TABLES.map(entry).join('')}`;
