"use strict";
// What every state records as its provider is `require("pulumi-vast/doors").<type>`: the names in this file stay for ever.
// CommonJS, because the dynamic host loads providers with require; plain JavaScript, so that an old Node gets a sentence
// instead of "unknown file extension".

const { homedir } = require("node:os");
const { join } = require("node:path");
const modules = require("node:module");

const METHODS = ["configure", "check", "diff", "create", "read", "update", "delete"];

function assertNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 19)) return;
  const error = new Error(
    `pulumi-vast needs Node.js 22.19 or newer on PATH; this is ${process.versions.node}. Install it, or put this project's own first: export PATH="$PWD/node_modules/.bin:$PATH"`,
  );
  // The host prints error and stack: the sentence is enough.
  error.stack = error.message;
  throw error;
}

let opened;

/**
 * Every engine run is a new process: compiled once and kept, our modules load in a third of the time. The folder is this
 * host's own: Pulumi's runners of programs and policies set a flag of V8 that this one does not, and what is compiled with
 * it is refused without it. In a folder of all three (NODE_COMPILE_CACHE) each would compile anew what the other wrote.
 */
function openHandlers() {
  if (opened) return opened;
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "pulumi-vast", "compiled", "provider");
  const { status } = modules.enableCompileCache(cache);
  opened = import("./handlers.ts");
  if (status !== modules.constants.compileCacheStatus.ENABLED) return opened;
  // The engine ends this process with a signal, which leaves no time to write it at the end.
  opened.then(
    () => modules.flushCompileCache(),
    () => {},
  );
  return opened;
}

function doorsOf(type) {
  const open =
    (method) =>
    async (...args) => {
      assertNode();
      const handlers = await openHandlers();
      return method === "configure" ? handlers.configure(...args) : handlers[type][method](...args);
    };
  return Object.fromEntries(METHODS.map((method) => [method, open(method)]));
}

module.exports = {
  instance: doorsOf("instance"),
  volume: doorsOf("volume"),
  cloudSyncTarget: doorsOf("cloudSyncTarget"),
};
