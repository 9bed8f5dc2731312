import { Command, InvalidArgumentError } from "commander";
import { autoscaleWeek } from "./autoscale.ts";
import { determinism } from "./determinism.ts";
import { fleet } from "./fleet/command.ts";
import { load } from "./load.ts";
import { nights } from "./night.ts";
import { policies } from "./policies.ts";
import { soak } from "./soak.ts";

const program = new Command("npm run bench --").description("figures of the provider and of the simulator");

program
  .command("fleet")
  .description(
    "a fleet's life on the real engine: calls and seconds against the API's own limits, and the engine's cost",
  )
  .option("--instances <n>", "workers of the fleet", whole, 8)
  .option("--speed <n>", "virtual seconds per second", whole, 10)
  .option("--up-speed <n>", "the same for the ups, which take 4.5 virtual seconds a worker; default: as --speed", whole)
  .option("--processes <n>", "more than 1: also that many stacks at once on one key, which share the workers", whole, 1)
  .option("--parallel <n>", "--parallel of the engine; default: all workers at once", whole)
  .option("--seed <n>", "seed of the market", whole, 7)
  .option("--no-copy-out", "leave out the destroy with copy-out, and the second up after it")
  .option("--engine-rounds <n>", "of the comparison with resources that do nothing; medians are taken", whole, 3)
  .option("--no-engine", "leave out the comparison with resources that do nothing")
  .option("--json <file>", "write the figures there")
  .action(fleet);

program
  .command("simulator")
  .description("latency of list pages, searches and shows over HTTP, and memory, under load")
  .option("--instances <n>", "instances that exist", whole, 5000)
  .option("--offers <n>", "offers on the market", whole, 20_000)
  .option("--calls <n>", "calls per kind", whole, 2000)
  .option("--callers <n>", "calls under way at once", whole, 2)
  .option("--json <file>", "write the figures there")
  .action(load);

program
  .command("soak")
  .description("virtual hours of a fleet that comes and goes: heap, errors, and the ledger against the integral")
  .option("--hours <n>", "virtual hours", whole, 24)
  .option("--instances <n>", "instances that the fleet keeps up", whole, 200)
  .option("--speed <n>", "virtual seconds per second", whole, 720)
  .option("--json <file>", "write the figures there")
  .action(soak);

program
  .command("determinism")
  .description("the same seed and the same scripted clients twice, in steps: the event logs have to be identical")
  .option("--days <n>", "virtual days", whole, 7)
  .option("--seed <n>", "seed of both runs", whole, 7)
  .option("--offers <n>", "offers on the market", whole, 900)
  .option("--json <file>", "write the figures there")
  .action(determinism);

program
  .command("autoscale")
  .description("a virtual week of the autoscaler with a bursty queue: size, cost, cooldowns, budgets")
  .option("--seed <n>", "seed of the queue and the market", whole, 7)
  .option("--html <file>", "with a crash now and then: write the report of the week as a page")
  .option("--json <file>", "write the figures there")
  .action(autoscaleWeek);

program
  .command("night")
  .description("8 h of a fleet of four in which everything goes wrong, with the monitor and without it")
  .option("--nights <n>", "seeds, one after the other", whole, 3)
  .option("--seed <n>", "the first one", whole, 1)
  .option("--json <file>", "write the figures there")
  .action(nights);

program
  .command("policies")
  .description("start-up of the policy packs, and a preview of 200 instances with and without them")
  .option("--runs <n>", "runs of each, in turn", whole, 3)
  .option("--json <file>", "write the figures there")
  .action(policies);

await program.parseAsync();

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("expected a whole number above 0");
  return value;
}
