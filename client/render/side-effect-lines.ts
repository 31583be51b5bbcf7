import type { RunReport } from '../../contracts/run';
import type { RunSideEffect, SideEffect } from '../../contracts/side-effect';
import { count, printable } from './text';

/** `public.hist_log`, and whether it was emptied. */
export function sideEffectName({ schema, table, truncated }: SideEffect): string {
  return `${printable(`${schema}.${table}`)}${truncated ? ' (truncated or altered)' : ''}`;
}

function lineOf(effect: RunSideEffect): string {
  const counts = (['inserted', 'updated', 'deleted'] as const).filter((name) => effect[name] > 0);
  const said = counts.map((name) => `${count(effect[name])} ${name}`).join(', ');
  return `  ${sideEffectName(effect)} on ${effect.connection}${said === '' ? '' : `: ${said}`}`;
}

/** What triggers and rules changed beside the plan of a run, and what an undo does not give back of it. */
export function sideEffectLines({ sideEffects = [], notGivenBack = [] }: RunReport): readonly string[] {
  return [
    ...(sideEffects.length === 0
      ? []
      : ['Changed beside the plan, by triggers and rules; an undo cannot give it back:']),
    ...sideEffects.map(lineOf),
    ...(notGivenBack.length === 0 ? [] : ['Changed beside the plan by the run that is undone, and not given back:']),
    ...notGivenBack.map(lineOf),
  ];
}
