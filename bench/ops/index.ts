import type { Operation } from "../operation.ts";
import { contention } from "./contention.ts";
import { create, createExisting, get, set } from "./values.ts";

/** In the order of the report. */
export const operations: readonly Operation[] = [get, set, create, createExisting, contention];
