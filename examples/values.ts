// Values that processes share: what one sets, another gets. No server, no set-up.
import { fork } from "node:child_process";
import { once } from "node:events";
import { store } from "ipctools";

if (process.argv[2] === "child") {
  console.log("the child reads:", store.getValue("greeting"));
  store.setValue("answer", "hello, parent");
} else {
  store.setValue("greeting", "hello, child");
  await once(fork(import.meta.filename, ["child"]), "exit");
  console.log("the parent reads:", store.getValue("answer"));
}

// Prints:
//   the child reads: hello, child
//   the parent reads: hello, parent
