import { setTimeout as pause } from "node:timers/promises";
import { type Draws, drawsOf } from "./draws.ts";
import { type Answer, must } from "./http.ts";
import type { LedgerAudit } from "./ledger-audit.ts";
import type { SimulatorProcess } from "./simulator-process.ts";

const HOUR_S = 3600;
/** Mean virtual seconds until each of these happens to an instance that could have it. */
const MEAN_S = {
  stop: 3 * HOUR_S,
  destroy: 4 * HOUR_S,
  label: 2 * HOUR_S,
  copy: 4 * HOUR_S,
  reboot: 12 * HOUR_S,
  start: 0.5 * HOUR_S,
  destroyStopped: 2 * HOUR_S,
};
/** Per hour, to some instance of the fleet. */
const BAD_LUCK_PER_HOUR = { preempt: 8, crash: 4, "host-offline": 5 };
const OUTAGE_S = [120, 1800] as const;
const CREATES_PER_TICK = 20;
/** vast-api.md 1.4: between two creates. */
const CREATE_INTERVAL_S = 4.5;
const MODELS = ["training", "self-play", "oom", "hang", "slow-setup", "idle"];

interface Row {
  id: number;
  machine_id: number;
  cur_state: string;
  intended_status: string;
  actual_status: string | null;
  is_bid: boolean;
  dph_base: number;
  storage_total_cost: number;
  inet_up_cost: number;
}

export interface FleetSettings {
  simulator: SimulatorProcess;
  audit: LedgerAudit;
  instances: number;
  speed: number;
  connection: number;
}

/**
 * A fleet whose instances come and go: what a careless client, an unlucky week and a failing data centre do, from one
 * list of its instances to the next.
 */
export class FleetLife {
  readonly done = new Map<string, number>();
  readonly #settings: FleetSettings;
  readonly #draws: Draws = drawsOf("fleet life");
  readonly #outages = new Map<number, number>();
  #created = 0;
  /** Answers that no renter should ever see. */
  readonly wrong: string[] = [];

  constructor(settings: FleetSettings) {
    this.#settings = settings;
  }

  /** Everything that happens within the last `elapsedS` virtual seconds; answers how many instances there are. */
  async tick(now: number, elapsedS: number, mayCopy: boolean): Promise<number> {
    const rows = await this.list();
    for (const row of rows) await this.#live(row, elapsedS, mayCopy);
    await this.#badLuck(rows, now, elapsedS);
    await this.#refill(rows.length);
    return rows.length;
  }

  /** All instances there are, page by page; the audit learns their rates. */
  async list(): Promise<Row[]> {
    const rows: Row[] = [];
    for (let token: string | null = ""; token !== null; ) {
      const answer: Answer = await this.#call(
        "list",
        "GET",
        `/api/v1/instances/?after_token=${encodeURIComponent(token)}`,
      );
      if (answer.status === 429) {
        await this.#wait(1);
        continue;
      }
      rows.push(...answer.body.instances);
      token = answer.body.next_token;
    }
    for (const row of rows) {
      this.#settings.audit.know(row.id, {
        machineId: row.machine_id,
        computePerHour: row.dph_base,
        diskPerHour: row.storage_total_cost,
        uploadPerGb: row.inet_up_cost,
      });
    }
    return rows.filter((row) => row.cur_state !== "unloaded");
  }

  async #live(row: Row, elapsedS: number, mayCopy: boolean): Promise<void> {
    const happens = (meanS: number): boolean => this.#draws.chance(1 - Math.exp(-elapsedS / meanS));
    const path = `/api/v0/instances/${row.id}/`;
    const runs = row.actual_status === "running";
    const stopped = row.cur_state === "stopped" && row.intended_status === "stopped";
    if (happens(stopped ? MEAN_S.destroyStopped : MEAN_S.destroy)) await this.#call("destroy", "DELETE", path);
    else if (stopped && happens(MEAN_S.start)) await this.#call("start", "PUT", path, { state: "running" });
    else if (!stopped && happens(MEAN_S.stop)) await this.#call("stop", "PUT", path, { state: "stopped" });
    else if (happens(MEAN_S.label))
      await this.#call("label", "PUT", path, { label: `renamed-${this.#created}-${row.id}` });
    else if (runs && happens(MEAN_S.reboot))
      await this.#call("reboot", "PUT", `/api/v0/instances/reboot/${row.id}/`, {});
    else if (runs && mayCopy && happens(MEAN_S.copy)) await this.#copyOff(row);
  }

  async #copyOff(row: Row): Promise<void> {
    await this.#call("copy off", "POST", "/api/v0/commands/rclone/", {
      instance_id: String(row.id),
      src: "/workspace",
      dst: `/soak/runs/${row.id}`,
      selected: String(this.#settings.connection),
      transfer: "Instance To Cloud",
    });
  }

  async #badLuck(rows: readonly Row[], now: number, elapsedS: number): Promise<void> {
    const { admin } = this.#settings.simulator;
    for (const [machine, until] of this.#outages) {
      if (until > now) continue;
      this.#outages.delete(machine);
      await must(admin, "POST", `/admin/machines/${machine}/online`);
    }
    const running = rows.filter((row) => row.actual_status === "running");
    for (const [luck, perHour] of Object.entries(BAD_LUCK_PER_HOUR)) {
      if (running.length === 0 || !this.#draws.chance(1 - Math.exp((-elapsedS * perHour) / HOUR_S))) continue;
      const row = this.#draws.pick(running);
      if (luck === "host-offline") {
        this.#outages.set(row.machine_id, now + this.#draws.between(...OUTAGE_S));
        await must(admin, "POST", `/admin/machines/${row.machine_id}/offline`);
        this.#count(luck);
      } else {
        // It may have stopped since the list.
        const { status } = await admin.call("POST", `/admin/instances/${row.id}/${luck}`);
        if (status === 200) this.#count(luck);
      }
    }
  }

  async #refill(present: number): Promise<void> {
    const wanted = Math.min(this.#settings.instances - present, CREATES_PER_TICK);
    if (wanted <= 0) return;
    const isBid = this.#draws.chance(0.4);
    const query = { type: isBid ? "bid" : "on-demand", disk_space: { gte: 20 }, num_gpus: { lte: 2 }, limit: 200 };
    const found = await this.#call("search", "POST", "/api/v0/bundles/", query);
    if (found.status !== 200) return;
    for (let left = wanted; left > 0 && found.body.offers.length > 0; left -= 1) {
      const offer = this.#draws.pick(found.body.offers as { id: number; min_bid: number }[]);
      await this.#call("create", "PUT", `/api/v0/asks/${offer.id}/`, this.#request(isBid ? offer.min_bid : null));
      await this.#wait(CREATE_INTERVAL_S);
    }
  }

  #request(minBid: number | null): Record<string, unknown> {
    this.#created += 1;
    return {
      image: this.#draws.pick(["nvidia/cuda:12.2.0-base-ubuntu22.04", "ubuntu:22.04", "alpine"]),
      disk: this.#draws.integer(8, 20),
      label: `soak-${this.#created}`,
      runtype: "ssh_direct",
      env: {
        VAST_SIM_WORKLOAD: this.#draws.pick(MODELS),
        VAST_SIM_CHECKPOINT_SECONDS: "1800",
        VAST_SIM_CHECKPOINT_BYTES: "16384",
        VAST_SIM_CHECKPOINT_KEEP: "3",
      },
      ...(minBid === null ? {} : { price: minBid * this.#draws.between(1, 1.4) }),
    };
  }

  async #call(name: string, method: string, path: string, body?: unknown): Promise<Answer> {
    const answer = await this.#settings.simulator.api.call(method, path, body);
    this.#count(answer.status === 429 ? "refused as too fast" : name);
    if (answer.status >= 500) this.wrong.push(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer;
  }

  #count(name: string): void {
    this.done.set(name, (this.done.get(name) ?? 0) + 1);
  }

  #wait(virtualSeconds: number): Promise<void> {
    return pause((virtualSeconds / this.#settings.speed) * 1000);
  }
}
