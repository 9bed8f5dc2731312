import { setTimeout as pause } from "node:timers/promises";
import { drawsOf } from "./draws.ts";
import { type Latency, latencyOf, tenths } from "./figures.ts";
import { must } from "./http.ts";
import type { SimulatorProcess } from "./simulator-process.ts";

const CALLERS = 4;
const OFFERS_PER_SEARCH = 2000;
const IMAGES = ["nvidia/cuda:12.2.0-base-ubuntu22.04", "ubuntu:22.04", "pytorch/pytorch", "alpine"];
/** One in so many is created stopped, and one in so many on a bid. */
const STOPPED_EVERY = 7;
const BID_EVERY = 5;
const BOOT_DEADLINE_MS = 120_000;

interface Offer {
  id: number;
  min_bid: number;
}

/** Rents instances through the public API, each on an offer of its own, and waits until those that boot have booted. */
export async function populate(
  simulator: SimulatorProcess,
  count: number,
): Promise<{ creates: Latency; cpuMs: number }> {
  const started = await simulator.usage(false);
  const samples: number[] = [];
  let offers: Offer[] = [];
  let rented = 0;
  while (rented < count) {
    const before = rented;
    offers = await findOffers(simulator);
    const caller = async (): Promise<void> => {
      while (rented < count) {
        const offer = offers.pop();
        if (!offer) return;
        rented += 1;
        const { status, ms } = await simulator.api.call("PUT", `/api/v0/asks/${offer.id}/`, request(rented - 1, offer));
        samples.push(ms);
        // Somebody else may have been quicker, or the machine's disk is full.
        if (status !== 200) rented -= 1;
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
    if (rented === before) throw new Error(`only ${rented} of ${count} instances could be rented: too few offers`);
  }
  await booted(simulator);
  const ended = await simulator.usage(false);
  return { creates: latencyOf(samples), cpuMs: tenths((ended.cpuMs - started.cpuMs) / samples.length) };
}

async function findOffers(simulator: SimulatorProcess): Promise<Offer[]> {
  const query = {
    num_gpus: { eq: 1 },
    verified: {},
    disk_space: { gte: 24 },
    limit: OFFERS_PER_SEARCH,
    order: [["id", "asc"]],
  };
  const { offers } = await must(simulator.api, "POST", "/api/v0/bundles/", query);
  return offers.reverse();
}

function request(index: number, offer: Offer): Record<string, unknown> {
  const draws = drawsOf(`instance ${index}`);
  return {
    image: draws.pick(IMAGES),
    disk: draws.integer(8, 24),
    label: `worker-${index}`,
    runtype: draws.pick(["ssh_direct", "ssh_proxy", "args"]),
    env: { "-p 8000:8000": "1", JOB: `job-${index % 40}`, RANK: String(index) },
    onstart: "cd /workspace && ./start.sh",
    ...(index % BID_EVERY === 0 ? { price: offer.min_bid * 1.1 } : {}),
    ...(index % STOPPED_EVERY === 0 ? { target_state: "stopped" } : {}),
  };
}

async function booted(simulator: SimulatorProcess): Promise<void> {
  const deadline = Date.now() + BOOT_DEADLINE_MS;
  for (let last = -1; ; ) {
    const { counts } = await must(simulator.admin, "GET", "/admin/state");
    if (counts.running === last && counts.running > 0) return;
    if (Date.now() > deadline) throw new Error(`instances still boot after ${BOOT_DEADLINE_MS / 1000} s`);
    last = counts.running;
    await pause(1000);
  }
}
