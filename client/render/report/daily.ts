import type { DailyReport } from '../../../contracts/report';
import type { ReportDocument } from './document';
import { parts, tallyFacts, tallySections } from './tally';

export function dailyDocument(report: DailyReport): ReportDocument {
  const { date, isOver, runs } = report;
  return {
    title: `Trueup on ${date} (UTC)${isOver ? '' : ', so far'}`,
    facts: [['Runs', parts(runs.total, runs.byStatus)], ...tallyFacts(report)],
    sections: tallySections(report),
  };
}
