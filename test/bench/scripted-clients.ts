import { type Draws, drawsOf } from "./draws.ts";
import type { Answer, Client } from "./http.ts";

const HOUR_S = 3600;
const SPOT_WORKERS = 8;
const STEADY_INSTANCES = 5;

/** An instance as a client got to see it; after faults, any part of it may be missing. */
interface Row {
  id: number;
  cur_state?: string;
  actual_status?: string | null;
  machine_id?: number;
  is_bid?: boolean;
}

export type Turn = (now: number) => Promise<void>;

/** What the service answered, or that it did not: a client under faults goes on with either. */
async function ask(client: Client, method: string, path: string, body?: unknown): Promise<Answer> {
  return await client.call(method, path, body).catch(() => ({ status: 0, body: {}, ms: 0, bytes: 0 }));
}

async function instances(client: Client): Promise<Row[]> {
  const { body } = await ask(client, "GET", "/api/v1/instances/");
  return Array.isArray(body?.instances) ? body.instances : [];
}

/** Renews a fleet of interruptible trainers, copies what they wrote out before they go, and raises bids. */
export function spotTrainer(client: Client, connection: number): Turn {
  const draws = drawsOf("spot trainer");
  const copyOff = (id: number) =>
    ask(client, "POST", "/api/v0/commands/rclone/", {
      instance_id: String(id),
      src: "/workspace",
      dst: `/days/runs/${id}`,
      selected: String(connection),
      transfer: "Instance To Cloud",
    });
  return async () => {
    const rows = await instances(client);
    for (const { id, cur_state } of rows) {
      if (cur_state !== "running" && draws.chance(0.5)) await ask(client, "DELETE", `/api/v0/instances/${id}/`);
      else if (draws.chance(0.1)) await copyOff(id);
      else if (draws.chance(0.03)) await ask(client, "PUT", `/api/v0/instances/bid_price/${id}/`, {});
    }
    const query = { type: "bid", num_gpus: { lte: 2 }, order: [["min_bid", "asc"]], limit: 40 };
    const { body } = await ask(client, "POST", "/api/v0/bundles/", query);
    for (let left = SPOT_WORKERS - rows.length; left > 0 && body?.offers?.length > 0; left -= 1) {
      const offer = draws.pick(body.offers as { id: number; min_bid: number }[]);
      const env = { VAST_SIM_WORKLOAD: draws.pick(["training", "oom", "hang"]), VAST_SIM_CHECKPOINT_SECONDS: "3600" };
      const price = Number(offer.min_bid) * 1.1;
      await ask(client, "PUT", `/api/v0/asks/${offer.id}/`, { image: "ubuntu", disk: 10, price, env, label: "spot" });
    }
  };
}

/** Keeps a few on-demand instances and does everything to them that an instance allows; rents volumes, too. */
export function steadyUser(client: Client): Turn {
  const draws = drawsOf("steady user");
  return async (now) => {
    const rows = await instances(client);
    for (const { id } of rows) await draws.pick(HANDLINGS)(client, id, draws, now);
    if (rows.length < STEADY_INSTANCES) {
      const image = draws.pick(["nvidia/cuda:12.8.0-base-ubuntu22.04", "ubuntu", "example/does-not-exist"]);
      const env = { VAST_SIM_WORKLOAD: draws.pick(["self-play", "slow-setup", "disk-full"]), "-p 8000:8000": "1" };
      const body = { q: { num_gpus: { eq: 1 } }, image, disk: draws.integer(8, 30), runtype: "ssh_direct", env };
      await ask(client, "PUT", "/api/v0/launch_instance/", body);
    }
    if (draws.chance(0.05)) await renewVolume(client, draws);
  };
}

type Handling = (client: Client, id: number, draws: Draws, now: number) => Promise<unknown>;

const HANDLINGS: readonly Handling[] = [
  (client, id) => ask(client, "GET", `/api/v0/instances/${id}/?owner=me`),
  (client, id) => ask(client, "PUT", `/api/v0/instances/${id}/`, { state: "stopped" }),
  (client, id) => ask(client, "PUT", `/api/v0/instances/${id}/`, { state: "running" }),
  (client, id) => ask(client, "PUT", `/api/v0/instances/${id}/`, { state: "running" }),
  (client, id, draws) => ask(client, "PUT", `/api/v0/instances/${id}/`, { label: `steady-${draws.hex(4)}` }),
  (client, id) => ask(client, "PUT", `/api/v0/instances/reboot/${id}/`, {}),
  (client, id) => ask(client, "PUT", `/api/v0/instances/recycle/${id}/`, {}),
  (client, id) => ask(client, "PUT", `/api/v0/instances/command/${id}/`, { command: "ls -l /workspace" }),
  (client, id) => ask(client, "PUT", `/api/v0/instances/request_logs/${id}/`, { tail: "100" }),
  (client, id, draws) => (draws.chance(0.3) ? ask(client, "DELETE", `/api/v0/instances/${id}/`) : Promise.resolve()),
  (client, id, _draws, now) =>
    ask(client, "POST", "/api/v0/commands/schedule_job/", {
      start_time: now,
      end_time: now + 12 * HOUR_S,
      api_endpoint: `/api/v0/instances/reboot/${id}/`,
      request_method: "PUT",
      frequency: "HOURLY",
      instance_id: id,
    }),
];

async function renewVolume(client: Client, draws: Draws): Promise<void> {
  const { body } = await ask(client, "GET", "/api/v0/volumes/");
  for (const volume of body?.volumes ?? []) await ask(client, "DELETE", "/api/v0/volumes/", { id: volume.id });
  const found = await ask(client, "POST", "/api/v0/volumes/search/", { disk_space: { gte: 20 }, limit: 10 });
  if (!Array.isArray(found.body?.offers) || found.body.offers.length === 0) return;
  const offer = draws.pick(found.body.offers as { id: number }[]);
  await ask(client, "PUT", "/api/v0/volumes/", { id: offer.id, size: 10 });
}

/** Preempts, crashes, takes hosts away and gives them back, moves prices: on the admin side. */
export function badOperator(admin: Client): Turn {
  const draws = drawsOf("bad operator");
  const dark: number[] = [];
  return async () => {
    for (const machine of dark.splice(0)) await ask(admin, "POST", `/admin/machines/${machine}/online`);
    const { body } = await ask(admin, "GET", "/admin/instances");
    const running = (body as { id: number; machineId: number; actual: string }[]).filter(
      ({ actual }) => actual === "running",
    );
    if (running.length === 0) return;
    const { id, machineId } = draws.pick(running);
    if (draws.chance(0.1)) await ask(admin, "POST", `/admin/instances/${id}/preempt`);
    if (draws.chance(0.05)) await ask(admin, "POST", `/admin/instances/${id}/crash`);
    if (draws.chance(0.05)) await ask(admin, "POST", `/admin/instances/${id}/price-increase`, { factor: 1.3 });
    if (draws.chance(0.05)) await ask(admin, "POST", `/admin/machines/${machineId}/price`, { factor: 1.2 });
    if (draws.chance(0.1)) {
      dark.push(machineId);
      await ask(admin, "POST", `/admin/machines/${machineId}/offline`);
    }
  };
}
