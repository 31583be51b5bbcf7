import type { ScheduleState } from '../temporal/schedule';
import { drawTable } from './table';
import { count, instant } from './text';

export function schedulesTable(states: readonly ScheduleState[]): string {
  return drawTable(
    [
      { head: 'schedule' },
      { head: 'when (UTC)' },
      { head: 'state' },
      { head: 'next' },
      { head: 'last' },
      { head: 'last run' },
      { head: 'started', align: 'right' },
      { head: 'skipped', align: 'right' },
    ],
    states.map((state) => [
      state.name,
      state.when,
      stateText(state),
      state.nextAt === null ? '–' : instant(state.nextAt),
      state.lastAt === null ? '–' : instant(state.lastAt),
      state.lastWorkflowId ?? '–',
      count(state.actions),
      count(state.skippedOverlap),
    ]),
  );
}

function stateText({ paused, note, running }: ScheduleState): string {
  if (paused) return note === null ? 'paused' : `paused: ${note}`;
  return running.length > 0 ? 'running' : 'waiting';
}
