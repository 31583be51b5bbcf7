import {
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type ScheduleDescription,
  type ScheduleHandle,
  type ScheduleOptions,
} from '@temporalio/client';
import { Cron } from 'croner';
import { parseDuration } from '../../contracts/duration';
import { TrueupError } from '../../contracts/errors';
import { JOB_OF, SCHEDULE_NAMES, type Job, type ScheduleName } from '../../contracts/job';
import { TASK_QUEUE, WORKFLOW_ID_PREFIX } from '../../contracts/names';
import type { Temporal } from './connection';
import { temporalFailure } from './failure';

/** What a schedule of Trueup looks like in Temporal. */
export interface ScheduleState {
  readonly name: ScheduleName;
  readonly scheduleId: string;
  readonly job: Job;
  /** As the config had it: `every 15m`, or five cron fields in UTC. */
  readonly when: string;
  readonly paused: boolean;
  readonly note: string | null;
  /** ISO 8601, UTC; null: none is to come, or it is paused. */
  readonly nextAt: string | null;
  readonly lastAt: string | null;
  readonly lastWorkflowId: string | null;
  readonly running: readonly string[];
  readonly actions: number;
  readonly skippedOverlap: number;
  readonly missedCatchup: number;
}

export type ScheduleChange = 'created' | 'updated' | 'removed' | 'unchanged';

export function scheduleId(name: ScheduleName): string {
  return `${WORKFLOW_ID_PREFIX}${JOB_OF[name]}`;
}

/** The server takes no shorter one. */
const LEAST_CATCHUP_MS = 10_000;
/** The memo under which the workflows of a schedule, and with them the schedule, carry the config's text. */
const MEMO = 'trueupSchedule';

/** About one interval: how late a start may be and still be made, when the server was down. */
export function catchupMs(when: string): number {
  const every = everyMs(when);
  if (every !== null) return Math.max(LEAST_CATCHUP_MS, every);
  const [first, second] = new Cron(when, { timezone: 'UTC', paused: true }).nextRuns(2);
  return first && second ? Math.max(LEAST_CATCHUP_MS, second.getTime() - first.getTime()) : 24 * 3_600_000;
}

/** The interval of `every 15m`, in milliseconds; null: it is a cron expression. */
function everyMs(when: string): number | null {
  const [, text] = /^every\s+(\S+)$/.exec(when.trim()) ?? [];
  return text === undefined ? null : parseDuration(text);
}

/** @throws CONFIG_INVALID: no such time ever comes. */
export function scheduleOptions(name: ScheduleName, when: string): ScheduleOptions {
  const job = JOB_OF[name];
  const every = everyMs(when);
  try {
    if (every === null && new Cron(when, { timezone: 'UTC', paused: true }).nextRun() === null)
      throw new Error('never');
  } catch {
    throw new TrueupError(
      'CONFIG_INVALID',
      `schedules.${name}: found ${JSON.stringify(when)}, a time that never comes`,
    );
  }
  return {
    scheduleId: scheduleId(name),
    spec: {
      timezone: 'UTC',
      // The server takes the expression apart; its comment is what it can be known by.
      ...(every === null ? { cronExpressions: [`${when.trim()} #${when.trim()}`] } : { intervals: [{ every }] }),
    },
    action: {
      type: 'startWorkflow',
      workflowType: job,
      workflowId: scheduleId(name),
      taskQueue: TASK_QUEUE,
      args: [{}],
      memo: { [MEMO]: when },
      staticSummary: `${job}, ${when}`,
    },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: catchupMs(when) },
  };
}

/** Trueup's schedules in Temporal, in the order of their names; no others. */
export class Schedules {
  constructor(private readonly temporal: Temporal) {}

  async list(): Promise<readonly ScheduleState[]> {
    const states: ScheduleState[] = [];
    for (const name of SCHEDULE_NAMES) {
      const found = await this.#describe(name);
      if (found) states.push(stateOf(name, found));
    }
    return states;
  }

  /** Makes a schedule be as the config has it; null: that it is none. A paused one stays paused. */
  async apply(name: ScheduleName, when: string | null, dryRun: boolean): Promise<ScheduleChange> {
    const found = await this.#describe(name);
    if (when === null) {
      if (!found) return 'unchanged';
      if (!dryRun) await this.#asking(`remove ${scheduleId(name)}`, () => this.#handle(name).delete());
      return 'removed';
    }
    const options = scheduleOptions(name, when);
    if (!found) {
      if (!dryRun)
        await this.#asking(`create ${scheduleId(name)}`, () => this.temporal.client.schedule.create(options));
      return 'created';
    }
    if (isAs(found, options, when)) return 'unchanged';
    if (!dryRun) {
      const { spec, action, policies } = options;
      await this.#asking(`update ${scheduleId(name)}`, () =>
        this.#handle(name).update(({ state }) => ({ spec, action, policies: policies ?? {}, state })),
      );
    }
    return 'updated';
  }

  pause(name: ScheduleName, note: string): Promise<void> {
    return this.#existing(name, (handle) => handle.pause(note));
  }

  resume(name: ScheduleName, note: string): Promise<void> {
    return this.#existing(name, (handle) => handle.unpause(note));
  }

  /** Starts the job now; nothing where it is under way. */
  trigger(name: ScheduleName): Promise<void> {
    return this.#existing(name, (handle) => handle.trigger(ScheduleOverlapPolicy.SKIP));
  }

  async #existing(name: ScheduleName, use: (handle: ScheduleHandle) => Promise<void>): Promise<void> {
    if (!(await this.#describe(name))) {
      throw new TrueupError('SCHEDULE_UNKNOWN', `Temporal has no schedule ${name} (${scheduleId(name)})`);
    }
    await this.#asking(scheduleId(name), () => use(this.#handle(name)));
  }

  #handle(name: ScheduleName): ScheduleHandle {
    return this.temporal.client.schedule.getHandle(scheduleId(name));
  }

  async #describe(name: ScheduleName): Promise<ScheduleDescription | null> {
    return this.#asking(`describe ${scheduleId(name)}`, async () => {
      try {
        return await this.#handle(name).describe();
      } catch (error) {
        if (error instanceof ScheduleNotFoundError) return null;
        throw error;
      }
    });
  }

  async #asking<T>(what: string, ask: () => Promise<T>): Promise<T> {
    const { address, namespace, connection } = this.temporal;
    try {
      return await connection.withDeadline(Date.now() + 15_000, ask);
    } catch (error) {
      throw temporalFailure(error, `Temporal at ${address}, namespace ${namespace}: ${what}`);
    }
  }
}

/** Whether a schedule is what the config asks for: the server gives cron expressions back in another form. */
function isAs(found: ScheduleDescription, options: ScheduleOptions, when: string): boolean {
  const { action, policies } = found;
  return (
    action.type === 'startWorkflow' &&
    action.memo?.[MEMO] === when &&
    action.workflowType === options.action.workflowType &&
    action.taskQueue === options.action.taskQueue &&
    policies.overlap === ScheduleOverlapPolicy.SKIP &&
    policies.catchupWindow === options.policies?.catchupWindow &&
    isTimedAs(found, when)
  );
}

/** Whether the times are those that Trueup set, and not what somebody changed them to by hand. */
function isTimedAs({ spec }: ScheduleDescription, when: string): boolean {
  const every = everyMs(when);
  const intervals = spec.intervals ?? [];
  const calendars = spec.calendars ?? [];
  if (every === null) return calendars.length === 1 && calendars[0]?.comment === when.trim() && intervals.length === 0;
  return calendars.length === 0 && intervals.length === 1 && Number(intervals[0]?.every) === every;
}

function whenOf(action: ScheduleDescription['action']): string {
  const when: unknown = action.type === 'startWorkflow' ? action.memo?.[MEMO] : undefined;
  return typeof when === 'string' ? when : '?';
}

function stateOf(name: ScheduleName, { action, state, info }: ScheduleDescription): ScheduleState {
  const last = info.recentActions.at(-1);
  const iso = (date: Date | undefined) => date?.toISOString() ?? null;
  return {
    name,
    scheduleId: scheduleId(name),
    job: JOB_OF[name],
    when: whenOf(action),
    paused: state.paused,
    note: state.note === undefined || state.note === '' ? null : state.note,
    nextAt: state.paused ? null : iso(info.nextActionTimes[0]),
    lastAt: iso(last?.takenAt),
    lastWorkflowId: last?.action.type === 'startWorkflow' ? last.action.workflow.workflowId : null,
    running: info.runningActions.map(({ workflow }) => workflow.workflowId),
    actions: info.numActionsTaken,
    skippedOverlap: info.numActionsSkippedOverlap,
    missedCatchup: info.numActionsMissedCatchupWindow,
  };
}
