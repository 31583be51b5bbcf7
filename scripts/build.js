#!/usr/bin/env node
'use strict';
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { root, ROOMS, filesBelow, digestOf, readIfThere } = require('./lib/checkout');
const { withLock } = require('./lib/lock');

/** The workflows as one file, beside them in dist. */
const BUNDLE = 'bundle.js';
const STAMP = path.join('dist', '.stamp');

/** Whether this is a checkout that can be built, rather than an installed package. */
function canBuild() {
  return fs.existsSync(path.join(root, 'tsconfig.build.json')) && fs.existsSync(tsc());
}

/**
 * Compiles the sources and copies what stands beside them (SQL migrations and the like) into dist, unless dist was
 * made from exactly these. Returns whether it had to build; throws with the compiler's output when it cannot.
 */
function build({ onBuild = () => {} } = {}) {
  if (readIfThere(STAMP) === sourceDigest()) return false;
  return withLock(() => {
    const digest = sourceDigest();
    if (readIfThere(STAMP) === digest) return false;
    onBuild();
    fs.rmSync(path.join(root, STAMP), { force: true });
    compile();
    const kept = copyAssets();
    prune(kept);
    bundleWorkflows();
    fs.writeFileSync(path.join(root, STAMP), digest);
    return true;
  });
}

function sourceDigest() {
  const sources = ROOMS.flatMap(filesBelow);
  return digestOf([...sources, 'tsconfig.json', 'tsconfig.build.json', 'package.json', 'scripts/build.js']);
}

function tsc() {
  return path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
}

function compile() {
  const run = spawnSync(process.execPath, [tsc(), '-p', 'tsconfig.build.json'], { cwd: root, encoding: 'utf8' });
  if (run.status === 0) return;
  const error = new Error(`the sources do not compile:\n${run.stdout ?? ''}${run.stderr ?? ''}`.trimEnd());
  error.name = 'BuildError';
  throw error;
}

/** Copies every file that is not TypeScript or documentation; returns the paths of all that belongs into dist. */
function copyAssets() {
  const kept = new Set();
  for (const file of ROOMS.flatMap(filesBelow)) {
    if (file.endsWith('.ts')) {
      const script = path.join('dist', file.replace(/\.ts$/, '.js'));
      kept.add(script).add(`${script}.map`);
    } else if (!file.endsWith('.md')) {
      const target = path.join('dist', file);
      fs.mkdirSync(path.dirname(path.join(root, target)), { recursive: true });
      fs.copyFileSync(path.join(root, file), path.join(root, target));
      kept.add(target);
    }
  }
  return kept;
}

/** A file whose source is gone must not live on: a dropped migration would still be run. */
function prune(kept) {
  for (const room of ROOMS) {
    for (const file of filesBelow(path.join('dist', room))) {
      if (!kept.has(file)) fs.rmSync(path.join(root, file));
    }
  }
}

/** What a worker would else do each time it starts: in time, and in memory that it keeps. */
function bundleWorkflows() {
  const workflows = path.join(root, 'dist', 'workflows');
  if (!fs.existsSync(path.join(workflows, 'index.js'))) return;
  const script = `
    const { bundleWorkflowCode, DefaultLogger } = require('@temporalio/worker');
    const [workflowsPath, bundle] = process.argv.slice(1);
    bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') })
      .then(({ code }) => require('node:fs').writeFileSync(bundle, code));`;
  const args = ['-e', script, path.join(workflows, 'index.js'), path.join(workflows, BUNDLE)];
  const run = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (run.status === 0) return;
  const error = new Error(`the workflows do not bundle:\n${run.stdout ?? ''}${run.stderr ?? ''}`.trimEnd());
  error.name = 'BuildError';
  throw error;
}

module.exports = { build, canBuild };

if (require.main === module) {
  try {
    if (!build({ onBuild: () => console.log('Building …') })) console.log('Already built.');
  } catch (error) {
    console.error(error.name === 'BuildError' ? error.message : error);
    process.exitCode = 1;
  }
}
