/*
 * Keeps the JavaScript that Node makes of each TypeScript file, for all processes that this one starts. The tests start hundreds
 * of processes, and without it each of them spends most of its time on the same files: 0.24 instead of 0.08 s of a processor for
 * one command of the command line. Node looks at the source before it takes an entry, so that no entry is ever out of date.
 */
import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL("../.cache/compiled", import.meta.url));
enableCompileCache(process.env.NODE_COMPILE_CACHE);
