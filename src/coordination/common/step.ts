import type { Awaitable, Check, Engine, Mutation } from "../../engine/contract.ts";

/**
 * A change of a primitive (push a job, post a message, count, give up a lock) that can become part of an atomic commit
 * together with others. It reads what it must and says which checks and mutations make the change as things stand.
 */
export interface Step {
  /** Where its keys are: the whole store or a namespace. An atomic commit of another part refuses it. */
  readonly engine?: Engine;
  /** Called for each try of the commit; a check that fails (somebody was faster) leads to another try. */
  prepare(): Awaitable<PreparedStep>;
}

export interface PreparedStep {
  readonly checks: readonly Check[];
  readonly mutations: readonly Mutation[];
  /** Called once the commit that holds this step was made. */
  committed?(version: number): void;
}
