import { systemPrefix } from "../common/system-key.ts";

/** How long a message is kept for listeners that are behind, in milliseconds. */
export const RETENTION = 60_000;

/** Where a message lies. A stream is one poster's messages in the order of their numbers, from 1. */
export interface MessageKey {
  readonly stream: string;
  readonly number: number;
  /** When it was posted, in milliseconds since the epoch by the poster's clock. */
  readonly at: number;
}

export function channelPrefix(name: string): string {
  return systemPrefix("channel", name);
}

export function messageKey(prefix: string, { stream, number, at }: MessageKey): string {
  return `${prefix}${stream}/${number}/${at}`;
}

export function parseMessageKey(prefix: string, key: string): MessageKey {
  const [stream, number, at] = key.slice(prefix.length).split("/") as [string, string, string];
  return { stream, number: Number(number), at: Number(at) };
}
