#!/usr/bin/env node
'use strict';
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { root } = require('./lib/checkout');

/** Runs jest with the arguments given and closes with one line, `N passed, N failed`, from jest's own counts. */
async function main() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'trueup-test-'));
  const countsFile = path.join(folder, 'counts.json');
  try {
    const status = await runJest(countsFile);
    const counts = readCounts(countsFile, status);
    if (counts !== undefined) console.log(summary(counts));
    return status === 0 && counts !== undefined && counts.failed > 0 ? 1 : status;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function runJest(countsFile) {
  const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const reporters = ['--reporters=default', `--reporters=${path.join(__dirname, 'lib', 'count-reporter.js')}`];
  const child = spawn(process.execPath, [jest, ...process.argv.slice(2), ...reporters], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, TRUEUP_TEST_COUNTS: countsFile },
  });
  // Ctrl-C reaches jest as well; it is jest that ends, and we that report it.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (os.constants.signals[signal] ?? 1)));
  });
}

/** Jest may fail without a failed test (a setup that throws, no test found): that is one failure, never none. */
function readCounts(file, status) {
  let counts;
  try {
    counts = JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    // No tests were run; with `--listTests` and the like that is as it should be.
    if (status === 0) return undefined;
    counts = { passed: 0, failed: 0, skipped: 0 };
  }
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  return counts;
}

function summary({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

main().then(
  (status) => (process.exitCode = status),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
