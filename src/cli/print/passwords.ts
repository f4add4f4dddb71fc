import { maskPasswords } from "../../location/mask-password.ts";

/**
 * Takes the passwords out of what other users see of this process (its title in `ps`) and of what is written down about
 * it (who holds a lock). `args` keeps them.
 */
export function hidePasswords(args: readonly string[]): void {
  if (args.every((arg) => maskPasswords(arg) === arg)) return;
  process.argv = process.argv.map(maskPasswords);
  process.title = ["ipctools", ...process.argv.slice(2)].join(" ");
}
