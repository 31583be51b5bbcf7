import {
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type WorkflowExecutionStatusName,
  type WorkflowHandle,
} from '@temporalio/client';
import { TrueupError } from '../../contracts/errors';
import type { DecideMessage, Decision, PlanAnswer, ProgressAnswer, TuneMessage } from '../../contracts/messages';
import { QUERY, UPDATE } from '../../contracts/names';
import type { RunStatus } from '../../contracts/run';
import type { Tuning } from '../../contracts/throttle';
import type { Temporal } from './connection';
import { rootMessage, temporalFailure, typedFailure } from './failure';

export interface RunDescription {
  readonly state: WorkflowExecutionStatusName;
  readonly type: string;
  readonly startedAt: Date;
  readonly closedAt: Date | null;
}

/** What came of handing a decision to a run. */
export type DecisionAnswer =
  | { readonly kind: 'recorded'; readonly decision: Decision }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'closed' }
  | { readonly kind: 'unanswered' };

const QUERY_DEADLINE_MS = 4_000;
const DECIDE_DEADLINE_MS = 20_000;

/** The status to report for a workflow that ended without being able to write it down itself; null while it is open. */
export function closedStatus(state: WorkflowExecutionStatusName): RunStatus | null {
  switch (state) {
    case 'CANCELLED':
      return 'cancelled';
    case 'FAILED':
    case 'TERMINATED':
    case 'TIMED_OUT':
      return 'failed';
    default:
      return null;
  }
}

export function isOpen(state: WorkflowExecutionStatusName): boolean {
  return state === 'RUNNING' || state === 'CONTINUED_AS_NEW' || state === 'PAUSED';
}

/** A run as its workflow tells of it, across continue-as-new. */
export class RunHandle {
  readonly #handle: WorkflowHandle;

  constructor(
    readonly temporal: Temporal,
    readonly workflowId: string,
    /** The execution that is meant; default: the newest of that ID. */
    executionId?: string,
  ) {
    this.#handle = temporal.client.workflow.getHandle(workflowId, executionId);
  }

  /** null when there is no such workflow. */
  async describe(): Promise<RunDescription | null> {
    try {
      const found = await this.temporal.connection.withDeadline(Date.now() + 10_000, () => this.#handle.describe());
      return {
        state: found.status.name,
        type: found.type,
        startedAt: found.startTime,
        closedAt: found.closeTime ?? null,
      };
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return null;
      throw temporalFailure(error, `Temporal at ${this.temporal.address} does not answer`);
    }
  }

  /** null when nobody answers: no worker runs, or the workflow has not begun. */
  progress(): Promise<ProgressAnswer | null> {
    return this.#query<ProgressAnswer>(QUERY.progress);
  }

  /** null when nobody answers. */
  plan(): Promise<PlanAnswer | null> {
    return this.#query<PlanAnswer>(QUERY.plan);
  }

  /** Hands in a decision and waits for the run's own answer. */
  async decide(message: DecideMessage): Promise<DecisionAnswer> {
    try {
      const decision = await this.temporal.connection.withDeadline(Date.now() + DECIDE_DEADLINE_MS, () =>
        this.#handle.executeUpdate<Decision, [DecideMessage]>(UPDATE.decide, { args: [message] }),
      );
      return { kind: 'recorded', decision };
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return { kind: 'closed' };
      if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return { kind: 'unanswered' };
      if (!(error instanceof WorkflowUpdateFailedError)) {
        throw temporalFailure(error, `Temporal at ${this.temporal.address} did not take the decision`);
      }
      const type = (error.cause as { readonly type?: unknown } | undefined)?.type;
      // The run ended while the decision was under way: whether it counted stands in the ledger only.
      if (type === 'AcceptedUpdateCompletedWorkflow') return { kind: 'unanswered' };
      return { kind: 'refused', message: rootMessage(error) };
    }
  }

  /** Changes how the run compares; returns what holds then. Throws TUNE_REFUSED, INPUT_INVALID, TEMPORAL_UNREACHABLE. */
  async tune(message: TuneMessage): Promise<Tuning> {
    try {
      return await this.temporal.connection.withDeadline(Date.now() + DECIDE_DEADLINE_MS, () =>
        this.#handle.executeUpdate<Tuning, [TuneMessage]>(UPDATE.tune, { args: [message] }),
      );
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) throw new TrueupError('TUNE_REFUSED', 'the run has ended');
      if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) {
        throw new TrueupError('TEMPORAL_UNREACHABLE', 'no worker answered in time: is one running?');
      }
      const typed = typedFailure(error);
      if (typed !== null) throw typed;
      if (error instanceof WorkflowUpdateFailedError) throw new TrueupError('TUNE_REFUSED', rootMessage(error));
      throw temporalFailure(error, `Temporal at ${this.temporal.address} did not take the update`);
    }
  }

  /** The failure that a closed workflow ended with; null when it completed. */
  async failure(): Promise<TrueupError | null> {
    try {
      await this.temporal.connection.withDeadline(Date.now() + 10_000, () => this.#handle.result());
      return null;
    } catch (error) {
      const typed = typedFailure(error);
      return typed ?? new TrueupError('INTERNAL', `workflow ${this.workflowId} ended: ${rootMessage(error)}`);
    }
  }

  async #query<Answer>(name: string): Promise<Answer | null> {
    try {
      return await this.temporal.connection.withDeadline(Date.now() + QUERY_DEADLINE_MS, () =>
        this.#handle.query<Answer>(name),
      );
    } catch {
      return null;
    }
  }
}
