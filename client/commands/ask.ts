import { createInterface } from 'node:readline/promises';
import type { Io } from './io';

/** Asks one line of whoever sits at the terminal; null when they leave (Ctrl-C, Ctrl-D) or `signal` is aborted. */
export async function ask(io: Io, question: string, signal: AbortSignal): Promise<string | null> {
  const prompt = createInterface({ input: io.stdin, output: io.out.stream, terminal: io.interactive });
  const ended = new Promise<null>((resolve) => {
    prompt.once('close', () => resolve(null));
    prompt.once('SIGINT', () => resolve(null));
  });
  try {
    const answered = prompt.question(question, { signal }).catch(() => null);
    const answer = await Promise.race([answered, ended]);
    return answer === null ? null : answer.trim();
  } finally {
    prompt.close();
  }
}

export type GateAnswer =
  { readonly kind: 'approve' } | { readonly kind: 'reject'; readonly reason: string } | { readonly kind: 'leave' };

/**
 * Asks what to do with a plan, until the answer is one. Approving takes a whole word, and of a plan that is blocked by
 * its guard another one.
 */
export async function askDecision(io: Io, isBlocked: boolean, signal: AbortSignal): Promise<GateAnswer> {
  const word = isBlocked ? 'override' : 'approve';
  for (;;) {
    const answer = await ask(io, `Type ${word}, r (reject) or l (leave it waiting): `, signal);
    if (answer?.toLowerCase() === word) return { kind: 'approve' };
    switch (answer?.toLowerCase()) {
      case undefined:
      case 'l':
      case 'leave':
        return { kind: 'leave' };
      case 'approve':
      case 'override':
      case 'a':
      case 'y':
      case 'yes':
        io.out.line(`To approve${isBlocked ? ' a plan over its guard' : ''}, type the whole word: ${word}`);
        break;
      case 'r':
      case 'reject': {
        const reason = await ask(io, 'Reason: ', signal);
        if (reason === null) return { kind: 'leave' };
        if (reason !== '') return { kind: 'reject', reason };
        io.out.line('A rejection needs a reason.');
        break;
      }
      default:
        break;
    }
  }
}
