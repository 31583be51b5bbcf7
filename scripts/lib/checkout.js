'use strict';
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const root = path.resolve(__dirname, '..', '..');

/** The rooms whose sources are built into dist. */
const ROOMS = [
  'contracts',
  'config',
  'database',
  'engine',
  'ledger',
  'activities',
  'workflows',
  'workers',
  'client',
  'bench',
];

/** Every file below `folder`, as paths relative to the checkout, in a fixed order. */
function filesBelow(folder) {
  const full = path.join(root, folder);
  if (!fs.existsSync(full)) return [];
  const found = [];
  for (const entry of fs.readdirSync(full, { withFileTypes: true })) {
    const name = path.join(folder, entry.name);
    if (entry.isDirectory()) found.push(...filesBelow(name));
    else if (entry.isFile()) found.push(name);
  }
  return found.sort();
}

/** A digest of the files' names and contents. */
function digestOf(files) {
  const hash = crypto.createHash('sha256');
  for (const file of files) {
    const full = path.join(root, file);
    hash.update(file).update('\0');
    if (fs.existsSync(full)) hash.update(fs.readFileSync(full));
    hash.update('\0');
  }
  return hash.digest('hex');
}

function readIfThere(file) {
  try {
    return fs.readFileSync(path.join(root, file), 'utf8');
  } catch {
    return undefined;
  }
}

module.exports = { root, ROOMS, filesBelow, digestOf, readIfThere };
