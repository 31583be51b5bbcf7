#!/usr/bin/env node
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { root } = require('./lib/checkout');

const PAGE = path.join('docs', 'errors.md');

const HEAD = `# Errors

Every failure that Trueup names, by its code. The code stands at the start of a message on the command line
(\`trueup: CODE: …\`), as the type of a failure in Temporal, and in the ledger (\`run.error_code\`).

A failure that is retried is tried again by Temporal, with growing pauses, before it ends a run; the others end the run
or the command at once. Exit codes: 2 usage or configuration, 4 failed.

This page is written by \`npm run docs\` from \`contracts/errors.ts\`: change it there.
`;

/** The text of docs/errors.md for a catalogue of errors. */
function renderErrors(errors) {
  const sections = Object.entries(errors).map(([code, { retryable, exitCode, help }]) => {
    const retried = retryable ? 'Retried' : 'Not retried';
    return `## ${code}\n\n${retried}; exit code ${exitCode}.\n\n${help}\n`;
  });
  return [HEAD, ...sections].join('\n');
}

module.exports = { PAGE, renderErrors };

if (require.main === module) {
  require('./build').build();
  const { ERRORS } = require('../dist/contracts/errors');
  fs.mkdirSync(path.join(root, 'docs'), { recursive: true });
  fs.writeFileSync(path.join(root, PAGE), renderErrors(ERRORS));
  console.log(`Wrote ${PAGE}.`);
}
