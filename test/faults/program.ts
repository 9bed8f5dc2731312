import type { Draws } from "../bench/draws.ts";
import type { Declared, Props } from "./engine.ts";
import { markFor } from "./reconcile.ts";

export const OUT = "/workspace/out";
export const MOUNT = "/data";
export const PREFIX = "runs";
/** A value that must stay out of every message. */
export const SECRET = "secret-value-of-a-variable-51d0";

/** One way to see the bucket: the connection, and how to read it back. */
export interface Place {
  connectionId: number;
  bucket: string;
  region: string;
  endpoint: string;
}

interface Worker {
  name: string;
  mounts: boolean;
  inputs: Props;
}

const GPUS = ["RTX 4090", "RTX 3090", "RTX 3080", "RTX 4080", "RTX A6000", "A100", "RTX 5090", "H100 SXM"];
const IMAGES = [
  "ubuntu:22.04",
  "nvidia/cuda:12.2.0-devel-ubuntu22.04",
  "pytorch/pytorch:2.4.0-cuda12.1-cudnn9-runtime",
];

/** A program that changes from step to step, as its author would change it. */
export class Program {
  readonly #draws: Draws;
  readonly #place: Place | undefined;
  readonly #hasTarget: boolean;
  readonly #hasVolume: boolean;
  #workers: Worker[] = [];

  constructor(draws: Draws, place: Place | undefined) {
    this.#draws = draws;
    this.#place = place;
    this.#hasTarget = place !== undefined && draws.chance(0.5);
    this.#hasVolume = place !== undefined && draws.chance(0.3);
    const count = draws.pick([1, 1, 2, 3]);
    for (let index = 0; index < count; index += 1) this.#workers.push(this.#worker(index));
  }

  get mounting(): string | undefined {
    return this.#workers.find((worker) => worker.mounts)?.name;
  }

  declared(): Declared[] {
    const needs = [...(this.#hasTarget ? ["target"] : []), ...(this.#hasVolume ? ["volume"] : [])];
    return [
      ...(this.#hasTarget ? [this.#target()] : []),
      ...(this.#hasVolume ? [this.#volume()] : []),
      ...this.#workers.map(
        (worker): Declared => ({
          name: worker.name,
          kind: "instance",
          needs: worker.mounts ? needs : needs.filter((name) => name !== "volume"),
          inputs: (outputsOf) => this.#instanceInputs(worker, outputsOf),
        }),
      ),
    ];
  }

  /** What an author does: a new label, image, price, disk …; says what it was. */
  change(): string {
    const worker = this.#draws.pick(this.#workers);
    const kind = this.#draws.pick(Object.keys(CHANGES));
    if (kind === "remove" && this.#workers.length > 1 && !worker.mounts)
      this.#workers = this.#workers.filter((other) => other !== worker);
    else CHANGES[kind]?.(worker.inputs, this.#draws);
    return `${worker.name}: ${kind}`;
  }

  #worker(index: number): Worker {
    const draws = this.#draws;
    const name = `worker-${index}`;
    const bid = draws.chance(0.35) ? draws.pick([0.4, 1, 4]) : undefined;
    const cap = maxDph(draws);
    const mayFallBack = bid !== undefined && cap.maxDph !== undefined && draws.chance(0.5);
    return {
      name,
      mounts: this.#hasVolume && index === 0,
      inputs: {
        mark: markFor(name),
        resource: name,
        label: name,
        offer: { gpu: GPUS, verified: draws.chance(0.5), minReliability: draws.pick([0.5, 0.9]), ...cap },
        image: draws.pick(IMAGES),
        disk: draws.pick([10, 20, 60]),
        env: { TOKEN: SECRET },
        ports: draws.chance(0.2) ? [8000] : [],
        ...(bid === undefined
          ? {}
          : { bid, maxBid: bid * 2, onInterruption: draws.pick(["rebid", "replace", "replace", "fail"]) }),
        ...(mayFallBack ? { fallback: "on-demand" } : {}),
        onOffline: draws.pick(["block", "park"]),
        ...(draws.chance(0.5) ? { restoreFrom: "last" } : {}),
        ...(draws.chance(0.25) ? { schedule: "hourly" } : {}),
        waitFor: draws.pick(["running", "running", "created"]),
        state: draws.chance(0.08) ? "stopped" : "running",
        bootTimeout: draws.pick([120, 300]),
        maxTries: draws.pick([1, 3]),
      },
    };
  }

  #instanceInputs({ mounts, inputs }: Worker, outputsOf: (name: string) => Props): Props {
    const volume = outputsOf("volume");
    const { onCopyFailure = "block", schedule, onOffline, restoreFrom, ...rest } = inputs;
    const copyOut = this.#place
      ? {
          target: this.#binding(outputsOf),
          paths: [OUT],
          timeout: 900,
          onCopyFailure,
          ...(schedule ? { schedule } : {}),
        }
      : { waive: "nothing of value is made in this run" };
    // These two need somewhere to copy to.
    const fromThere = this.#place ? { onOffline, ...(restoreFrom ? { restoreFrom } : {}) } : {};
    return structuredClone({
      ...rest,
      ...fromThere,
      copyOut,
      ...(mounts ? { volume: { id: volume.volumeId, machineId: volume.machineId, mountPath: MOUNT } } : {}),
    });
  }

  #binding(outputsOf: (name: string) => Props): unknown {
    return this.#hasTarget ? outputsOf("target").binding : { ...this.#place, prefix: PREFIX };
  }

  #target(): Declared {
    const { bucket, region, endpoint, connectionId } = this.#place as Place;
    const inputs = { mark: markFor("target"), connection: connectionId, bucket, prefix: PREFIX, region, endpoint };
    return { name: "target", kind: "target", needs: [], inputs: () => inputs };
  }

  #volume(): Declared {
    const first = this.#workers.find((worker) => worker.mounts);
    // Where it was placed stays: later changes of the worker are no reason to move it.
    const { offer, disk, image, ports } = structuredClone(first?.inputs ?? {});
    return {
      name: "volume",
      kind: "volume",
      needs: this.#hasTarget ? ["target"] : [],
      inputs: (outputsOf) => ({
        mark: markFor("volume"),
        resource: "volume",
        name: "ckpt",
        size: 12,
        placeWith: { offer, disk, image, ports },
        copyOut: { target: this.#binding(outputsOf) },
      }),
    };
  }
}

function maxDph(draws: Draws): Props {
  return draws.chance(0.4) ? { maxDph: draws.pick([0.5, 1.5, 6]) } : {};
}

const CHANGES: Record<string, (inputs: Props, draws: Draws) => void> = {
  label: (inputs, draws) => {
    inputs.label = `label-${draws.integer(1, 1000)}`;
  },
  image: (inputs, draws) => {
    inputs.image = draws.pick(IMAGES);
  },
  env: (inputs, draws) => {
    inputs.env = { TOKEN: SECRET, STEP: String(draws.integer(1, 1000)) };
  },
  onstart: (inputs, draws) => {
    inputs.onstart = `echo ${draws.integer(1, 1000)}`;
  },
  disk: (inputs, draws) => {
    inputs.disk = draws.pick([10, 20, 30, 60]);
  },
  state: (inputs) => {
    inputs.state = inputs.state === "stopped" ? "running" : "stopped";
  },
  "price cap": (inputs, draws) => {
    inputs.offer = { ...(inputs.offer as Props), maxDph: draws.pick([0.5, 2, 8]) };
  },
  "bid or none": (inputs, draws) => {
    if (inputs.bid === undefined) Object.assign(inputs, { bid: 1, maxBid: 3, onInterruption: "replace" });
    else if (draws.chance(0.5)) Object.assign(inputs, { bid: draws.pick([0.5, 1, 2]), maxBid: 3 });
    else for (const key of ["bid", "maxBid", "onInterruption", "fallback"]) delete inputs[key];
  },
  "copy failure": (inputs, draws) => {
    inputs.onCopyFailure = draws.pick(["block", "stop"]);
  },
  "park or wait": (inputs) => {
    inputs.onOffline = inputs.onOffline === "park" ? "block" : "park";
  },
  schedule: (inputs) => {
    inputs.schedule = inputs.schedule === "hourly" ? undefined : "hourly";
  },
  remove: () => undefined,
};
