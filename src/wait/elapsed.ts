/**
 * The time since its creation, by whichever of two clocks shows more of it: the monotonic clock stands still while the
 * machine sleeps, and the wall clock can be set.
 */
export class Elapsed {
  readonly #monotonic = performance.now();
  readonly #wall = Date.now();

  get milliseconds(): number {
    return Math.max(performance.now() - this.#monotonic, Date.now() - this.#wall);
  }
}
