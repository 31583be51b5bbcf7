import type { Operation } from './correction';
import { isOfDeletes, type GuardBreach } from './guard';
import type { ApprovalTerms } from './messages';
import type { PlanLine } from './run';

/** Which part of a plan an approval is for; null in a field: all of it. */
export interface ApprovalScope {
  readonly tables: readonly string[] | null;
  readonly operations: readonly Operation[] | null;
}

export function scopeOf({ tables, operations }: ApprovalTerms): ApprovalScope {
  return { tables: tables ?? null, operations: operations ?? null };
}

export function isWhole({ tables, operations }: ApprovalScope): boolean {
  return tables === null && operations === null;
}

/**
 * Whether an approval of this part lets a line be applied. What needs no approval is in every part, and what the database
 * would do by itself is where the delete is that causes it.
 */
export function covers({ tables, operations }: ApprovalScope, line: PlanLine): boolean {
  if (!line.needsApproval) return true;
  const [table, operation]: readonly [string, Operation] =
    line.effectOf === undefined ? [line.table, line.operation] : [line.effectOf, 'delete'];
  return (tables?.includes(table) ?? true) && (operations?.includes(operation) ?? true);
}

/** How many corrections an approval of this part leaves out. */
export function leftOutOf(scope: ApprovalScope, lines: readonly PlanLine[]): number {
  return lines.filter((line) => !covers(scope, line)).reduce((sum, line) => sum + line.rows, 0);
}

/** The breaches that remain where only this part of the plan is applied. */
export function breachesWithin(
  scope: ApprovalScope,
  lines: readonly PlanLine[],
  blocked: readonly GuardBreach[],
): readonly GuardBreach[] {
  return blocked.flatMap((breach) => {
    const changes = lines
      .filter((line) => line.table === breach.table && covers(scope, line))
      .filter(({ operation }) => operation === 'delete' || (operation === 'update' && !isOfDeletes(breach)))
      .reduce((sum, line) => sum + line.rows, 0);
    return changes > breach.limit ? [{ ...breach, changes }] : [];
  });
}

/** `tables orders, items; operations delete`, or null for the whole plan. */
export function scopeText({ tables, operations }: ApprovalScope): string | null {
  const listed = (names: readonly string[]) => (names.length === 0 ? 'none' : names.join(', '));
  const parts = [
    ...(tables === null ? [] : [`tables ${listed(tables)}`]),
    ...(operations === null ? [] : [`operations ${listed(operations)}`]),
  ];
  return parts.length === 0 ? null : parts.join('; ');
}
