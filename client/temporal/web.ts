import type { Environment } from './connection';

const LOCAL = /^(localhost|127\.0\.0\.1|\[::1\]):7233$/;

/**
 * Address of Temporal Web: TRUEUP_TEMPORAL_UI, or the dev server's own when Temporal is at its usual place; else
 * unknown (null).
 */
export function webAddress(address: string, env: Environment): string | null {
  const given = env.TRUEUP_TEMPORAL_UI;
  if (given) return given.replace(/\/+$/, '');
  return LOCAL.test(address) ? 'http://localhost:8233' : null;
}

/** The page of one workflow in Temporal Web. */
export function workflowLink(web: string, namespace: string, workflowId: string): string {
  return `${web}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}`;
}
