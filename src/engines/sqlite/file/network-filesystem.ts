import * as fs from "node:fs";
import * as path from "node:path";
import { invalidValue, StoreError } from "../../../errors.ts";

const VARIABLE = "IPCTOOLS_NETWORK_FILESYSTEM";

/** What a file system is called whose files several machines share: SQLite's WAL needs the memory of one. */
const NETWORK_FILESYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB2"],
  [0x01021997, "9P"],
  [0x5346414f, "AFS"],
  [0x73757245, "Coda"],
  [0x00c36400, "Ceph"],
  [0x0bd00bd0, "Lustre"],
]);

/** The name of the network file system with that `statfs` type, or `undefined` if it is none. */
export function networkFilesystem(type: number): string | undefined {
  return NETWORK_FILESYSTEMS.get(type >>> 0);
}

/** What `IPCTOOLS_NETWORK_FILESYSTEM` says now: whether such a file system is let through. Throws a `TypeError` for anything but yes or no. */
export function allowsNetworkFilesystem(): boolean {
  const value = process.env[VARIABLE] ?? "";
  if (/^(1|true|yes|on)$/i.test(value)) return true;
  if (/^(0|false|no|off)?$/i.test(value)) return false;
  throw invalidValue(VARIABLE, "1, true, yes or on; or 0, false, no, off or empty", value);
}

/** Throws `ERR_STORE_NETWORK_FILESYSTEM` if the file is, or would be, on such a file system. */
export function checkFilesystem(file: string): void {
  if (process.platform === "win32" && /^[\\/]{2}[^.?]/.test(path.resolve(file)))
    throw onNetwork(file, "a network share");
  if (process.platform !== "linux") return;
  let type: number;
  try {
    type = fs.statfsSync(fs.lstatSync(file, { throwIfNoEntry: false }) === undefined ? path.dirname(file) : file).type;
  } catch {
    return; // Opening it says what is wrong.
  }
  const name = networkFilesystem(type);
  if (name !== undefined) throw onNetwork(file, name);
}

function onNetwork(file: string, name: string): StoreError {
  return new StoreError(
    "ERR_STORE_NETWORK_FILESYSTEM",
    `the store ${file} is on a network file system (${name}), and its programs must share the memory of one machine. ` +
      "Set IPCTOOLS_STORE to a path on a local disk; for several machines use etcd:// or redis://. " +
      `If all its programs run on this machine, ${VARIABLE}=1 lets it through`,
  );
}
