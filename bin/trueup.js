#!/usr/bin/env node
'use strict';
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');
const main = join(root, 'dist', 'client', 'main.js');

/** In a checkout the sources may be newer than what was built from them; an installed package has no sources. */
function ensureBuilt() {
  const builder = join(root, 'scripts', 'build.js');
  if (!existsSync(builder)) return;
  const { build, canBuild } = require(builder);
  if (!canBuild()) return;
  build({ onBuild: () => process.stderr.write('Building Trueup (once, a few seconds) …\n') });
}

try {
  ensureBuilt();
  if (!existsSync(main)) throw new Error(`${main} is missing: run \`npm run setup\` in ${root}`);
} catch (error) {
  process.stderr.write(`trueup: ${error.message}\n`);
  process.exit(4);
}
require(main);
