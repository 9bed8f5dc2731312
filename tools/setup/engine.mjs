// @ts-check
import { chmodSync, copyFileSync, readFileSync, realpathSync, symlinkSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ask, findExecutable, isExecutable, run, say, step } from "./commands.mjs";
import { goBuild, goEnvironment, goFloor } from "./go-build.mjs";
import { commandFailed } from "./messages.mjs";
import { cached, cacheFolder, makeFolder, provide } from "./sources.mjs";
import { ENGINE_FLOOR, ENGINE_VERSION, LANGUAGE_HOST_VERSION, whyNotSuitable } from "./versions.mjs";

const tools = fileURLToPath(new URL("..", import.meta.url));
const engineModule = join(tools, "engine");
const hostModule = join(tools, "language-host");
const VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";

const INSTALL_TIMEOUT_MS = 900_000;

/**
 * The Pulumi engine with its Node.js parts.
 * @param {{node: string, root: string}} checkout
 */
export function provideEngine({ node, root }) {
  const official = cached(`pulumi-${sdkVersion(root)}-official`);
  const built = cached(`pulumi-${ENGINE_VERSION}-built`);
  return provide({
    what: "The Pulumi engine",
    lock: "pulumi.lock",
    there: [
      { name: "`pulumi` on PATH", get: onPath },
      { name: `set up earlier (${cacheFolder()})`, get: () => inCache([official, built]) },
    ],
    make: [
      { name: "the official installer", get: () => makeFolder(official, (draft) => install(node, draft)) },
      { name: "a build with Go", get: () => makeFolder(built, build) },
    ],
    ways: [
      `install Pulumi ${ENGINE_FLOOR} or newer (https://www.pulumi.com/docs/install/) and put it on PATH`,
      "let this machine reach get.pulumi.com (behind a proxy: set HTTPS_PROXY)",
      `install Go ${goFloor(engineModule)} or newer (https://go.dev/dl/); it needs a Go module proxy (GOPROXY), and 4 GB of disk`,
      `set PULUMI_VAST_CACHE to a folder that holds a ${built.slice(cacheFolder().length + 1)} made on another machine`,
    ],
  });
}

function onPath() {
  const pulumi = findExecutable("pulumi");
  if (!pulumi) return { why: "there is none" };
  const why = whyNot(pulumi);
  return why ? { why } : { bin: undefined };
}

/** @param {string[]} folders */
function inCache(folders) {
  const bin = folders.map((folder) => join(folder, "bin")).find((folder) => isExecutable(join(folder, "pulumi")));
  return bin ? { bin } : { why: "nothing" };
}

/**
 * @param {string} pulumi
 * @param {string} [path]
 */
function whyNot(pulumi, path = process.env.PATH) {
  const version = ask(pulumi, ["version"], { env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" } });
  if (!version) return commandFailed(`${pulumi} version`, "no answer", []);
  // The engine looks for its parts on PATH, then beside its own executable.
  const places = `${path ?? ""}${delimiter}${dirname(realpathSync(pulumi))}`;
  const host = findExecutable("pulumi-language-nodejs", places);
  return whyNotSuitable({
    version,
    host: host !== undefined,
    hostVersion: host && ask(host, ["-version"]),
    dynamicShim: findExecutable("pulumi-resource-pulumi-nodejs", places) !== undefined,
    policyShim: findExecutable("pulumi-analyzer-policy", places) !== undefined,
  });
}

/** @param {string} root */
function sdkVersion(root) {
  return JSON.parse(readFileSync(join(root, "node_modules/@pulumi/pulumi/package.json"), "utf8")).version;
}

/**
 * The vendor's installer brings the engine of the SDK's own version.
 * @param {string} node
 * @param {string} draft
 */
async function install(node, draft) {
  const script = join(tools, "setup/official-engine.mjs");
  // Node's fetch heeds HTTPS_PROXY only when told to.
  const env = { ...process.env, NODE_USE_ENV_PROXY: "1" };
  const unreachable = await run(node, [script, "--probe"], { env });
  const why = unreachable
    ? "get.pulumi.com cannot be reached"
    : await step("Pulumi engine from the official installer", "", async () => {
        const failed = await run(node, [script, draft], { env, timeoutMs: INSTALL_TIMEOUT_MS });
        return failed ?? whyNot(join(draft, "bin/pulumi"), join(draft, "bin"));
      });
  if (why) say(`going on without the official Pulumi engine: ${why}`);
  return why;
}

/** @param {string} draft */
async function build(draft) {
  const go = goEnvironment(engineModule);
  if ("why" in go) return go.why;
  const { env } = go;
  const bin = join(draft, "bin");
  return await step(
    "Pulumi engine built with Go",
    "the first time about 5 minutes and 4 GB in Go's caches",
    async (progress) => {
      const engine = {
        module: engineModule,
        package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        output: join(bin, "pulumi"),
        stamp: `${VERSION_VARIABLE}=v${ENGINE_VERSION}`,
        env,
      };
      const host = {
        module: hostModule,
        package: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
        output: join(bin, "pulumi-language-nodejs"),
        stamp: `${VERSION_VARIABLE}=v${LANGUAGE_HOST_VERSION}`,
        env,
      };
      return (await goBuild(engine, progress)) ?? (await goBuild(host, progress)) ?? addShims(bin, env);
    },
  );
}

/**
 * The shell scripts through which the engine starts dynamic providers and policy packs, as its module ships them.
 * @param {string} bin
 * @param {NodeJS.ProcessEnv} env
 */
function addShims(bin, env) {
  const list = ["list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi/sdk/v3"];
  const sdk = ask("go", list, { cwd: engineModule, env });
  if (!sdk) return commandFailed(`go ${list.join(" ")}`, "no answer", []);
  for (const shim of ["pulumi-resource-pulumi-nodejs", "pulumi-analyzer-policy"]) {
    copyFileSync(join(sdk, "nodejs/dist", shim), join(bin, shim));
    chmodSync(join(bin, shim), 0o755);
  }
  symlinkSync("pulumi-analyzer-policy", join(bin, "pulumi-analyzer-policy-nodejs"));
  return undefined;
}
