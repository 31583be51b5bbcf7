/**
 * Faults of workflow code that end a run with a failure, for all workflows. The SDK's default is to try the step again
 * for ever, which leaves a run that nobody hears of. By name; their subclasses too. Not `Error`: that would take in a
 * history that the code does not fit (as after a bad release), where a run has to wait until the right code is back.
 */
export const WORKFLOW_FAILURES: Record<string, string[]> = {
  '*': ['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError', 'URIError', 'EvalError'],
};
