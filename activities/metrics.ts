import type { MetricCounter, MetricGauge, MetricHistogram, MetricMeter } from '@temporalio/common';
import type { Operation } from '../contracts/correction';
import type { InconsistencyType, Severity } from '../contracts/finding';

/** Public names: dashboards and alerts are written against them. */
export const METRIC = {
  inconsistencies: 'reconciliation_inconsistencies_total',
  duration: 'reconciliation_duration_seconds',
  autoCorrections: 'reconciliation_auto_corrections_total',
  drift: 'data_drift_percentage',
  started: 'process_start_time_seconds',
} as const;

/** Upper bounds of the histogram, in seconds: a quick job takes seconds, a table of a terabyte hours. */
export const DURATION_BUCKETS = [1, 2.5, 5, 10, 30, 60, 150, 300, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400];

/** Each table has series of its own, which the metrics' server keeps: of more tables than this they are one. */
const MOST_TABLES = 1_000;
const OTHER_TABLES = '(others)';

export interface FoundCount {
  readonly table: string;
  readonly type: InconsistencyType;
  readonly severity: Severity;
  readonly n: number;
}

export interface CorrectedCount {
  readonly table: string;
  readonly operation: Operation;
  readonly n: number;
}

/** What a worker counts. Labels name tables, types and jobs, and never hold a row's value. */
export class Metrics {
  readonly #inconsistencies: MetricCounter;
  readonly #duration: MetricHistogram;
  readonly #autoCorrections: MetricCounter;
  readonly #drift: MetricGauge;
  readonly #tables = new Set<string>();
  readonly #drifting = new Set<string>();

  /** @param startedAt when this process began to count, in milliseconds since 1970. */
  constructor(meter: MetricMeter, startedAt: number) {
    this.#inconsistencies = meter.createCounter(
      METRIC.inconsistencies,
      '',
      'Findings, but those that a reviewer decided to keep',
    );
    this.#duration = meter.createHistogram(
      METRIC.duration,
      'float',
      's',
      'Time from the start of a run to its end, less what it waited for an approval',
    );
    this.#autoCorrections = meter.createCounter(
      METRIC.autoCorrections,
      '',
      'Corrections made in the target that needed no approval',
    );
    this.#drift = meter.createGauge(
      METRIC.drift,
      'float',
      '',
      'Rows that differ, in percent of the rows of the source, by the last comparison that came to its end',
    );
    meter
      .createGauge(METRIC.started, 'float', 's', 'Start of the process, in seconds since 1970')
      .set(startedAt / 1_000, {});
  }

  found(counts: readonly FoundCount[]): void {
    for (const { table, type, severity, n } of counts) {
      this.#inconsistencies.add(n, { table: this.#labelOf(table), type, severity });
    }
  }

  corrected(counts: readonly CorrectedCount[]): void {
    for (const { table, operation, n } of counts) {
      this.#autoCorrections.add(n, { table: this.#labelOf(table), correction_type: operation });
    }
  }

  /** @param jobType the type of the workflow that ran. */
  ran(jobType: string, seconds: number): void {
    this.#duration.record(seconds, { job_type: jobType });
  }

  /** A gauge cannot be that of several tables, so there is none of `(others)`. */
  drift(table: string, percentage: number): void {
    if (this.#labelOf(table) !== table) return;
    this.#drifting.add(table);
    this.#drift.set(percentage, { table });
  }

  /** The table is compared no more: what was shown of it is taken back, as NaN, which no alert takes for a number. */
  forgetDrift(table: string): void {
    if (this.#drifting.delete(table)) this.#drift.set(NaN, { table });
  }

  #labelOf(table: string): string {
    if (this.#tables.has(table)) return table;
    if (this.#tables.size >= MOST_TABLES) return OTHER_TABLES;
    this.#tables.add(table);
    return table;
  }
}
