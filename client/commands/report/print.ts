import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { TrueupError } from '../../../contracts/errors';
import { EXIT, type ExitCode } from '../../../contracts/exit-code';
import type { ReportDocument } from '../../render/report/document';
import { reportHtml } from '../../render/report/html';
import { reportText } from '../../render/report/text';
import type { Io } from '../io';

export interface PrintOptions {
  readonly json?: true;
  readonly html?: string;
}

export function addPrintOptions(command: Command): Command {
  return command
    .option('--json', 'print one JSON document')
    .option('--html <file>', 'write a page with charts, which needs nothing beside itself');
}

/** Prints a report as the options say. Throws USAGE where the page cannot be written. */
export function printReport(io: Io, options: PrintOptions, json: object, document: ReportDocument): ExitCode {
  if (options.html !== undefined) writePage(io, options.html, document);
  if (options.json) io.out.line(JSON.stringify(json));
  else if (options.html === undefined) io.out.line(reportText(document));
  else io.out.line(`Wrote ${options.html}`);
  return EXIT.ok;
}

function writePage(io: Io, file: string, document: ReportDocument): void {
  const page = reportHtml(document);
  try {
    writeFileSync(resolve(io.cwd, file), page);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new TrueupError('USAGE', `--html ${file}: the file cannot be written (${code ?? 'unknown'})`);
  }
}
