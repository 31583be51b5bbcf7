import type { TextRow } from '../../contracts/finding';
import type { PlanItem } from '../../contracts/plan-item';
import { keyText, printable, value } from './text';

/** What of a correction is shown: all but what only applying needs. */
export type ShownPlanItem = Pick<
  PlanItem,
  'seq' | 'table' | 'operation' | 'needsApproval' | 'key' | 'before' | 'after' | 'effectOf' | 'constraint' | 'leftOut'
>;

export function planItemJson(item: ShownPlanItem): string {
  const { seq, table, operation, needsApproval, key, before, after, effectOf, constraint, leftOut } = item;
  return JSON.stringify({ seq, table, operation, needsApproval, key, before, after, effectOf, constraint, leftOut });
}

function changedColumns(before: TextRow, after: TextRow): readonly string[] {
  return Object.keys(after).filter((name) => before[name] !== after[name]);
}

/** One correction, field by field: what the target holds and what it will hold. */
export function planItemLines(item: ShownPlanItem): readonly string[] {
  const fate = item.leftOut ? '  (left out of the approval)' : item.needsApproval ? '' : '  (automatic)';
  const head = `${item.operation} ${item.table} ${keyText(item.key)}${fate}`;
  const because =
    item.effectOf === undefined
      ? []
      : [`    goes with the delete ${item.effectOf} (${printable(item.constraint ?? '')})`];
  return [head, ...because, ...fieldLines(item).map((line) => `    ${line}`)];
}

function fieldLines({ operation, before, after }: ShownPlanItem): readonly string[] {
  switch (operation) {
    case 'insert':
      return Object.entries(after ?? {}).map(([name, text]) => `+ ${printable(name)}: ${value(text)}`);
    case 'delete':
      return Object.entries(before ?? {}).map(([name, text]) => `- ${printable(name)}: ${value(text)}`);
    case 'update': {
      const [was, becomes] = [before ?? {}, after ?? {}];
      return changedColumns(was, becomes).map(
        (name) => `${printable(name)}: ${value(was[name])} → ${value(becomes[name])}`,
      );
    }
  }
}
