import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quoteIdentifier } from '../database/identifier';
import type { Environment } from '../client/temporal/connection';
import { tableName, type Urls } from './load';
import type { BenchTable } from './table';

/** A temporary folder with a trueup.yaml of default settings, and the environment of the processes that use it. */
export interface Home {
  readonly configPath: string;
  readonly env: Environment;
  remove(): void;
}

/** What may be run: these tables at these sizes. */
export type Sizes = readonly { readonly table: BenchTable; readonly rows: number }[];

/** Nothing of the caller's own Temporal profile or config reaches the bench. */
export function makeHome(urls: Urls, temporalAddress: string, sizes: Sizes): Home {
  const folder = mkdtempSync(join(tmpdir(), 'trueup-bench-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  const configPath = join(folder, 'trueup.yaml');
  const profilePath = join(folder, 'temporal.toml');
  const names = sizes.map(({ table, rows }) => tableName(table, rows));
  writeFileSync(configPath, configText(names));
  writeFileSync(profilePath, `[profile.default]\naddress = "${temporalAddress}"\nnamespace = "default"\n`);
  const inherited = Object.entries(process.env).filter(([name]) => !/^(TEMPORAL_|TRUEUP_)/.test(name));
  const env = {
    ...Object.fromEntries(inherited),
    TRUEUP_CONFIG: configPath,
    SOURCE_URL: urls.source,
    TARGET_URL: urls.target,
    TEMPORAL_ADDRESS: temporalAddress,
    TEMPORAL_NAMESPACE: 'default',
    TEMPORAL_CONFIG_FILE: profilePath,
  };
  return { configPath, env, remove };
}

function configText(names: readonly string[]): string {
  return `connections:
  source: { url: "\${SOURCE_URL}" }
  target: { url: "\${TARGET_URL}" }
defaults: { source: source, target: target }
tables: ${JSON.stringify(names.map((name) => ({ name, source: quoteIdentifier(name) })))}
`;
}
