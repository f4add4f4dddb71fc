/** What a process of the demo tells. */
export type Told =
  | { readonly type: "ready" | "standing" }
  | { readonly type: "created"; readonly created: boolean; readonly chosen: string }
  | { readonly type: "counted"; readonly count: number }
  /** `at`: milliseconds since the epoch. */
  | { readonly type: "won"; readonly token: number; readonly at: number };
