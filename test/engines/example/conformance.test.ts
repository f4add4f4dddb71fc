import { engineConformance } from "ipctools/conformance";
import { openMapEngine } from "../../../examples/map-engine/engine.ts";

engineConformance({
  name: "map (the example of an engine)",
  async open() {
    const engine = openMapEngine();
    return { engine, cleanup: () => engine.close() };
  },
});
