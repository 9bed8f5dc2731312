import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import { REPOSITORY } from "../../tools/stack.ts";
import { openStack, POLICIES } from "../support/policy-stack.ts";
import { atMost, conclude, machine, percentile, table, tenths } from "./figures.ts";

interface Options {
  runs: number;
  json?: string;
}

/** Previews of the program's scenario "many instances". */
const INSTANCES = 200;
const MAX_START_S = 2;
const MAX_RATIO = 1.3;
/** What Pulumi itself takes for any pack: its start, and two calls for each resource. */
const EMPTY_PACK = join(REPOSITORY, "test/fixtures/empty-pack");

/** Start-up of the packs, and what they add to a preview: with, without and with an empty one in turn, on the same machine. */
export async function policies({ runs, json }: Options): Promise<void> {
  await using stack = await openStack("many instances", { policies: { "max-instances": { most: INSTANCES } } });
  const seconds = { start: [] as number[], without: [] as number[], empty: [] as number[], with: [] as number[] };
  for (let run = 0; run < runs; run++) {
    seconds.start.push(await timed(startPack));
    seconds.without.push(await timed(() => preview(stack.withoutPacks)));
    seconds.empty.push(await timed(() => preview(stack.withoutPacks, "--policy-pack", EMPTY_PACK)));
    seconds.with.push(await timed(() => preview(stack.pulumi)));
  }
  const median = (all: readonly number[]) =>
    percentile(
      all.toSorted((a, b) => a - b),
      0.5,
    );
  const figures = {
    start: median(seconds.start),
    without: median(seconds.without),
    empty: median(seconds.empty),
    with: median(seconds.with),
  };
  table(
    ["median of", "s", "all runs, s"],
    Object.entries(seconds).map(([name, all]) => [name, tenths(median(all)), all.map(tenths).join(" ")]),
  );
  console.log(
    `An empty pack: ${ratio(figures.empty, figures.without)} × a preview without; all rules: ${ratio(figures.with, figures.empty)} × that.`,
  );
  conclude(
    { machine: machine(), instances: INSTANCES, seconds, figures },
    [
      atMost("start-up of all packs, s", ratio(figures.start, 1), MAX_START_S),
      atMost("preview with packs ÷ without", ratio(figures.with, figures.without), MAX_RATIO),
    ],
    json,
  );
}

function ratio(a: number, b: number): number {
  return Math.round((a / b) * 100) / 100;
}

async function timed(action: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await action();
  return (performance.now() - start) / 1000;
}

/** As the engine starts it, until it says which port it listens at. */
async function startPack(): Promise<void> {
  const pack = execa("pulumi-analyzer-policy", ["127.0.0.1:1", "."], {
    cwd: POLICIES,
    stdin: "ignore",
    reject: false,
    // The shim is a shell script: what it starts ends with its group.
    detached: true,
  });
  const [port] = await once(createInterface(pack.stdout), "line");
  if (pack.pid !== undefined) process.kill(-pack.pid, "SIGKILL");
  if (!/^\d+$/.test(String(port))) throw new Error(`the pack did not start: ${port}`);
}

async function preview(
  pulumi: (...args: string[]) => Promise<{ exitCode: number | undefined; all: string }>,
  ...args: string[]
): Promise<void> {
  const { exitCode, all } = await pulumi("preview", ...args);
  if (exitCode !== 0 || !all.includes(`+ ${INSTANCES + 1} to create`)) throw new Error(all);
}
