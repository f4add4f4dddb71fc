import * as fs from "node:fs";

/** A process as its session's row names it, so that another process can look for it. */
export interface ProcessIdentity {
  readonly pid: number;
  /** The boot, the namespace of process numbers, and when the process started. Empty where the platform shows none. */
  readonly started: string;
  /** The network namespace, in which sockets are listed. Empty where the platform shows none. */
  readonly network: string;
}

let own: ProcessIdentity | undefined;

/** This process. */
export function ownProcess(): ProcessIdentity {
  own ??= {
    pid: process.pid,
    started: [...namespaceOfPids(), readStat(process.pid)?.started ?? ""].join(" ").trim(),
    network: readLink("/proc/self/ns/net"),
  };
  return own;
}

/**
 * Whether the process still runs. A process number is looked at together with the time at which its process started, because
 * numbers are used again. `"unknown"`: it has another namespace, such as a container's. Whatever cannot be read is no proof of
 * an end.
 */
export function stateOfProcess({ pid, started }: ProcessIdentity): "running" | "ended" | "unknown" {
  const [boot = "", namespace = "", start = ""] = started.split(" ");
  const [ownBoot, ownNamespace] = ownProcess().started.split(" ");
  if (boot && ownBoot && boot !== ownBoot) return "ended";
  if (namespace !== (ownNamespace ?? "") || !Number.isSafeInteger(pid) || pid <= 0) return "unknown";
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Anything but "no such process" (EPERM above all) says that there is one.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return "ended";
  }
  const stat = readStat(pid);
  if (stat === undefined) return "running";
  // A zombie has let go of everything, and only waits for its parent.
  return stat.started === start && stat.state !== "Z" && stat.state !== "X" ? "running" : "ended";
}

/**
 * Whether a process of this network namespace listens on a Unix socket with that file name, which is unique. `undefined`: the
 * list of sockets cannot be read, or is another one.
 */
export function isListening(fileName: string, { network }: ProcessIdentity): boolean | undefined {
  if (network === "" || network !== ownProcess().network) return undefined;
  try {
    // Num RefCount Protocol Flags Type St Inode Path; the flag 0x10000 marks a socket that accepts connections.
    const listening = / [0-9A-F]{3}1[0-9A-F]{4} [0-9A-F]{4} [0-9A-F]{2} +\d+ /;
    const lines = fs.readFileSync("/proc/net/unix", "utf8").split("\n");
    return lines.some((line) => line.endsWith(`/${fileName}`) && listening.test(line));
  } catch {
    // No /proc, no descriptor free, no permission: then the caller has to ask the socket itself.
    return undefined;
  }
}

function namespaceOfPids(): [boot: string, namespace: string] {
  try {
    return [fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(), readLink("/proc/self/ns/pid")];
  } catch {
    // Not Linux, or /proc is hidden.
    return ["", ""];
  }
}

function readStat(pid: number): { state: string; started: string } | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name of the program, in parentheses, may hold spaces and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0]!, started: fields[19]! };
  } catch {
    // Not Linux, or another user's process that is hidden: its number alone has to do.
    return undefined;
  }
}

function readLink(path: string): string {
  try {
    return fs.readlinkSync(path);
  } catch {
    // Not Linux, or /proc is hidden.
    return "";
  }
}
