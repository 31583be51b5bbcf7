import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type {
  ApproveMessage,
  DecideMessage,
  Decision,
  PlanAnswer,
  ProgressAnswer,
  RejectMessage,
  TuneMessage,
} from '../contracts/messages';
import { QUERY, SIGNAL, UPDATE } from '../contracts/names';
import type { RecordedResolution } from '../contracts/review';
import type { TableSummary } from '../contracts/run';
import type { Tuning } from '../contracts/throttle';

export const approve = defineSignal<[ApproveMessage]>(SIGNAL.approve);
export const reject = defineSignal<[RejectMessage]>(SIGNAL.reject);
export const decide = defineUpdate<Decision, [DecideMessage]>(UPDATE.decide);
export const tune = defineUpdate<Tuning, [TuneMessage]>(UPDATE.tune);
export const resolveReview = defineUpdate<RecordedResolution, [unknown]>(UPDATE.resolveReview);
export const progress = defineQuery<ProgressAnswer>(QUERY.progress);
export const plan = defineQuery<PlanAnswer>(QUERY.plan);

/** A table's child tells its parent how far it is. */
export const tableProgress = defineSignal<[TableSummary]>('tableProgress');

/** The parent tells a table's child how to compare from now on. */
export const tuneTable = defineSignal<[Tuning]>('tuneTable');

/** A run that waits for an approval tells the job that it is of. */
export const runWaits = defineSignal<[]>('runWaits');
