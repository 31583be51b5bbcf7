#!/usr/bin/env node
'use strict';
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { root, digestOf, readIfThere } = require('./lib/checkout');
const { withLock } = require('./lib/lock');

const STAMP = path.join('node_modules', '.trueup-lock-hash');
const NEEDED = [20, 3];

/** Makes a clean clone ready to run: the right Node.js, packages as the lock names them, sources built. */
function setup() {
  checkNode();
  if (!arePackagesCurrent()) withLock(installPackages);
  const { build } = require('./build');
  build({ onBuild: () => console.log('Building (a few seconds) …') });
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) return;
  fail(`Trueup needs Node.js ${NEEDED.join('.')} or newer; this is ${process.versions.node}. See https://nodejs.org`);
}

function arePackagesCurrent() {
  if (readIfThere(STAMP) === digestOf(['package-lock.json'])) return true;
  // Somebody ran npm by hand: what npm noted down in node_modules is then newer than the lock.
  const installed = modified(path.join('node_modules', '.package-lock.json'));
  const wanted = modified('package-lock.json');
  return installed !== undefined && wanted !== undefined && installed >= wanted;
}

function modified(file) {
  return fs.statSync(path.join(root, file), { throwIfNoEntry: false })?.mtimeMs;
}

function installPackages() {
  // Another process may have done it while this one waited for the lock.
  if (arePackagesCurrent()) return;
  const folder = fs.lstatSync(path.join(root, 'node_modules'), { throwIfNoEntry: false });
  // npm would empty it: what another checkout works with.
  if (folder?.isSymbolicLink())
    fail('node_modules is a link to another folder, which is not up to date. Remove the link, or install there.');
  console.log('Installing packages (once, about a minute) …');
  const options = { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' };
  const run = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], options);
  if (run.error) fail(`npm could not be started: ${run.error.message}`);
  if (run.status !== 0) fail(`npm ci failed:\n${run.stdout}${run.stderr}`.trimEnd());
  fs.writeFileSync(path.join(root, STAMP), digestOf(['package-lock.json']));
}

class SetupError extends Error {}

function fail(message) {
  throw new SetupError(message);
}

try {
  setup();
} catch (error) {
  const isOurs = error instanceof SetupError || error.name === 'BuildError';
  console.error(isOurs ? error.message : error);
  process.exitCode = 1;
}
