/** A URL's user and password. A password that should have been encoded (it has a `/` or an `@`) is one too. */
const CREDENTIALS = /([a-z][a-z\d+.-]{0,20}:\/\/[^\s/?#:@]{0,200}):\S*@/gi;

/** The text with `***` in place of every URL's password. */
export function withoutPasswords(text: string): string {
  return text.replace(CREDENTIALS, "$1:***@");
}

/**
 * Takes the passwords out of what other users see of this process (its title in `ps`) and of what is written down about
 * it (who holds a lock). `args` keeps them.
 */
export function hidePasswords(args: readonly string[]): void {
  if (args.every((arg) => withoutPasswords(arg) === arg)) return;
  process.argv = process.argv.map(withoutPasswords);
  process.title = ["ipctools", ...process.argv.slice(2)].join(" ");
}
