import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unpackDebian } from './debian-package';

/** Makes locales in a folder of their own, to be given to a server as LOCPATH: the machine itself may have none. */
export async function makeLocales(names: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'trueup-locales-'));
  spawnSync('chmod', ['755', folder]);
  const failure = (env: NodeJS.ProcessEnv) => {
    for (const name of names) {
      const [definition = ''] = name.split('.');
      const { status, stderr, error } = spawnSync(
        'localedef',
        ['--no-archive', '-i', definition, '-f', 'UTF-8', join(folder, name)],
        { env, encoding: 'utf8' },
      );
      if (error || status !== 0) return error?.message ?? stderr;
    }
    return null;
  };
  if (failure(process.env) === null) return folder;
  const unpacked = mkdtempSync(join(tmpdir(), 'trueup-locale-sources-'));
  await unpackDebian({ title: 'locales', programs: 'localedef', packages: ['locales'] }, unpacked);
  const why = failure({ ...process.env, I18NPATH: join(unpacked, 'package', 'usr', 'share', 'i18n') });
  if (why !== null) throw new Error(`no locale ${names.join(', ')} can be made here: ${why}`);
  return folder;
}
