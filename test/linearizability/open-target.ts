import { type Fault, plantedTarget } from "./planted.ts";
import type { Target } from "./target.ts";

/** Which store a worker opens. It travels to the worker as JSON. */
export type TargetName = { readonly kind: "planted"; readonly path: string; readonly fault: Fault };

export async function openTarget(name: TargetName): Promise<Target> {
  switch (name.kind) {
    case "planted":
      return plantedTarget(name.path, name.fault);
  }
}
