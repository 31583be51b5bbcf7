import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const CHECKOUT = join(__dirname, '..', '..');

// ESLint is an ES module with a dynamic import of its own config, which needs a process without jest's module loader.
const SCRIPT = `
import { Linter } from 'eslint';
import parser from 'typescript-eslint';
import { roomsRule } from './scripts/lib/eslint-rooms.mjs';
const linter = new Linter({ cwd: process.cwd() });
const config = {
  files: ['**/*.ts'],
  languageOptions: { parser: parser.parser },
  plugins: { trueup: { rules: { rooms: roomsRule } } },
  rules: { 'trueup/rooms': 'error' },
};
const cases = JSON.parse(process.argv[1]);
const found = cases.map(({ file, code }) => linter.verify(code, config, file).map(({ message }) => message));
console.log(JSON.stringify(found));
`;

interface Case {
  readonly file: string;
  readonly code: string;
}

function lint(cases: readonly Case[]): string[][] {
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', SCRIPT, JSON.stringify(cases)], {
    cwd: CHECKOUT,
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout) as string[][];
}

const FORBIDDEN: readonly Case[] = [
  { file: 'contracts/x.ts', code: `import { a } from '../engine/a';` },
  { file: 'contracts/x.ts', code: `import { z } from 'zod';` },
  { file: 'contracts/x.ts', code: `import { join } from 'node:path';` },
  { file: 'engine/detect/x.ts', code: `import { a } from '../../ledger/a';` },
  { file: 'engine/x.ts', code: `import { log } from '@temporalio/activity';` },
  { file: 'ledger/x.ts', code: `export * from '../engine/a';` },
  { file: 'database/x.ts', code: `import { a } from '../config/a';` },
  { file: 'activities/x.ts', code: `import { a } from '../workflows/a';` },
  { file: 'workflows/x.ts', code: `import { a } from '../activities/a';` },
  { file: 'workflows/x.ts', code: `import { type A, a } from '../activities/a';` },
  { file: 'workflows/x.ts', code: `import { a } from '../database/a';` },
  { file: 'workflows/x.ts', code: `import type { A } from '../engine/a';` },
  { file: 'workflows/x.ts', code: `import { readFileSync } from 'fs';` },
  { file: 'workflows/x.ts', code: `import { z } from 'zod/mini';` },
  { file: 'workflows/x.ts', code: `import { Client } from '@temporalio/client';` },
  { file: 'workflows/x.ts', code: `export const a = () => import('../engine/a');` },
  { file: 'workers/x.ts', code: `import { a } from '../client/a';` },
  { file: 'client/commands/x.ts', code: `import { a } from '../../engine/a';` },
  { file: 'client/commands/x.ts', code: `import { a } from '../../engine/script/a';` },
  { file: 'client/x.ts', code: `const a = require('../activities/a');` },
  { file: 'bench/x.ts', code: `import { a } from '../test/support/a';` },
];

const ALLOWED: readonly Case[] = [
  { file: 'contracts/x.ts', code: `import { a } from './a';` },
  {
    file: 'engine/detect/x.ts',
    code: `import { a } from '../../database/a'; import { createHash } from 'node:crypto';`,
  },
  { file: 'activities/x.ts', code: `import { a } from '../engine/a'; import { b } from '../ledger/b';` },
  {
    file: 'workflows/x.ts',
    code: `import type { A } from '../activities/a'; import { sleep } from '@temporalio/workflow';`,
  },
  { file: 'workflows/x.ts', code: `import { type A, type B } from '../activities/a';` },
  // A folder inside a room may bear the name of another room.
  { file: 'client/commands/x.ts', code: `import { a } from '../engine/a';` },
  { file: 'client/x.ts', code: `import { a } from '../ledger/a'; import { b } from '../database/b';` },
  { file: 'client/commands/x.ts', code: `import { a } from '../../engine/script';` },
  { file: 'workers/x.ts', code: `import { a } from '../activities/a';` },
  { file: 'test/engine/x.ts', code: `import { a } from '../../workers/a'; import { b } from '../support/b';` },
];

describe('the rule of the rooms', () => {
  it('refuses every import that the table does not allow', () => {
    const found = lint(FORBIDDEN);
    expect(FORBIDDEN.filter((_, i) => found[i]?.length !== 1)).toEqual([]);
    expect(found[0]).toEqual(['contracts/ may not import engine/: it may import nothing of the project.']);
    expect(found[8]).toEqual(['workflows/ may import activities/ as types only: write `import type`.']);
  });

  it('lets in what the table allows', () => {
    expect(lint(ALLOWED).flat()).toEqual([]);
  });

  it('is switched on, beside the ban of plain errors in workflows', () => {
    const args = ['node_modules/eslint/bin/eslint.js', '--print-config', 'workflows/index.ts'];
    const config = spawnSync(process.execPath, args, { cwd: CHECKOUT, encoding: 'utf8' }).stdout;
    const { rules } = JSON.parse(config) as { rules: Record<string, readonly unknown[]> };
    expect(rules['trueup/rooms']?.[0]).toBe(2);
    expect(rules['no-restricted-syntax']?.[0]).toBe(2);
    expect(rules['@typescript-eslint/no-floating-promises']?.[0]).toBe(2);
  });
});
