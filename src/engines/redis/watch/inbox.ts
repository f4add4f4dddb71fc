import type { FeedEvents } from "./feed.ts";

/** What becomes of what comes in: one thing at a time, each when the one before it is done. */
export interface InboxHandlers {
  message(text: Buffer): Promise<void>;
  pulse(text: Buffer): Promise<void>;
  /** Something may be missing here. */
  gap(): Promise<void>;
  failed(error: unknown): void;
}

type Item = { readonly what: "message" | "pulse"; readonly text: Buffer } | { readonly what: "gap" };

/** Messages that are kept for a slow reader. With more it is left to the log to tell what they were. */
const LONGEST = 4096;

/** What the feed brought and nobody has looked at yet, in order. */
export class Inbox implements FeedEvents {
  readonly #handlers: InboxHandlers;
  readonly #items: Item[] = [];
  #isBusy = false;
  #gaps = 0;

  constructor(handlers: InboxHandlers) {
    this.#handlers = handlers;
  }

  /** How many gaps there have been. */
  get gaps(): number {
    return this.#gaps;
  }

  message(text: Buffer): void {
    if (this.#items.length < LONGEST) {
      this.#put({ what: "message", text });
    } else {
      this.clear();
      this.lost();
    }
  }

  pulse(text: Buffer): void {
    this.#put({ what: "pulse", text });
  }

  lost(): void {
    this.#gaps++;
    this.#put({ what: "gap" });
  }

  clear(): void {
    this.#items.length = 0;
  }

  #put(item: Item): void {
    this.#items.push(item);
    if (!this.#isBusy) void this.#work();
  }

  async #work(): Promise<void> {
    this.#isBusy = true;
    for (let item = this.#items.shift(); item !== undefined; item = this.#items.shift()) {
      try {
        await (item.what === "gap" ? this.#handlers.gap() : this.#handlers[item.what](item.text));
      } catch (error) {
        this.#handlers.failed(error);
      }
    }
    this.#isBusy = false;
  }
}
