import { load, type Peer } from "../peer.ts";

interface Channel {
  postMessage(message: string): Promise<void>;
  addEventListener(type: "message", called: (message: string) => void): void;
  close(): Promise<void>;
}
interface Package {
  BroadcastChannel: new (name: string, options: object) => Channel;
  createLeaderElection(channel: Channel): { awaitLeadership(): Promise<void> };
}

/**
 * The package that carries `BroadcastChannel` and a leader election across Node processes. Where there are `navigator.locks`
 * (Node 24 and newer) its election uses those, which reach no other process there: every process leads. Its own
 * algorithm is what is measured.
 */
export const broadcastChannel: Peer = {
  name: "broadcast-channel",
  title: "broadcast-channel (its own election)",
  packages: ["broadcast-channel"],
  does: ["elect", "listen", "post"],
  async open({ folder }) {
    Object.defineProperty(navigator, "locks", { value: undefined });
    const { BroadcastChannel, createLeaderElection } = await load<Package>("broadcast-channel");
    const channels = new Map<string, Channel>();
    const open = (name: string) => {
      let channel = channels.get(name);
      if (channel === undefined) {
        // Its files are in a folder of its own for each name: the trial's own name keeps trials apart.
        channel = new BroadcastChannel(`${folder.replaceAll("/", "-")}-${name}`, { webWorkerSupport: false });
        channels.set(name, channel);
      }
      return channel;
    };
    return {
      elect: (name) => createLeaderElection(open(name)).awaitLeadership(),
      async listen(name, called) {
        open(name).addEventListener("message", called);
        await open(name).postMessage("on");
      },
      post: (name, message) => open(name).postMessage(message),
      close: async () => void (await Promise.all([...channels.values()].map((channel) => channel.close()))),
    };
  },
};
