// Plain JavaScript, so that an old Node gets a sentence instead of "unknown file extension .ts".
import { RunError } from "@pulumi/pulumi/errors.js";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  throw new RunError(
    `this program needs Node.js 22.19 or newer on PATH; this is ${process.versions.node}. Install it, or use the project's own: export PATH="$PWD/node_modules/.bin:$PATH"`,
  );
}

const { default: program } = await import("./index.ts");
export default program;
