import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = join(__dirname, '..', '..', 'deploy', 'grafana', 'dashboards', 'trueup.json');
/** What Grafana puts in place of its variables. */
const VARIABLES = { $__rate_interval: '1m', $__range: '24h', $table: '.*' };

interface Dashboard {
  readonly uid: string;
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly description: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets: readonly { readonly refId: string; readonly expr: string }[];
  }[];
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

export function readDashboard(): Dashboard {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Dashboard;
}

/** Every expression of the dashboard, as Grafana would send it. */
export function expressionsOf({ panels, annotations }: Dashboard): readonly string[] {
  const all = [...panels.flatMap(({ targets }) => targets), ...annotations.list].map(({ expr }) => expr);
  return all.map((expr) =>
    Object.entries(VARIABLES).reduce((text, [name, value]) => text.replaceAll(name, value), expr),
  );
}

/** Names of metrics in an expression: what stands before a brace or a bracket, or alone where no function is called. */
export function metricsIn(expression: string): readonly string[] {
  const bare = expression.replaceAll(/"[^"]*"/g, '""').replaceAll(/\b(by|on|without|ignoring)\s*\([^)]*\)/g, '');
  const words = bare.replaceAll(/\{[^}]*\}/g, '').matchAll(/\b([a-zA-Z_]\w*)\b(?!\s*\()/g);
  return [...words]
    .map(([, word]) => word ?? '')
    .filter((word) => !['and', 'or', 'unless', 'bool', 'offset'].includes(word));
}
