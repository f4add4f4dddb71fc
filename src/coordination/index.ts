export type { Participant } from "./common/participant.ts";
