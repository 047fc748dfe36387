/** How long the first attempt waits at most, so that many clients do not come at the same moment, in milliseconds. */
const spread = 100;

/** The bound of the second attempt's pause and of all of them, in milliseconds. Each doubles the one before. */
const base = 250;
const longest = 5000;

/** How long to wait before an attempt, the first being 1: exponential with full jitter. In milliseconds. */
export function backoff(attempt: number): number {
  const bound = attempt <= 1 ? spread : Math.min(base * 2 ** (attempt - 2), longest);
  return Math.round(Math.random() * bound);
}
