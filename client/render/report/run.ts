import type { Tally } from '../../../contracts/report';
import type { RunReport } from '../../../contracts/run';
import { serverFacts } from '../servers';
import type { RunSideEffect } from '../../../contracts/side-effect';
import { count, duration, instant } from '../text';
import { totalFindings } from '../findings-text';
import { sideEffectName } from '../side-effect-lines';
import type { ReportDocument, ReportSection } from './document';
import { tallyFacts, tallySections } from './tally';

export function runDocument(run: RunReport, tally: Tally): ReportDocument {
  const { startedAt, endedAt, decision } = run;
  const waited = run.phases['awaiting approval'] ?? 0;
  return {
    title: `Trueup, ${run.kind} ${run.runId}`,
    facts: [
      ['Status', run.error === null ? run.status : `${run.status}: ${run.error.code}: ${run.error.message}`],
      ['Began', instant(startedAt)],
      ['Took', endedAt === null ? 'has not ended' : duration(Date.parse(endedAt) - Date.parse(startedAt))],
      ...(waited === 0 ? [] : [['Of that waiting for approval', duration(waited)] as const]),
      ...tallyFacts(tally),
      ['Differences left', count(run.remaining)],
      ...(run.servers === undefined
        ? []
        : serverFacts(run.servers).map(([name, text]) => [`Database ${name}`, text] as const)),
      ...(run.verified === null || run.verified.differing === 0
        ? []
        : [['Of these written by others after their correction', count(run.verified.differing)] as const]),
      ...(run.planDigest === null ? [] : [['Plan', run.planDigest] as const]),
      ...(decision === null ? [] : [['Decision', `${decision.decision} by ${decision.approver ?? 'nobody'}`] as const]),
    ],
    sections: [tablesSection(run), ...tallySections(tally), ...sideEffectSections(run)],
  };
}

/** Stands only where something was changed beside the plan. */
function sideEffectSections({ sideEffects = [], notGivenBack = [] }: RunReport): readonly ReportSection[] {
  const section = (heading: string, effects: readonly RunSideEffect[]): readonly ReportSection[] =>
    effects.length === 0
      ? []
      : [
          {
            heading,
            columns: [
              { head: 'connection' },
              { head: 'table' },
              ...['inserted', 'updated', 'deleted'].map((head) => ({ head, align: 'right' as const })),
            ],
            rows: effects.map((effect) => [
              ...[effect.connection, sideEffectName(effect)],
              ...[effect.inserted, effect.updated, effect.deleted].map(count),
            ]),
            empty: '',
          },
        ];
  return [
    ...section('Changed beside the plan, by triggers and rules: an undo does not give it back', sideEffects),
    ...section('Changed beside the plan by the run that is undone: not given back', notGivenBack),
  ];
}

function tablesSection({ tables }: RunReport): ReportSection {
  return {
    heading: 'Tables',
    columns: [
      { head: 'table' },
      { head: 'status' },
      ...['source rows', 'target rows', 'findings', 'transient', 'unsettled'].map((head) => ({
        head,
        align: 'right' as const,
      })),
    ],
    rows: tables.map((table) => [
      ...[table.name, table.compared === undefined ? table.status : `${table.status} (${table.compared})`],
      ...[table.rowsSource, table.rowsTarget, totalFindings(table.findings), table.transient, table.unsettled].map(
        count,
      ),
    ]),
    empty: 'No tables were compared.',
  };
}
