import { setTimeout as sleep } from "node:timers/promises";
import { Crew } from "../crew.ts";
import type { Operation } from "../operation.ts";
import { latencies, now } from "../timing.ts";

/** Milliseconds between two posts of which the latency is taken. */
const PAUSE = 3;
/** Posts that are under way at once where messages are counted. */
const WINDOW = 64;

export const channelLatency: Operation = {
  name: "channel-latency",
  title: "A message to another process",
  about: "From the call that posts to the callback of a listener in another process.",
  figures: { p50: "µs", p99: "µs" },
  needs: "post",
  reference: "broadcast-channel",
  async run(trial) {
    const { subject, duration } = trial;
    const crew = new Crew(trial, channelLatency);
    try {
      const [listener] = await crew.start("listener", 1);
      const samples: number[] = [];
      for (const end = now() + duration * 2000; now() < end || samples.length < 3; ) {
        await sleep(PAUSE);
        const begun = now();
        await subject.post!("news", `message ${samples.length}`);
        samples.push((await listener!.next<number>()) - begun);
      }
      return latencies(samples.slice(Math.min(20, samples.length >> 1)));
    } finally {
      await crew.dismiss();
    }
  },
  roles: {
    async listener({ subject }, { tell, told }) {
      await subject.listen!("news", (message) => message.startsWith("message ") && tell(now()));
      tell("ready");
      await told();
    },
  },
};

export const channel: Operation = {
  name: "channel",
  title: "Messages a second to another process",
  about: `One process posts, ${WINDOW} messages under way at any time, another listens; until the last has arrived.`,
  figures: { messages: "/s" },
  needs: "post",
  reference: "broadcast-channel",
  async run(trial) {
    const { subject, duration } = trial;
    const crew = new Crew(trial, channel);
    try {
      const [listener] = await crew.start("listener", 1);
      let posted = 0;
      const begun = now();
      const end = begun + duration * 1000;
      const loop = async () => {
        while (now() < end) await subject.post!("news", `message ${posted++}`);
      };
      await Promise.all(Array.from({ length: WINDOW }, loop));
      const arrived = await listener!.ask<number>(posted);
      return { messages: (posted / (arrived - begun)) * 1e6 };
    } finally {
      await crew.dismiss();
    }
  },
  roles: {
    async listener({ subject }, { tell, told }) {
      let count = 0;
      let last = 0;
      let wanted = Number.POSITIVE_INFINITY;
      const look = () => count >= wanted && tell(last);
      await subject.listen!("news", (message) => {
        if (!message.startsWith("message ")) return;
        count++;
        last = now();
        look();
      });
      tell("ready");
      wanted = await told<number>();
      look();
      await told();
    },
  },
};
