import type { RunStatus } from '../../contracts/run';
import type { Colors } from './colors';

/** A run's status in the colour that says at a glance whether somebody has to do something. */
export function statusText(status: RunStatus, colors: Colors): string {
  switch (status) {
    case 'consistent':
    case 'applied':
      return colors.green(status);
    case 'inconsistent':
    case 'awaiting_approval':
    case 'rejected':
    case 'expired':
      return colors.yellow(status);
    case 'incomplete':
    case 'failed':
    case 'cancelled':
      return colors.red(status);
    case 'running':
      return colors.cyan(status);
  }
}
