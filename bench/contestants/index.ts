import { reladiffPython } from '../reladiff-tool';
import type { World } from '../world';
import type { Contestant, ContestantName } from './contestant';
import { engineContestant } from './engine';
import { limitContestant } from './limit';
import { reladiffContestant } from './reladiff';
import { runContestant } from './run';

/** Makes those who are wanted ready, in the order of the names. */
export async function gather(
  world: World,
  names: readonly ContestantName[],
  onStep: (line: string) => void,
): Promise<readonly Contestant[]> {
  const gathered: Contestant[] = [];
  for (const name of names) gathered.push(await ready(name, world, onStep));
  return gathered;
}

async function ready(name: ContestantName, world: World, onStep: (line: string) => void): Promise<Contestant> {
  switch (name) {
    case 'limit':
      return limitContestant(world.urls);
    case 'engine':
      return engineContestant(world.urls);
    case 'run':
      return runContestant(world);
    case 'reladiff':
      return reladiffContestant(world.urls, await reladiffPython(onStep));
  }
}
