import type { Trend, TrendDay, Verdict } from './report';

type Counted = Pick<TrendDay, 'date' | 'isOver'> & { readonly findings: number };

/**
 * Holds the last day against the mean of the days before it: more than 1.2 times as many is increasing, less than 0.8
 * times decreasing. Days without data are in neither. A day that is not over counts only where it is increasing already:
 * what it will have in the end nobody knows.
 */
export function judgeTrend(days: readonly Pick<TrendDay, 'date' | 'isOver' | 'findings'>[]): Trend {
  const counted = days.filter((day): day is Counted => day.findings !== null);
  const last = counted.at(-1);
  if (last && !last.isOver) {
    const sofar = judgeLast(counted);
    if (sofar.verdict === 'increasing') return sofar;
  }
  return judgeLast(counted.filter(({ isOver }) => isOver));
}

function judgeLast(days: readonly Counted[]): Trend {
  const last = days.at(-1);
  const before = days.slice(0, -1);
  if (!last || before.length === 0) {
    const reason = `it takes two days with data that are over; there ${days.length === 1 ? 'is one' : 'is none'}`;
    return { verdict: null, reason, date: null, findings: null, mean: null, ratio: null };
  }
  const sum = before.reduce((total, { findings }) => total + findings, 0);
  const mean = sum / before.length;
  return {
    verdict: verdictOf(last.findings, sum, before.length),
    reason: null,
    date: last.date,
    findings: last.findings,
    mean,
    ratio: sum === 0 ? null : last.findings / mean,
  };
}

/** In whole numbers, so that 1.2 and 0.8 are exact: last ÷ (sum ÷ n) against 6 ÷ 5 and 4 ÷ 5. */
function verdictOf(last: number, sum: number, n: number): Verdict {
  const fiveTimes = 5n * BigInt(last) * BigInt(n);
  if (fiveTimes > 6n * BigInt(sum)) return 'increasing';
  return fiveTimes < 4n * BigInt(sum) ? 'decreasing' : 'stable';
}
