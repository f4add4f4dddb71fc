/**
 * How long to pause before the next attempt, in milliseconds: a random time between half of `shortest` and a bound that
 * doubles with each failed attempt, from `shortest` to `longest`. `attempt` counts the failures before, from 0; `Infinity`
 * gives the longest bound at once.
 */
export function backoff(attempt: number, shortest: number, longest: number): number {
  // "Full jitter" (Brooker, "Exponential Backoff And Jitter", 2015) above a floor, so that a busy loop is impossible.
  const bound = Math.min(shortest * 2 ** attempt, longest);
  return shortest / 2 + Math.random() * (bound - shortest / 2);
}
