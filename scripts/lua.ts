import * as fs from "node:fs";
import * as path from "node:path";
import { isDeepStrictEqual } from "node:util";
import * as stylua from "@johnnymorganz/stylua";
import { type Chunk, parse } from "luaparse";

/*
 * Formats and checks the Lua files of the Redis engine, and writes them as one module. That module is a part of the source,
 * because the tests, which run from the source, and the bundlers of users, which know no Lua files, need the same text as
 * JavaScript. With `--check` the program writes nothing, and fails if a file is not up to date.
 */

const ROOT = path.join(import.meta.dirname, "..");
const FOLDER = "src/engines/redis/protocol";
/** The globals of Redis and of Lua 5.1 that the scripts use. */
const GLOBALS = ["ARGV", "KEYS", "ipairs", "math", "redis", "string", "table", "tonumber", "type"];

const isCheck = process.argv.includes("--check");
let module = "/* Written by `npm run lua` from the files in lua/, without their comments. */\n\nexport const LUA = {\n";
for (const name of fs.readdirSync(path.join(ROOT, FOLDER, "lua")).sort()) {
  const file = `${FOLDER}/lua/${name}`;
  const text = fs.readFileSync(path.join(ROOT, file), "utf8");
  const formatted = format(file, text);
  update(file, formatted);
  module += `  ${path.basename(name, ".lua")}: ${JSON.stringify(strip(file, formatted))},\n`;
}
update(`${FOLDER}/lua-sources.ts`, `${module}} as const;\n`);

// The import comes only now, because it reads the module.
const { SCRIPTS } = await import("../src/engines/redis/protocol/scripts.ts");
for (const [name, { text }] of Object.entries(SCRIPTS)) {
  const { globals } = parse(text, { luaVersion: "5.1", scope: true }) as Chunk & { globals: { name: string }[] };
  const unknown = globals.map(({ name }) => name).filter((name) => !GLOBALS.includes(name));
  if (unknown.length > 0) fail(`the ${name} script uses variables that are not declared: ${unknown.join(", ")}`);
}

function format(file: string, text: string): string {
  const config = stylua.Config.new();
  config.syntax = stylua.LuaVersion.Lua51;
  config.column_width = 120;
  config.indent_type = stylua.IndentType.Spaces;
  config.indent_width = 2;
  config.quote_style = stylua.QuoteStyle.AutoPreferSingle;
  config.collapse_simple_statement = stylua.CollapseSimpleStatement.Always;
  try {
    return stylua.formatCode(text, config, undefined, stylua.OutputVerification.Full);
  } catch (error) {
    return fail(`${file}: ${error}`);
  }
}

/** The text without comment lines, indentation and empty lines, which makes it half as long. */
function strip(file: string, text: string): string {
  const short = text.replaceAll(/^\s*(--.*\s*)*/gm, "");
  if (!isDeepStrictEqual(treeOf(short), treeOf(text))) fail(`${file}: a string or comment takes several lines`);
  return short;
}

function treeOf(text: string): Chunk {
  return parse(text, { luaVersion: "5.1", comments: false });
}

function update(file: string, text: string): void {
  const target = path.join(ROOT, file);
  if (fs.existsSync(target) && fs.readFileSync(target, "utf8") === text) return;
  if (isCheck) fail(`${file} is not up to date: npm run lua`);
  fs.writeFileSync(target, text);
}

function fail(message: string): never {
  console.error(`lua: ${message}`);
  process.exit(1);
}
