import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";

/** N workers as real instances, or as resources of the same size that do nothing: what the engine alone costs. */
const config = new pulumi.Config();
const count = config.requireNumber("count");
const kind = config.require("kind");
const padding = "x".repeat(config.getNumber("padding") ?? 0);

const worker = {
  offer: {
    gpu: ["RTX_3090", "RTX_4090", "RTX_5090", "A100_SXM4", "H100_SXM", "H200", "L40S", "RTX_A6000"],
    count: 1,
    minReliability: 0.9,
  },
  image: "pytorch/pytorch:2.4.0-cuda12.4-cudnn9-runtime",
  disk: 24,
  // An up on this clock takes hours of the service's time: shorter contracts end in it.
  maxDurationHours: 240,
};

/** As small in the state as ours: a serialised closure in each would cost the engine more than instances do. */
class NoOp extends pulumi.CustomResource {
  constructor(name: string, inputs: pulumi.Inputs) {
    const provider = `exports.handler=require(${JSON.stringify(join(import.meta.dirname, "no-op.cjs"))}).handler`;
    super("pulumi-nodejs:dynamic/bench:NoOp", name, { ...inputs, __provider: provider });
  }
}

const { VastInstance } = await import("pulumi-vast");
for (let n = 0; n < count; n += 1) {
  if (kind === "instances") new VastInstance(`worker-${n}`, worker);
  else new NoOp(`worker-${n}`, { label: `worker-${n}`, ...worker, padding });
}
