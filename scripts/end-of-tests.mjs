/*
 * No file of tests hangs: if something keeps a test process alive after its last test has reported, it ends with an error that
 * names what that is. (Without it one test that fails before it closes its servers holds up the whole run. A forced exit at once
 * would lose what has not been reported yet.)
 */
import { after } from "node:test";

/** How long a test process may need to end by itself, in milliseconds. */
const GRACE = 15_000;

if (process.env.NODE_TEST_CONTEXT?.startsWith("child")) {
  const late = () => {
    process.stderr.write(`the tests have ended, and ${process.getActiveResourcesInfo().join(", ")} are still open\n`);
    process.exit(1);
  };
  after(() => void setTimeout(late, GRACE).unref());
}
