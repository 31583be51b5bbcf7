import { comment, dollarQuoted } from './plan-script-text';

/** A setting of no meaning to the server: which of its processes the script began on. */
const SETTING = 'trueup.backend';
/** Transactions that are tried before anything is set. */
const TRIES = 5;

const WRONG =
  'trueup: this script needs a session of its own, and is behind a pooler that gives each transaction another one';
const HINT = 'Connect to the server itself, or to a pool in session mode.';

/** Stops a script whose statements reach another process of the server than its first one did. */
export const SESSION_CHECK = `do ${dollarQuoted(
  ` begin if current_setting('${SETTING}', true) is distinct from pg_catalog.pg_backend_pid()::text then
  raise exception '${WRONG}' using hint = '${HINT}'; end if; end `,
)};`;

const SLEEP = `do ${dollarQuoted(' begin perform pg_catalog.pg_sleep(0.02); end ')};`;

/** Tells a transaction pooler by what it does: between two transactions there is time for another client's. */
export const SESSION_BEGIN: readonly string[] = [
  comment(['Settings and temporary tables stay for the whole script: its session has to be its own.']),
  `do ${dollarQuoted(` begin perform pg_catalog.set_config('${SETTING}', pg_catalog.pg_backend_pid()::text, false); end `)};`,
  ...Array.from({ length: TRIES }, () => [SLEEP, SESSION_CHECK]).flat(),
];
