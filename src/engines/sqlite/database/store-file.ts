import * as fs from "node:fs";
import { closedError } from "../../../engine/standard-errors.ts";
import { allowsNetworkFilesystem } from "../file/network-filesystem.ts";
import { type CheckedPath, checkStorePath, createStoreFile } from "../file/path-safety.ts";
import { Connection } from "./connection.ts";

/** How long calls go on without looking up what is at the path, in milliseconds. */
const UNLOOKED = 50;

/**
 * A program's handle on the store file at a path: opened when first used, and anew when the file was removed or
 * replaced. Every write looks at the file itself, which shows that; reads and writes look the path up every 50 ms, which
 * shows also that a folder above it was moved.
 */
export class StoreFile {
  readonly path: string;
  /**
   * The file's own name, whatever name the store was opened by, so that all names share the files beside it. As of the last
   * opening; before that the same as `path`.
   */
  realPath: string;
  /** Counts how often another file was found at the path. */
  replaced = 0;
  readonly #networkFilesystem: boolean | undefined;
  #connection: Connection | undefined;
  #lookedAt = 0;
  #isClosed = false;

  constructor(path: string, options: { networkFilesystem?: boolean } = {}) {
    this.path = path;
    this.realPath = path;
    this.#networkFilesystem = options.networkFilesystem;
  }

  /** The connection for a read; `undefined` if nothing was ever set. Creates and changes nothing. */
  toRead(): Connection | undefined {
    const connection = this.#connection;
    if (connection !== undefined) {
      if (this.#isAtPath(connection) && connection.format === "current") return connection;
      this.#drop(connection);
    }
    this.#assertOpen();
    if (!this.#exists()) return undefined;
    return this.#keep(Connection.toRead(this.path, this.#check));
  }

  /** The connection for a write, to the file that is at the path now. Creates, initializes or upgrades it where needed. */
  toWrite(): Connection {
    const connection = this.#connection;
    if (connection !== undefined) {
      if (this.#isAtPath(connection) && connection.identity.isCurrent() && connection.format === "current")
        return connection;
      this.#drop(connection);
    }
    this.#assertOpen();
    let checked = this.#check();
    if (checked.stat === undefined) {
      createStoreFile(this.path, checked.realPath);
      checked = this.#check();
    }
    return this.#keep(Connection.toWrite(this.path, this.#check, checked));
  }

  /** Whether the file that is open is still at the path. */
  isThere(): boolean {
    try {
      return this.#connection?.identity.isAtPath() ?? false;
    } catch {
      // It got a second name, or cannot be looked at: then nothing may be written to it.
      return false;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#connection?.close();
    this.#connection = undefined;
  }

  readonly #check = (): CheckedPath =>
    checkStorePath(this.path, { networkFilesystem: this.#networkFilesystem ?? allowsNetworkFilesystem() });

  #keep<T extends Connection | undefined>(connection: T): T {
    this.#connection = connection;
    this.#lookedAt = Date.now();
    if (connection !== undefined) this.realPath = connection.identity.realPath;
    return connection;
  }

  /** Whether the path led to the file when last it was looked up. */
  #isAtPath(connection: Connection): boolean {
    const now = Date.now();
    // The clock may be set back: then look, rather than trust it for long.
    if (now - this.#lookedAt < UNLOOKED && now >= this.#lookedAt) return true;
    const isAtPath = connection.identity.isAtPath();
    this.#lookedAt = now;
    return isAtPath;
  }

  #drop(connection: Connection): void {
    if (connection.format === "current") this.replaced++;
    this.#connection = undefined;
    connection.close();
  }

  #exists(): boolean {
    const stat = fs.statSync(this.path, { throwIfNoEntry: false });
    return stat !== undefined && stat.size > 0;
  }

  #assertOpen(): void {
    if (this.#isClosed) throw closedError("store", this.path);
  }
}
