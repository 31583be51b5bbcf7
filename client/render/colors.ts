import pc from 'picocolors';

export type Colors = ReturnType<typeof pc.createColors>;

/** Colours for a stream: NO_COLOR switches them off, FORCE_COLOR on, and otherwise a terminal has them. */
export function colorsFor(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): Colors {
  if (env.NO_COLOR) return pc.createColors(false);
  if (env.FORCE_COLOR) return pc.createColors(env.FORCE_COLOR !== '0');
  return pc.createColors(isTerminal && env.TERM !== 'dumb');
}
