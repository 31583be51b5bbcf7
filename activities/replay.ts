import { setTimeout as wait } from 'node:timers/promises';
import type { Database } from '../database/connection';
import { positionOf, readReplay, type Replay } from '../database/standby';
import type { Sides } from '../engine/compare-chunk';
import { noteReceived, noteReplayed, readWanted, type Replays, type Subject } from '../ledger/replay';
import type { StepContext } from './step';

/** The databases of both sides of what is read. */
export interface Both {
  readonly source: Database;
  readonly target: Database;
}

export function databasesOf({ source, target }: Sides): Both {
  return { source: source.database, target: target.database };
}

const POLL_MS = 200;
/** A replay that has not moved for so long does not move. */
const STALLED_MS = 10_000;
/** Nobody waits longer for a standby than this: what differs is unsettled then. */
const MOST_MS = 10 * 60_000;

async function readReplays({ source, target }: Both, signal: AbortSignal): Promise<Replays> {
  const read = (database: Database) => database.withSession(readReplay, signal);
  const [ofSource, ofTarget] = await Promise.all([read(source), read(target)]);
  return { source: ofSource, target: ofTarget };
}

/**
 * To be called before a reading: notes how far a standby is. With `waits` it first waits until the standby has replayed all
 * that it had received when what is read was seen before, for as long as replay gets on.
 */
export async function beforeReading(
  ledger: Database,
  both: Both,
  subject: Subject,
  reading: number,
  waits: boolean,
  context: StepContext,
): Promise<void> {
  const { signal } = context;
  let now = await readReplays(both, signal);
  if (now.source === null && now.target === null) return;
  let why: string | null = null;
  const wanted = waits ? await readWanted(ledger, subject, reading) : new Map<string, never>();
  const began = Date.now();
  let movedAt = began;
  for (;;) {
    const behind = (['source', 'target'] as const).filter((side) => isBehind(now[side], wanted.get(side)));
    if (behind.length === 0) break;
    const delayMs = Math.max(...behind.map((side) => now[side]?.delayMs ?? 0));
    why = delayMs > 0 ? `it replays ${delayMs / 1000} s late (recovery_min_apply_delay)` : 'its replay does not get on';
    if (behind.some((side) => now[side]?.paused) || delayMs > MOST_MS) break;
    if (Date.now() - movedAt > STALLED_MS + delayMs || Date.now() - began > MOST_MS) break;
    await wait(POLL_MS, undefined, { signal });
    const next = await readReplays(both, signal);
    if (behind.some((side) => next[side]?.replayed !== now[side]?.replayed)) movedAt = Date.now();
    now = next;
    context.report({ waitsForReplay: behind });
    why = null;
  }
  await noteReplayed(ledger, subject, reading, now, why);
}

function isBehind(
  replay: Replay | null,
  wanted: { readonly position: string; readonly until: string | null } | undefined,
) {
  if (replay === null || wanted === undefined) return false;
  if (positionOf(replay.replayed) < positionOf(wanted.position)) return true;
  const { until } = wanted;
  return until !== null && (replay.replayedUntil === null || timeOf(replay.replayedUntil) <= timeOf(until));
}

/** Of the server's text, which is in UTC. */
function timeOf(text: string): number {
  return Date.parse(text.replace(' ', 'T').replace(/\+00$/, 'Z'));
}

/** To be called after a reading that saw what differs. */
export async function afterReading(
  ledger: Database,
  both: Both,
  subject: Subject,
  reading: number,
  signal: AbortSignal,
): Promise<void> {
  await noteReceived(ledger, subject, reading, await readReplays(both, signal));
}
