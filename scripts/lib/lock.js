'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { root } = require('./checkout');

const folder = path.join(root, '.trueup');
const file = path.join(folder, 'setup.lock');

/** One process at a time installs or builds in this checkout. The lock of a process that died is taken over. */
function withLock(work) {
  acquire();
  try {
    return work();
  } finally {
    release();
  }
}

function acquire() {
  for (;;) {
    try {
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(file, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      // ENOENT: another process has just removed the folder, which it does when it is empty.
      if (error.code !== 'EEXIST' && error.code !== 'ENOENT') throw error;
    }
    if (isAbandoned()) fs.rmSync(file, { force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  }
}

function release() {
  fs.rmSync(file, { force: true });
  try {
    fs.rmdirSync(folder);
  } catch {
    // Something else lives there.
  }
}

function isAbandoned() {
  try {
    const pid = Number(fs.readFileSync(file, 'utf8'));
    // A lock that is still empty is being written; an old empty one was left by a process that died.
    if (!Number.isInteger(pid) || pid <= 0) return Date.now() - fs.statSync(file).mtimeMs > 5_000;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

module.exports = { withLock };
