import * as fs from "node:fs";
import * as path from "node:path";
import { StoreError } from "../../../errors.ts";

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
      "If all its programs run on this machine, IPCTOOLS_NETWORK_FILESYSTEM=1 lets it through",
  );
}
