#!/usr/bin/env node
import { Command, InvalidArgumentError, Option } from "commander";
import { startSimulator } from "./server.ts";

interface Flags {
  port: number;
  adminPort: number;
  adminToken?: string;
  apiKey: string;
  seed: string;
  speed: number;
  offers: number;
  credit: number;
  data?: string;
  log?: string;
  paused?: boolean;
  startAt?: number;
  bootFactor: number;
  ssh?: boolean;
  rateLimits: boolean;
  listBursts?: boolean;
  market: "calm" | "live";
}

const PARENT_WATCH_MS = 250;

const program = new Command("vast-simulator")
  .description("A local Vast.ai: marketplace, instances, volumes, copies and bills, on a virtual clock.")
  .addOption(new Option("--api-key <key>", "API key of the first account").env("VAST_API_KEY").makeOptionMandatory())
  .option("--port <port>", "port of the API; 0 takes a free one", portNumber, 0)
  .option("--admin-port <port>", "port of the admin API; 0 takes a free one", portNumber, 0)
  .option("--admin-token <token>", "token of the admin API; made up when left out")
  .option("--seed <seed>", "what all chance follows from", "1")
  .option("--speed <factor>", "virtual seconds per real second", positive, 1)
  .option("--paused", "start with the clock standing still")
  .option("--start-at <epoch>", "virtual time of the start, in epoch seconds; default: now", positive)
  .option("--offers <count>", "offers on the market", positive, 600)
  .option("--credit <usd>", "credit of the first account", positive, 1000)
  .option("--boot-factor <factor>", "divide pull and boot times by this", positive, 1)
  .addOption(
    new Option("--market <mood>", "live: other renters, moving prices, failing hosts; calm: none of it")
      .choices(["calm", "live"])
      .default("calm"),
  )
  .option("--no-rate-limits", "answer calls however fast they follow each other")
  .option("--list-bursts", "let a client fetch all pages of one instance listing without pause")
  .option("--no-ssh", "do not serve SSH for running instances (on loopback addresses, Linux only)")
  .option("--data <folder>", "keep disks here; default: a temporary folder, removed at the end")
  .option("--log <file>", "write requests and events there as lines of JSON")
  .addHelpText("after", "\nPrints a line of JSON when it is ready; its pageUrl shows everything live in a browser.")
  .showHelpAfterError();

program.parse();

const flags = program.opts<Flags>();

try {
  const simulator = await startSimulator({
    ...flags,
    ssh: flags.ssh ? undefined : false,
    choices: { enforceRateLimits: flags.rateLimits, listBursts: flags.listBursts ?? false },
  });
  // npx passes on a Ctrl-C that the terminal sent here as well: the second one must not cut the first one short.
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    void simulator.close().then(() => process.exit(0));
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop);
  if (process.env.npm_command !== undefined) onParentsEnd(stop);
  const { url, adminUrl, adminToken } = simulator;
  const pageUrl = `${adminUrl}/#${new URLSearchParams({ token: adminToken })}`;
  process.stdout.write(`${JSON.stringify({ url, adminUrl, adminToken, pageUrl })}\n`);
} catch (error) {
  process.stderr.write(`vast-simulator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

/** npx and npm pass a signal to the shell between them and us, which dies of it without a word. */
function onParentsEnd(stop: () => void): void {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    stop();
  }, PARENT_WATCH_MS);
  watch.unref();
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError("expected a number above 0");
  return value;
}

function portNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535) {
    throw new InvalidArgumentError("expected a port between 0 and 65535");
  }
  return value;
}
