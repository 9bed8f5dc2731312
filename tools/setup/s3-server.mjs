// @ts-check
import { fileURLToPath } from "node:url";
import { ask, findExecutable } from "./commands.mjs";
import { goFloor, goServer } from "./go-build.mjs";
import { cached, cacheFolder, makeFolder, provide } from "./sources.mjs";
import { S3_SERVER_VERSION } from "./versions.mjs";

const module = fileURLToPath(new URL("../s3-server", import.meta.url));
const server = goServer({
  module,
  command: "versitygw",
  package: "github.com/versity/versitygw/cmd/versitygw",
  stamp: `main.Version=v${S3_SERVER_VERSION}`,
  what: "S3 server",
  takes: "about a minute",
});

/** The S3 server of tests and demo. */
export function provideS3Server() {
  const built = cached(`versitygw-${S3_SERVER_VERSION}`);
  return provide({
    what: "The S3 server (versitygw)",
    lock: "versitygw.lock",
    there: [
      { name: "`versitygw` on PATH", get: onPath },
      { name: `set up earlier (${cacheFolder()})`, get: () => server.inCache(built) },
    ],
    make: [{ name: "a build with Go", get: () => makeFolder(built, server.build) }],
    ways: [
      `install versitygw ${S3_SERVER_VERSION} (https://github.com/versity/versitygw/releases) and put it on PATH`,
      `install Go ${goFloor(module)} or newer (https://go.dev/dl/); it needs a Go module proxy (GOPROXY)`,
      `set PULUMI_VAST_CACHE to a folder that holds a ${built.slice(cacheFolder().length + 1)} made on another machine`,
    ],
  });
}

function onPath() {
  if (!findExecutable("versitygw")) return { why: "there is none" };
  // Builds made with `go install` do not know their version: ask for the option that is needed.
  if (!ask("versitygw", ["posix", "--help"])?.includes("--versioning-dir"))
    return { why: "it is too old for --versioning-dir" };
  return { bin: undefined };
}
