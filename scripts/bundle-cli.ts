import * as path from "node:path";
import { build, type Plugin } from "esbuild";

/*
 * Writes dist/cli/main.cjs: the command line in one file, because each module that Node has to find and link costs a part
 * of a millisecond, and CommonJS starts quicker than ES modules (`get`, beside `node -e 0`: 2.1 times as long from tsc's
 * output, 1.3 times so). What it imports dynamically from outside of src/cli (the asynchronous Store, the engines of
 * servers) stays where tsc put it, and is loaded when it is needed.
 */
const root = path.join(import.meta.dirname, "..");
const from = path.join(root, "src");
const output = path.join(root, "dist/cli/main.cjs");

const leaveLoaded: Plugin = {
  name: "leave what is loaded on demand",
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ kind, path: module, resolveDir }) => {
      const source = path.join(resolveDir, module);
      if (kind !== "dynamic-import" || source.startsWith(path.join(from, "cli", path.sep))) return undefined;
      const compiled = path.join(root, "dist", path.relative(from, source)).replace(/\.ts$/, ".js");
      return { path: path.relative(path.dirname(output), compiled).replaceAll(path.sep, "/"), external: true };
    });
  },
};

await build({
  entryPoints: [path.join(from, "cli/main.ts")],
  outfile: output,
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node22.16",
  minify: true,
  define: { "import.meta.dirname": "__dirname" },
  plugins: [leaveLoaded],
});
