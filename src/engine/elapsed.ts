/** Time that passed: the longer of what two clocks say, since one stands still while the machine sleeps and the other can be set. */
export class Moment {
  readonly #steady = performance.now();
  readonly #wall = Date.now();

  get ago(): number {
    return Math.max(performance.now() - this.#steady, Date.now() - this.#wall);
  }
}
