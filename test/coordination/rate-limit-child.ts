import { RateLimit } from "../../src/coordination/rate-limit.ts";
import { participate } from "../fixtures/participant.ts";

/* Takes as many as it can get, with and without waiting, until a time; tells when each was asked for and when it was granted. */
const [file, limit, per, milliseconds] = process.argv.slice(2) as [string, string, string, string];

const participant = await participate(file);
const rate = new RateLimit(participant, "calls", { limit: Number(limit), per: Number(per) });
const end = Date.now() + Number(milliseconds);
const grants: [from: number, to: number][] = [];
for (let i = 0; Date.now() < end; i++) {
  const from = Date.now();
  const { granted } = await (i % 4 === 0 ? rate.take() : rate.tryTake());
  // The grant came somewhere in the last try of a take(), which may have waited long: only the end of it is known.
  if (granted) grants.push([i % 4 === 0 ? Number.NaN : from, Date.now()]);
}
process.send?.(grants);
await participant.engine.close();
process.disconnect?.();
