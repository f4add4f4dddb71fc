/**
 * Aborted with the first of several signals, and with its reason, until it is disposed of: after that nothing of it is kept
 * by signals that live longer. (`AbortSignal.any` gives the same reasons, but with a listener it is kept as long as its sources
 * live, on every runtime; on Node 22 also without one.)
 */
export class JoinedSignal implements Disposable {
  readonly #controller = new AbortController();
  readonly #sources: readonly AbortSignal[];
  readonly #abort = (event: Event) => this.#controller.abort((event.target as AbortSignal).reason);

  constructor(sources: readonly AbortSignal[]) {
    this.#sources = sources;
    const aborted = sources.find((source) => source.aborted);
    if (aborted) this.#controller.abort(aborted.reason);
    else for (const source of sources) source.addEventListener("abort", this.#abort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const source of this.#sources) source.removeEventListener("abort", this.#abort);
  }
}
