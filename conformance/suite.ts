import test from "node:test";
import type { Engine, EngineCapabilities } from "ipctools";

/** An engine over data of its own, empty at first. */
export interface ConformanceTarget {
  readonly engine: Engine;
  /** Opens a second handle on the same data. Without it, what several handles see of each other is not tested. */
  another?(): Promise<Engine>;
  /** Makes the engine forget its history, so that an old `from` is no longer held. Without it, that is not tested. */
  forget?(): Promise<void>;
  /** Closes what is still open and removes the data. */
  cleanup(): Promise<void>;
}

export interface Conformance {
  /** What the tests are called. */
  readonly name: string;
  /** Called for each test. */
  open(): Promise<ConformanceTarget>;
  /** Names of tests that the engine cannot pass, each with the reason. Give none if you can. */
  readonly skip?: Readonly<Record<string, string>>;
}

export interface Needs {
  /** Two handles on the same data. */
  readonly another?: boolean;
  /** A history that can be lost. */
  readonly forget?: boolean;
  /** The reason not to run the test with what the engine supports. */
  readonly unless?: (capabilities: EngineCapabilities) => string | undefined;
}

export interface Opened {
  readonly engine: Engine;
  /** The engine's second handle; the first one again where the test does not need two. */
  readonly other: Engine;
  readonly capabilities: EngineCapabilities;
  forget(): Promise<void>;
}

/** Where the files of the suite register their tests. */
export class Suite {
  readonly #conformance: Conformance;

  constructor(conformance: Conformance) {
    this.#conformance = conformance;
  }

  test(name: string, run: (opened: Opened) => Promise<void>, needs: Needs = {}): void {
    const { name: engineName, skip, open } = this.#conformance;
    test(`${engineName}: ${name}`, { timeout: 60_000, ...(skip?.[name] && { skip: skip[name] }) }, async (context) => {
      const target = await open.call(this.#conformance);
      try {
        const { capabilities } = target.engine;
        const reason =
          needs.unless?.(capabilities) ??
          (needs.another && !target.another ? "the engine's test opens no second handle" : undefined) ??
          (needs.forget && !target.forget ? "the engine's test has no way to make it forget its history" : undefined);
        if (reason !== undefined) {
          context.skip(reason);
          return;
        }
        const other = needs.another ? await target.another!() : target.engine;
        try {
          await run({ engine: target.engine, other, capabilities, forget: async () => target.forget!() });
        } finally {
          if (other !== target.engine) await other.close();
        }
      } finally {
        await target.cleanup();
      }
    });
  }
}
