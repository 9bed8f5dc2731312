// Plain JavaScript, so that an old Node gets a sentence instead of "unknown file extension".
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  const error = new Error(
    `pulumi-vast needs Node.js 22.19 or newer on PATH; this is ${process.versions.node}. Install it, or put this project's own first: export PATH="$PWD/node_modules/.bin:$PATH"`,
  );
  error.stack = error.message;
  throw error;
}

export const { configure, instance, volume, cloudSyncTarget } = await import("./handlers.ts");
