import { Command } from "commander";
import { execa } from "execa";
import { connectionKey, type Deployment } from "./stack.ts";

/**
 * Shows the key that the first `up` has made for the Vast cloud connection. Stack outputs have it only after a complete
 * `up`, and the first one stops at the very step that needs it.
 */
const options = new Command("npm run -s connection-key --")
  .description("show the access key that the stack made for its Vast cloud connection, secret included")
  .option("--stack <name>", "stack, default: the selected one")
  .parse()
  .opts<{ stack?: string }>();

const exported = await execa(
  "pulumi",
  ["stack", "export", "--show-secrets", ...(options.stack ? ["--stack", options.stack] : [])],
  { reject: false },
);
if (exported.exitCode !== 0) {
  console.error(exported.stderr);
  process.exit(1);
}
try {
  console.log(JSON.stringify(connectionKey(JSON.parse(exported.stdout) as Deployment), null, 2));
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
