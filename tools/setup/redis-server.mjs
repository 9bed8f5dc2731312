// @ts-check
import { fileURLToPath } from "node:url";
import { findExecutable } from "./commands.mjs";
import { goFloor, goServer } from "./go-build.mjs";
import { cached, cacheFolder, makeFolder, provide } from "./sources.mjs";
import { REDIS_SERVER_VERSION } from "./versions.mjs";

const module = fileURLToPath(new URL("../redis-server", import.meta.url));
const server = goServer({
  module,
  command: "redis-server",
  package: ".",
  stamp: `main.version=${REDIS_SERVER_VERSION}`,
  what: "Redis server",
  takes: "some seconds",
});

/** What tests of queues in Redis talk to: the real server where there is one, else miniredis. */
export function provideRedisServer() {
  const built = cached(`miniredis-${REDIS_SERVER_VERSION}`);
  return provide({
    what: "The Redis server of the tests",
    lock: "miniredis.lock",
    there: [
      {
        name: "`redis-server` on PATH",
        get: () => (findExecutable("redis-server") ? { bin: undefined } : { why: "there is none" }),
      },
      { name: `set up earlier (${cacheFolder()})`, get: () => server.inCache(built) },
    ],
    make: [{ name: "a build with Go", get: () => makeFolder(built, server.build) }],
    ways: [
      "install Redis 6 or newer (the package redis-server of Debian and Ubuntu, or redis of Homebrew)",
      `install Go ${goFloor(module)} or newer (https://go.dev/dl/); it needs a Go module proxy (GOPROXY)`,
    ],
  });
}
