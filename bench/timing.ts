import type { Figures } from "./operation.ts";

/** Microseconds on a clock that all processes of the machine share. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1000;
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median and the 99th percentile of latencies. */
export function latencies(samples: readonly number[]): Figures {
  const sorted = samples.toSorted((a, b) => a - b);
  return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) };
}

/** Also what only behaves like a promise, as a query that is sent when it is awaited. */
export function isPromise(answer: unknown): answer is PromiseLike<unknown> {
  return typeof (answer as PromiseLike<unknown> | undefined)?.then === "function";
}

/** The figures of `perCall`. */
export const CALL = { "per call": "µs", processor: "µs" } as const;

/** How long a chunk of calls takes: long enough for the clock, short enough for many in a trial. In microseconds. */
const CHUNK = 2_000;

/**
 * What a call costs: calls one after another for `duration` milliseconds, a fifth of that again before to warm up, timed
 * in chunks. `perCall` is the mean over all chunks, so that what comes now and then (a checkpoint) counts; a call that
 * returns a promise is awaited, one that does not is not. `processor`: the time that this process's threads ran for a call, which
 * says more on a machine that others use too.
 */
export async function perCall(
  call: (n: number) => unknown,
  duration: number,
  most = Number.POSITIVE_INFINITY,
): Promise<Figures> {
  let n = 0;
  const first = call(n++);
  const isAsync = isPromise(first);
  await first;
  const times = async (count: number) => {
    const begun = now();
    if (isAsync) for (let i = 0; i < count; i++) await call(n++);
    else for (let i = 0; i < count; i++) call(n++);
    return now() - begun;
  };
  let count = 1;
  for (const warm = now() + duration * 200; now() < warm && n < most / 5; ) {
    const spent = await times(count);
    if (spent < CHUNK / 2) count *= 2;
  }
  const before = process.cpuUsage();
  let calls = 0;
  let spent = 0;
  for (const end = now() + duration * 1000; now() < end && n + count <= most; calls += count)
    spent += await times(count);
  if (calls === 0) {
    spent = await times(count);
    calls = count;
  }
  const { user, system } = process.cpuUsage(before);
  return { "per call": spent / calls, processor: (user + system) / calls };
}
