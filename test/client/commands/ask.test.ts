import { PassThrough } from 'node:stream';
import { askDecision, type GateAnswer } from '../../../client/commands/ask';
import { colorsFor } from '../../../client/render/colors';
import { Output } from '../../../client/render/output';

/** What comes of typing these lines one by one, each after a question. */
async function answer(isBlocked: boolean, ...lines: readonly string[]) {
  const stdin = new PassThrough();
  const stdout = new PassThrough();
  const typed = [...lines];
  let shown = '';
  stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
    if (/: $/.test(shown) && typed.length > 0) setImmediate(() => stdin.write(`${typed.shift() ?? ''}\n`));
  });
  const io = {
    env: {},
    cwd: '.',
    stdin,
    out: new Output(stdout, false),
    err: new Output(new PassThrough(), false),
    colors: colorsFor(false, {}),
    interactive: false,
  };
  const given: GateAnswer = await askDecision(io, isBlocked, new AbortController().signal);
  return { given, shown, left: typed };
}

test('a plan is approved by the whole word', async () => {
  expect(await answer(false, 'y', 'a', 'override', 'Approve')).toMatchObject({ given: { kind: 'approve' }, left: [] });
  expect((await answer(false, 'y', 'l')).shown).toContain('To approve, type the whole word: approve');
});

test('a plan over its guard is approved by another word only', async () => {
  const { given, shown, left } = await answer(true, 'approve', 'yes', 'APPROVE', 'override');
  expect(given).toEqual({ kind: 'approve' });
  expect(left).toEqual([]);
  expect(shown).toContain('Type override, r (reject) or l (leave it waiting): ');
  expect(shown.match(/To approve a plan over its guard, type the whole word: override/g)).toHaveLength(3);
});

test('a rejection needs a reason', async () => {
  expect((await answer(true, 'r', '', 'reject', 'too much')).given).toEqual({ kind: 'reject', reason: 'too much' });
  expect((await answer(true, 'leave')).given).toEqual({ kind: 'leave' });
});
