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
};

const nothing: pulumi.dynamic.ResourceProvider = {
  create: async (inputs) => ({ id: inputs.label, outs: inputs }),
  read: async (id, props) => ({ id, props }),
  diff: async () => ({ changes: false }),
};

class NoOp extends pulumi.dynamic.Resource {}

const { VastInstance } = await import("pulumi-vast");
for (let n = 0; n < count; n += 1) {
  if (kind === "instances") new VastInstance(`worker-${n}`, worker);
  else new NoOp(nothing, `worker-${n}`, { label: `worker-${n}`, ...worker, padding });
}
