import type { Engine } from "../../engine/contract.ts";
import type { Entry } from "../../engine/entry.ts";
import { newerFormatError } from "../../engine/standard-errors.ts";
import { untilAnswered } from "./until-answered.ts";

/** The version of what coordination keeps in the system space. It is raised with each change that an older version misreads. */
const LAYOUT = "1";

/**
 * The entry that names the layout. It is bound to no session and never deleted. A namespace has an entry of its own, because
 * its system space is apart from the whole store's: programs that share only a namespace need to agree on nothing else.
 */
const PLACE = { space: "system", key: "layout" } as const;

/** The check of each engine handle, once it is under way or has succeeded. */
const checks = new WeakMap<Engine, Promise<void>>();

/**
 * Checks the store's layout before a first write of coordination, and creates the entry if there is none. An engine handle
 * does so once.
 *
 * @throws StoreError `ERR_STORE_NEWER_FORMAT` if another version of the package uses the store with another layout.
 */
export function ensureLayout(engine: Engine): Promise<void> {
  let check = checks.get(engine);
  if (check === undefined) {
    check = readOrCreate(engine);
    checks.set(engine, check);
    // The store may be out of reach only for the moment, so the next caller checks again.
    check.catch(() => checks.delete(engine));
  }
  return check;
}

/** The same before a mere look, which creates nothing: in a store without the entry there is nothing to misread. */
export async function checkLayout(engine: Engine): Promise<void> {
  if (checks.has(engine)) return checks.get(engine);
  const entry = await engine.get(PLACE.key, PLACE.space);
  if (entry) await compare(engine, entry);
}

async function readOrCreate(engine: Engine): Promise<void> {
  let entry = await engine.get(PLACE.key, PLACE.space);
  if (!entry) {
    const check = { ...PLACE, version: 0 };
    const set = { type: "set", ...PLACE, value: LAYOUT } as const;
    const commit = { checks: [check], mutations: [set], reads: [PLACE] };
    entry = (await untilAnswered(() => engine.commit(commit))).reads[0]![0]!;
  }
  await compare(engine, entry);
}

async function compare(engine: Engine, { value }: Entry): Promise<void> {
  if (value === LAYOUT) return;
  const { location } = await engine.info();
  throw newerFormatError(location, String(value), LAYOUT);
}
