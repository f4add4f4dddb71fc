import { isTerminal, writeErrorText } from "./output.ts";

/** Milliseconds between two drawings. */
const INTERVAL = 100;
const WIDTH = 24;

/** A bar on standard error, if that is a terminal; nothing elsewhere. */
export class ProgressBar {
  readonly #label: string;
  readonly #total: number;
  readonly #isShown = isTerminal("stderr");
  readonly #began = performance.now();
  #drawn = 0;

  constructor(label: string, total: number) {
    this.#label = label;
    this.#total = total;
  }

  update(done: number): void {
    const now = performance.now();
    if (!this.#isShown || now - this.#drawn < INTERVAL) return;
    this.#drawn = now;
    const total = Math.max(this.#total, done, 1);
    const filled = Math.floor((done / total) * WIDTH);
    const percent = Math.floor((done / total) * 100);
    const rate = Math.round(done / ((now - this.#began) / 1000));
    const bar = `${"█".repeat(filled)}${"░".repeat(WIDTH - filled)}`;
    writeErrorText(`\r\u001b[K${this.#label} ${bar} ${percent} % ${done}/${total} keys, ${rate}/s`);
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#drawn > 0) writeErrorText("\r\u001b[K");
  }
}
