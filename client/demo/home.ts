import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { EmbeddedStack } from '../embedded/stack';
import type { Environment } from '../temporal/connection';
import { DEMO_CONFIG } from './config-text';

/** The demo's temporary folder with its config, and the environment that its processes run in. */
export interface DemoHome {
  readonly configPath: string;
  readonly legacyUrl: string;
  readonly modernUrl: string;
  readonly env: Environment;
  /** The part of `env` that a person sets to use the demo from another terminal. */
  readonly exports: Readonly<Record<string, string>>;
  remove(): void;
}

/** Makes the folder. Nothing of the caller's own Temporal profile or config can reach the demo, nor the reverse. */
export function makeHome(stack: EmbeddedStack, outer: Environment): DemoHome {
  const folder = mkdtempSync(join(tmpdir(), 'trueup-demo-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  const configPath = join(folder, 'trueup.yaml');
  const profilePath = join(folder, 'temporal.toml');
  writeFileSync(configPath, DEMO_CONFIG);
  writeFileSync(profilePath, `[profile.default]\naddress = "${stack.temporal.address}"\nnamespace = "default"\n`);
  const legacyUrl = stack.postgres.url('legacy');
  const modernUrl = stack.postgres.url('modern');
  const exports = {
    TRUEUP_CONFIG: configPath,
    LEGACY_URL: legacyUrl,
    MODERN_URL: modernUrl,
    TEMPORAL_ADDRESS: stack.temporal.address,
    TEMPORAL_NAMESPACE: 'default',
    TEMPORAL_CONFIG_FILE: profilePath,
    TRUEUP_TEMPORAL_UI: stack.temporal.uiUrl,
  };
  const inherited = Object.entries(outer).filter(([name]) => !/^(TEMPORAL_|TRUEUP_(?!DEBUG))/.test(name));
  return { configPath, legacyUrl, modernUrl, exports, env: { ...Object.fromEntries(inherited), ...exports }, remove };
}

export async function createDemoDatabases(stack: EmbeddedStack): Promise<void> {
  const client = new Client({ connectionString: stack.postgres.url() });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('create database legacy');
    await client.query('create database modern');
  } finally {
    await client.end().catch(() => undefined);
  }
}

export function exportLines(exports: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(exports).map(([name, value]) => `  export ${name}='${value}'`);
}
