import { readFileSync } from "node:fs";
import { execa } from "execa";
import { expect, test } from "vitest";
import { REPOSITORY } from "../../tools/stack.ts";
import { living, ok, openScene, REQUESTS_OF_RENTALS, rentals, until } from "./harness.ts";

/** Dynamic provider processes of one scene, told by the engine home in their environment. */
async function providerProcesses(dir: string): Promise<string[]> {
  const { stdout } = await execa("pgrep", ["-f", "cmd/dynamic-provider/index.js"], { reject: false });
  return stdout.split("\n").filter((pid) => pid !== "" && environmentOf(pid).includes(dir));
}

function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8");
  } catch {
    return "";
  }
}

test.each([1, 2])(
  "an engine killed in the middle of a create leaves one contract per resource after cancel and up (seed %i)",
  async (seed) => {
    await using scene = await openScene({ trainer: { profile: "self-play", workers: 2 } }, { seed });
    const { stack, local } = scene;
    await stack.pulumi(["up", "--yes", "--skip-preview"]);
    await stack.connectInConsole();

    // The engine dies at the first accepted rental; its provider process lives on.
    const engine = execa(
      "pulumi",
      ["up", "--yes", "--skip-preview", "--stack", stack.name, "--config-file", stack.configFile],
      {
        cwd: REPOSITORY,
        env: stack.env,
        reject: false,
        detached: true,
        stdin: "ignore",
      },
    );
    await until(async () => (await rentals(local)).length > 0);
    engine.kill("SIGKILL");
    await engine;
    expect((await rentals(local)).length, REQUESTS_OF_RENTALS).toBeGreaterThan(0);

    // Its provider process notices and ends, instead of burning a core for ever.
    await until(async () => (await providerProcesses(scene.dir)).length === 0);
    await ok(stack, ["cancel", "--yes"]);
    await ok(stack, ["up", "--yes", "--skip-preview"]);
    const marks = (await living(scene)).map(
      (instance) => instance.env.find(([name]) => name === "PULUMI_VAST_MARK")?.[1],
    );
    expect(marks).toHaveLength(2);
    expect(new Set(marks).size).toBe(2);
    await ok(stack, ["destroy", "--yes", "--skip-preview"]);
    expect(await living(scene)).toEqual([]);
  },
);
