// @ts-check
import { aptInstall, aptSystem, thisMachine } from "./apt.mjs";
import { findExecutable } from "./commands.mjs";
import { provide } from "./sources.mjs";

/**
 * The rsync and ssh programs for the tests of copies with a local disk, installed where there are none and it may be.
 * @param {NodeJS.ProcessEnv} [env]
 */
export async function provideRsync(env = process.env) {
  await provide({
    what: "rsync with ssh",
    lock: "rsync.lock",
    there: [{ name: "rsync and ssh on PATH", get: () => onPath(env.PATH) }],
    make: [{ name: "Debian's packages", get: () => install(env) }],
    ways: [
      "install rsync and an OpenSSH client",
      "run the tests as root on Debian or Ubuntu: they install the packages by themselves",
    ],
  });
}

/** @param {string | undefined} path */
function onPath(path) {
  const missing = ["rsync", "ssh"].filter((name) => !findExecutable(name, path));
  return missing.length === 0 ? { bin: undefined } : { why: `there is no ${missing.join(" and no ")}` };
}

/** @param {NodeJS.ProcessEnv} env */
async function install(env) {
  const may = aptSystem(thisMachine());
  if ("why" in may) return may;
  const why = await aptInstall(["rsync", "openssh-client"], { what: "rsync", hint: "some seconds", env });
  return why ? { why } : onPath(env.PATH);
}
