import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type {
  ApproveMessage,
  DecideMessage,
  Decision,
  PlanAnswer,
  ProgressAnswer,
  RejectMessage,
} from '../contracts/messages';
import { QUERY, SIGNAL, UPDATE } from '../contracts/names';
import type { TableSummary } from '../contracts/run';

export const approve = defineSignal<[ApproveMessage]>(SIGNAL.approve);
export const reject = defineSignal<[RejectMessage]>(SIGNAL.reject);
export const decide = defineUpdate<Decision, [DecideMessage]>(UPDATE.decide);
export const progress = defineQuery<ProgressAnswer>(QUERY.progress);
export const plan = defineQuery<PlanAnswer>(QUERY.plan);

/** A table's child tells its parent how far it is. */
export const tableProgress = defineSignal<[TableSummary]>('tableProgress');
