import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { findDebianTool, type DebianTool } from './debian-package';

export interface PrometheusTools {
  readonly prometheus: string;
  readonly promtool: string;
}

export const PROMETHEUS: DebianTool<PrometheusTools> = {
  title: 'Prometheus',
  programs: 'prometheus and promtool',
  packages: ['prometheus'],
  at: (folder) => {
    const path = (name: string) => (folder === null ? name : join(folder, 'usr', 'bin', name));
    return { prometheus: path('prometheus'), promtool: path('promtool') };
  },
  runs: ({ prometheus, promtool }) =>
    [prometheus, promtool].every((path) => spawnSync(path, ['--version']).status === 0),
};

/** Prometheus and promtool. */
export function findPrometheus(): Promise<PrometheusTools> {
  return findDebianTool(PROMETHEUS);
}
