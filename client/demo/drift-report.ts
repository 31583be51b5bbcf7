import type { Finding } from '../../contracts/finding';
import type { Queryable } from '../../database/connection';
import { streamFindings } from '../../ledger/finding';
import type { Colors } from '../render/colors';
import { drawTable } from '../render/table';
import type { DriftedColumn } from './inventory';

/** What a run found of the schema. */
export async function driftFound(ledger: Queryable, runId: string): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  for await (const finding of streamFindings(ledger, runId, { type: 'schema_drift' })) found.push(finding);
  return found;
}

/** Those of them that keep rows from being equal: a run that mends all rows still leaves them. */
export function driftLeft(found: readonly Finding[]): number {
  return found.filter(({ severity }) => severity === 'high' || severity === 'critical').length;
}

const planted = ({ table, column, source, target }: DriftedColumn) => JSON.stringify([table, column, source, target]);

function foundAs({ table, key, columns: [difference] }: Finding): string {
  return JSON.stringify([table, key['name'] ?? null, difference?.source ?? null, difference?.target ?? null]);
}

/** Whether exactly the drift that was planted was found. */
export function foundPlantedDrift(found: readonly Finding[], drift: readonly DriftedColumn[]): boolean {
  return JSON.stringify(found.map(foundAs).sort()) === JSON.stringify(drift.map(planted).sort());
}

/** What of the schema was found, of what was planted, with what would mend it: no run changes a definition by itself. */
export function driftLines(
  found: readonly Finding[],
  drift: readonly DriftedColumn[],
  colors: Colors,
): readonly string[] {
  const wanted = new Set(drift.map(planted));
  const isFound = new Set(found.map(foundAs));
  const rows = [
    ...found.map((finding) => [
      finding.table,
      finding.key['name'] ?? '',
      finding.severity,
      finding.columns.map(({ source, target }) => `${source ?? 'none'} / ${target ?? 'none'}`).join(),
      wanted.has(foundAs(finding)) ? colors.green('exact') : colors.red('NOT PLANTED'),
    ]),
    ...drift
      .filter((each) => !isFound.has(planted(each)))
      .map(({ table, column, source, target }) => [
        table,
        column,
        '',
        `${source ?? 'none'} / ${target ?? 'none'}`,
        colors.red('NOT FOUND'),
      ]),
  ];
  const columns = ['table', 'column', 'severity', 'legacy / modern', 'found of planted'].map((head) => ({ head }));
  const suggested = found.flatMap(({ table, key, detail }) => {
    const [meaning = '', ddl] = detail?.split('; suggested for the target: ') ?? [];
    return ddl === undefined ? [] : [`-- ${table}.${key['name'] ?? ''}: ${meaning}`, `${ddl};`];
  });
  return [
    'Schema drift, of what was planted; it stays, as no run changes a definition by itself:',
    drawTable(columns, rows),
    ...(suggested.length === 0 ? [] : ['Suggested for modern, to be read and run by hand:']),
    ...suggested.map((line) => `  ${line}`),
  ];
}
