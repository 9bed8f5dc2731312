import { type Draws, drawsOf } from "./draws.ts";
import { atMost, conclude, type Latency, latencyOf, machine, mib, table, tenths } from "./figures.ts";
import { type Client, must } from "./http.ts";
import { populate } from "./populate.ts";
import type { Usage } from "./probe.ts";
import { type SimulatorProcess, startSimulatorProcess } from "./simulator-process.ts";

export interface LoadOptions {
  instances: number;
  offers: number;
  calls: number;
  callers: number;
  json?: string;
}

const P99_LIMIT_MS = 50;

interface Phase {
  name: string;
  /** Whether the issue sets a limit for it. */
  limited: boolean;
  next: (draws: Draws) => { method: string; path: string; body?: unknown };
}

interface Measured extends Latency {
  name: string;
  limited: boolean;
  /** Processor time of the simulator per call: what does not depend on who else uses the machine. */
  cpuMs: number;
  kib: number;
}

export async function load(options: LoadOptions): Promise<void> {
  const before = machine();
  await using simulator = await startSimulatorProcess({
    "--offers": options.offers,
    "--market": "live",
    "--credit": 1e9,
    "--boot-factor": 100,
    "--speed": 60,
    "--no-rate-limits": true,
  });
  const empty = await simulator.usage(true);
  const filled = await populate(simulator, options.instances);
  // From here on time runs as it does for everybody: what is measured are the calls.
  await must(simulator.admin, "POST", "/admin/clock", { speed: 1 });
  const full = await simulator.usage(true);

  const measured: Measured[] = [
    { ...filled.creates, name: "create (while filling)", limited: false, cpuMs: filled.cpuMs, kib: 0 },
  ];
  measured.push(await walk(simulator, options.calls));
  for (const phase of await phases(simulator.api)) measured.push(await measure(simulator, phase, options));
  const after = await simulator.usage(true);
  const { counts } = await must(simulator.admin, "GET", "/admin/state");
  const loads = [before.load1, machine().load1];
  report({ counts, measured, empty, full, after, loads }, options);
}

/** Whole lists, page after page by their tokens. */
async function walk(simulator: SimulatorProcess, calls: number): Promise<Measured> {
  const started = await simulator.usage(false);
  const samples: number[] = [];
  let bytes = 0;
  let token: string | null = null;
  while (samples.length < calls) {
    const query = token === null ? "" : `?after_token=${encodeURIComponent(token)}`;
    const answer = await simulator.api.call("GET", `/api/v1/instances/${query}`);
    if (answer.status !== 200) throw new Error(`a list page answered ${answer.status}`);
    samples.push(answer.ms);
    bytes += answer.bytes;
    token = answer.body.next_token;
  }
  return summary("list, page by page", true, samples, bytes, started, await simulator.usage(false));
}

/** Several callers at once, each with its next call as soon as the last is answered. */
async function measure(simulator: SimulatorProcess, phase: Phase, options: LoadOptions): Promise<Measured> {
  const draws = drawsOf(phase.name);
  const started = await simulator.usage(false);
  const samples: number[] = [];
  let bytes = 0;
  let left = options.calls;
  const caller = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const { method, path, body } = phase.next(draws);
      const answer = await simulator.api.call(method, path, body);
      if (answer.status !== 200) throw new Error(`${method} ${path} answered ${answer.status}`);
      samples.push(answer.ms);
      bytes += answer.bytes;
    }
  };
  await Promise.all(Array.from({ length: options.callers }, caller));
  return summary(phase.name, phase.limited, samples, bytes, started, await simulator.usage(false));
}

function summary(name: string, limited: boolean, samples: number[], bytes: number, from: Usage, to: Usage): Measured {
  const cpuMs = tenths((to.cpuMs - from.cpuMs) / samples.length);
  return { name, limited, ...latencyOf(samples), cpuMs, kib: tenths(bytes / samples.length / 1024) };
}

async function phases(api: Client): Promise<Phase[]> {
  const ids: number[] = [];
  let token: string | null = null;
  do {
    const query: string = token === null ? "" : `&after_token=${encodeURIComponent(token)}`;
    const page = await must(api, "GET", `/api/v1/instances/?select_cols=["id"]${query}`);
    for (const row of page.instances) ids.push(row.id);
    token = page.next_token;
  } while (token !== null);
  return [
    {
      name: "list, random filters",
      limited: true,
      next: (draws) => ({ method: "GET", path: filteredPage(draws, ids) }),
    },
    {
      name: "search",
      limited: true,
      next: (draws) => ({ method: "POST", path: "/api/v0/bundles/", body: draws.pick(SEARCHES)(draws) }),
    },
    {
      // Almost no work: what it takes is the machine's and the connection's own share of all the others.
      name: "names of cards",
      limited: false,
      next: () => ({ method: "GET", path: "/api/v0/gpu_names/unique/" }),
    },
    {
      name: "show",
      limited: false,
      next: (draws) => ({ method: "GET", path: `/api/v0/instances/${draws.pick(ids)}/?owner=me` }),
    },
  ];
}

const CARDS = ["RTX 4090", "RTX 3090", "RTX 5090", "A100 SXM4", "H100 SXM", "L40S"];
const ORDERS = ["id", "start_date", "label", "dph_total", "machine_id"];

function filteredPage(draws: Draws, ids: readonly number[]): string {
  const filters: Record<string, unknown>[] = [
    { actual_status: { in: ["running", "loading"] } },
    { label: { eq: `worker-${draws.integer(0, ids.length - 1)}` } },
    { gpu_name: { in: [draws.pick(CARDS), draws.pick(CARDS)] } },
    { id: { gt: draws.pick(ids) } },
    { is_bid: { eq: draws.pick(["true", "false"]) }, intended_status: { eq: "running" } },
    { verification: { eq: "verified" }, disk_space: { gte: 20 } },
  ];
  const query = new URLSearchParams({
    select_filters: JSON.stringify(draws.pick(filters)),
    order_by: JSON.stringify([{ col: draws.pick(ORDERS), dir: draws.pick(["asc", "desc"]) }]),
    limit: String(draws.integer(5, 25)),
  });
  return `/api/v1/instances/?${query}`;
}

/** As the official client, a fleet and a bargain hunter ask. */
const SEARCHES: readonly ((draws: Draws) => Record<string, unknown>)[] = [
  () => ({
    verified: { eq: true },
    external: { eq: false },
    rentable: { eq: true },
    order: [["score", "desc"]],
    type: "on-demand",
  }),
  (draws) => ({
    gpu_name: { eq: draws.pick(CARDS) },
    num_gpus: { eq: draws.pick([1, 2, 4]) },
    reliability2: { gte: 0.98 },
    cuda_max_good: { gte: 12 },
    inet_down: { gte: 100 },
    direct_port_count: { gte: 2 },
    disk_space: { gte: 40 },
    allocated_storage: 40,
    dph_total: { lte: 3 },
    order: [["dph_total", "asc"]],
    limit: 100,
  }),
  (draws) => ({
    type: "bid",
    gpu_name: { in: [draws.pick(CARDS), draws.pick(CARDS)] },
    order: [
      ["min_bid", "asc"],
      ["reliability", "desc"],
    ],
    limit: 50,
  }),
  () => ({
    gpu_ram: { gte: 24_000 },
    datacenter: { eq: true },
    static_ip: { eq: true },
    order: [["dlperf_per_dphtotal", "desc"]],
  }),
  () => ({
    geolocation: { in: ["DE", "FR", "NL", "PL"] },
    verified: {},
    order: [
      ["inet_up", "desc"],
      ["dph_total", "asc"],
    ],
    limit: 200,
  }),
  (draws) => ({ machine_id: { eq: 12_000 + draws.integer(0, 20_000) }, verified: {}, rentable: {} }),
];

interface Outcome {
  counts: Record<string, number>;
  measured: Measured[];
  empty: Usage;
  full: Usage;
  after: Usage;
  loads: number[];
}

function report({ counts, measured, empty, full, after, loads }: Outcome, options: LoadOptions): void {
  const { load1: _, ...host } = machine();
  console.log(
    `${counts.instances} instances (${counts.running} running), ${counts.offers} offers on ${counts.machines} machines; ` +
      `${options.callers} callers at once; ${host.cores} cores, load ${loads.join(" before, ")} after, Node ${host.node}`,
  );
  table(
    ["calls", "n", "p50 ms", "p90 ms", "p99 ms", "max ms", "CPU ms each", "KiB each"],
    measured.map((m) => [m.name, m.calls, m.p50Ms, m.p90Ms, m.p99Ms, m.maxMs, m.cpuMs, m.kib]),
  );
  const memory = { "offers only": empty, "with instances": full, "after the calls": after };
  table(
    ["memory", "rss MiB", "heap MiB", "outside the heap MiB"],
    Object.entries(memory).map(([when, u]) => [when, mib(u.rssBytes), mib(u.heapBytes), mib(u.externalBytes)]),
  );
  const targets = measured
    .filter(({ limited }) => limited)
    .map((m) => atMost(`${m.name}: p99 ms`, m.p99Ms, P99_LIMIT_MS));
  conclude(
    { bench: "simulator", host: { ...host, loads }, counts, callers: options.callers, measured, memory },
    targets,
    options.json,
  );
}
