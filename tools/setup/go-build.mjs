// @ts-check
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ask, findExecutable, isExecutable, run, step } from "./commands.mjs";
import { goToolchain } from "./versions.mjs";

/**
 * The Go version that a module folder asks for.
 * @param {string} module
 */
export function goFloor(module) {
  return /^go (\S+)$/m.exec(readFileSync(join(module, "go.mod"), "utf8"))?.[1] ?? "1.21";
}

/**
 * The environment for Go commands in a module folder, or why there is none.
 * @param {string} module
 * @returns {{env: NodeJS.ProcessEnv} | {why: string}}
 */
export function goEnvironment(module) {
  if (!findExecutable("go")) return { why: "there is no Go on PATH" };
  const env = { ...process.env, GOTOOLCHAIN: "local" };
  const installed = ask("go", ["version"], { env });
  const toolchain = goToolchain(installed ?? "", goFloor(module));
  if (!toolchain)
    return { why: `${installed ?? "`go version` fails, and it"} is too old: ${goFloor(module)} is needed` };
  return {
    env: {
      ...env,
      GOTOOLCHAIN: toolchain,
      // The committed go.sum decides what is built, whatever the user's own settings and workspaces say.
      GOFLAGS: "-mod=readonly",
      GOWORK: "off",
      // Static executables: no C compiler needed, and the cache folder can be carried to another machine.
      CGO_ENABLED: "0",
    },
  };
}

/**
 * Builds one executable. Resolves to what went wrong, or undefined.
 * @param {{module: string, package: string, output: string, stamp: string, env: NodeJS.ProcessEnv}} build
 *   `stamp` sets a version variable, as the linker's -X wants it
 * @param {{detail: string}} progress
 */
export function goBuild({ module, package: name, output, stamp, env }, progress) {
  let downloaded = 0;
  let compiled = 0;
  const args = ["build", "-v", "-trimpath", "-buildvcs=false", "-ldflags", `-s -w -X ${stamp}`, "-o", output, name];
  return run("go", args, {
    cwd: module,
    env,
    isProgress: (line) => {
      const isDownload = line.startsWith("go: downloading ");
      const isPackage = !line.includes(" ");
      if (isDownload) downloaded += 1;
      if (isPackage) compiled += 1;
      progress.detail = `${downloaded} modules downloaded, ${compiled} packages compiled`;
      return isDownload || isPackage;
    },
  });
}

/**
 * A server that is built once and kept in the cache.
 * @param {{module: string, command: string, package: string, stamp: string, what: string, takes: string}} server
 *   `what` and `takes` are shown while it is built
 */
export function goServer({ module, command, package: name, stamp, what, takes }) {
  return {
    /** @param {string} folder */
    inCache: (folder) => {
      const bin = join(folder, "bin");
      return isExecutable(join(bin, command)) ? { bin } : { why: "nothing" };
    },
    /** @param {string} draft */
    build: async (draft) => {
      const go = goEnvironment(module);
      if ("why" in go) return go.why;
      const output = join(draft, "bin", command);
      return await step(`${what} built with Go`, `the first time ${takes}`, (progress) =>
        goBuild({ module, package: name, output, stamp, env: go.env }, progress),
      );
    },
  };
}
