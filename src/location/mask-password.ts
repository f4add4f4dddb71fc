/** Stands where a password stood. */
const MASK = "***";

/**
 * The beginning of a URL in a text: any scheme with `//`, or the scheme of a server without it, which is a URL that its user
 * mistyped. The length of a scheme is bounded, so that a long word is not searched again and again.
 */
const URL_START = String.raw`(?:[a-z][a-z\d+.-]{0,20}:\/\/|\b(?:etcds?|rediss?)(?:\+sentinel)?:)`;

/**
 * A URL at the beginning of a text or of an option's value reaches to the end, because a password that should have been
 * encoded may hold spaces, and what looks like another URL. One in double quotes reaches to the closing quote, any other one
 * to the next white space.
 */
const URL_IN_TEXT = new RegExp(
  String.raw`(?<=^(?:-[^=\s]*=)?)${URL_START}[^]*|(?<=")${URL_START}(?:[^"\\]|\\.)*|${URL_START}\S*`,
  "gi",
);

/** The text with `***` in place of the passwords of all URLs that stand in it. */
export function maskPasswords(text: string): string {
  return text.replace(URL_IN_TEXT, maskPassword);
}

/**
 * The URL with `***` in place of its password, and in place of the value of each parameter whose name contains "password".
 * The URL may be malformed. Then it is unknown where the password begins and ends, and more of the URL is masked.
 */
export function maskPassword(url: string): string {
  return maskUser(maskParameters(url));
}

/** Masks all that stands before the last `@`, apart from the scheme and the user's name. */
function maskUser(url: string): string {
  const at = url.lastIndexOf("@");
  if (at < 0) return url;
  const [start, scheme, slashes] = /^([^:/]*:?)(\/\/)?/.exec(url)!;
  const credentials = url.slice(start.length, at);
  const name = /^[^/?#@:\s]*/.exec(credentials)![0];
  if (slashes !== undefined) {
    if (name === credentials) return url;
    if (credentials[name.length] === ":") return `${start}${name}:${MASK}${url.slice(at)}`;
    // The path of a web page or a file may hold an @, and without a colon there is no password.
    if (!credentials.includes(":") && !/^(etcd|redis)/i.test(scheme!)) return url;
  }
  return `${start}${MASK}${url.slice(at)}`;
}

function maskParameters(url: string): string {
  const masked = url.replace(/[?&][^&]*/g, (parameter) => {
    const end = parameter.indexOf("=") + 1;
    // A percent-encoded name may be "password" too.
    return /password|%/i.test(parameter.slice(0, end)) ? maskValue(parameter, end) : parameter;
  });
  return masked.replace(/password=[^&]*/gi, (parameter) => maskValue(parameter, parameter.indexOf("=") + 1));
}

/** Keeps an `@`, because it may be the end of a user's password that holds a `?` or an `&`. */
function maskValue(parameter: string, start: number): string {
  return parameter.slice(0, start) + MASK + (parameter.includes("@", start) ? `@${MASK}` : "");
}
