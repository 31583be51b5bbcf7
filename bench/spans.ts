import type { Temporal } from '../client/temporal/connection';

type Time = { readonly seconds?: unknown; readonly nanos?: number | null } | null | undefined;
const at = (time: Time) => Number(time?.seconds ?? 0) + (time?.nanos ?? 0) / 1e9;

/**
 * Seconds from when the first activity of each type was scheduled to when the last one had ended, over some workflows, in
 * the order in which they began. Activities of one type may run at once, and wait for each other between.
 */
export async function activitySpans(
  temporal: Temporal,
  workflowIds: readonly string[],
): Promise<Readonly<Record<string, number>>> {
  const spans = new Map<string, { from: number; to: number }>();
  for (const workflowId of workflowIds) {
    const { events } = await temporal.client.workflow.getHandle(workflowId).fetchHistory();
    const typeOf = new Map<string, string>();
    for (const event of events ?? []) {
      const scheduled = event.activityTaskScheduledEventAttributes;
      const time = at(event.eventTime);
      if (scheduled) {
        const type = scheduled.activityType?.name ?? '?';
        typeOf.set(String(event.eventId), type);
        const known = spans.get(type);
        spans.set(type, { from: Math.min(known?.from ?? time, time), to: Math.max(known?.to ?? time, time) });
      }
      const ended = event.activityTaskCompletedEventAttributes;
      const span = ended && spans.get(typeOf.get(String(ended.scheduledEventId)) ?? '');
      if (span) span.to = Math.max(span.to, time);
    }
  }
  const inOrder = [...spans].sort(([, a], [, b]) => a.from - b.from);
  return Object.fromEntries(inOrder.map(([type, { from, to }]) => [type, to - from]));
}
