import { assertFences, type Fence, fenceChecks, fenceReads } from "../coordination/common/fence.ts";
import type { Participant } from "../coordination/common/participant.ts";
import type { Commit, CommitOptions, CommitResult, Mutation } from "../engine/contract.ts";
import { StoreError } from "../errors.ts";
import { checkTimeout } from "../wait/timeout.ts";

export interface FenceOptions extends CommitOptions {
  /**
   * The write is made only while these are current: a held lock, a permit, a leadership, or `{ check: entry }` for an entry
   * that must be unchanged (an ephemeral one stands for its owner's session); else `ERR_STORE_FENCED`.
   */
  readonly fence?: Fence | readonly Fence[];
}

/** A mutation that is still to be bound to the store's session. */
export type Draft = Mutation & { readonly ephemeral?: boolean };

export interface DraftCommit extends Commit {
  readonly mutations: readonly Draft[];
}

/**
 * Makes the commit with the checks of the fences, and its ephemeral entries bound to the session. `ok: false` means that a
 * check of the commit's own failed; the reads are its own.
 */
export async function commitFenced(
  participant: Participant,
  draft: DraftCommit,
  options: FenceOptions,
): Promise<CommitResult> {
  if (options.timeout !== undefined) checkTimeout(options.timeout);
  const fences = fenceChecks(options.fence);
  const reads = draft.reads ?? [];
  const fenced = fences.length > 0;
  const bound = draft.mutations.some(({ ephemeral }) => ephemeral);
  for (let isFirst = true; ; isFirst = false) {
    const session = bound ? (await participant.session()).id : undefined;
    const commit: Commit = {
      checks: fenced ? [...fences, ...(draft.checks ?? [])] : (draft.checks ?? []),
      mutations: draft.mutations.map((mutation) => bind(mutation, session)),
      reads: fenced ? [...reads, ...fenceReads(fences)] : reads,
    };
    try {
      const result = await participant.engine.commit(commit, options);
      if (!fenced) return result;
      if (!result.ok) assertFences(fences, result.reads.slice(reads.length));
      return { ...result, reads: result.reads.slice(0, reads.length) };
    } catch (error) {
      // The session ended after it was asked for: the next one is new.
      if (!(bound && isFirst && error instanceof StoreError && error.code === "ERR_STORE_SESSION_LOST")) throw error;
    }
  }
}

function bind(draft: Draft, session: string | undefined): Mutation {
  const { ephemeral, ...mutation } = draft;
  return ephemeral && session !== undefined && mutation.type === "set" ? { ...mutation, session } : mutation;
}
