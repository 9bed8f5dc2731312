import * as pulumi from "@pulumi/pulumi";
import { CloudSyncTarget, VastInstance, type VastInstanceArgs, VastVolume } from "pulumi-vast";

/** What the stack declares, by its config key `scenario`. */
const scenarios: Record<string, () => void> = {
  compliant() {
    instance("trainer", { offer });
    instance("bidder", { offer, bid: 0.2, maxBid: 0.4 });
    new VastVolume("scratch", { size: disk, placeWith: { offer, disk, image }, copyOut: { target: binding } });
  },
  violating() {
    instance("unverified", { offer: { ...offer, verified: false } });
    instance("pinned", { offer: { id: 4711, maxDph: 0.5 } });
    instance("uncapped", { offer: { gpu: "RTX 4090" } });
    instance("expensive", { offer: { gpu: "H100 SXM", count: 8, maxDph: 16 } });
    instance("overbidder", { offer, bid: 0.4, maxBid: 0.5 });
    instance("careless", { offer, copyOut: undefined });
    instance("aimless", { offer, copyOut: { paths: ["/workspace"] } });
    new VastVolume("unsaved", { size: disk, machineId: 12 });
  },
  waived() {
    instance("disposable", { offer, copyOut: { waive: "renders are streamed out as they are made" } });
  },
  "target not known yet"() {
    const target = new CloudSyncTarget("results", { connection: 1, bucket: "results", prefix: "fleet", region });
    instance("trainer", { offer, copyOut: { target: target.binding, paths } });
  },
  "price known only in the update"() {
    instance("expensive", { offer: { gpu: "RTX 4090", maxDph: new Later("later", 9).price } });
  },
};

const disk = 20;
const image = "pytorch/pytorch";
const region = "us-east-1";
const paths = ["/workspace/checkpoints"];
const offer = { gpu: "RTX 4090", maxDph: 0.5 };
const binding = { connectionId: 1, bucket: "results", prefix: "fleet", region };

/** One that every rule lets pass, but for what is given. */
function instance(name: string, args: Partial<VastInstanceArgs> & Pick<VastInstanceArgs, "offer">) {
  return new VastInstance(name, { image, disk, copyOut: { target: binding, paths }, ...args });
}

/** A number that a preview does not know: only its create does. */
class Later extends pulumi.dynamic.Resource {
  declare readonly price: pulumi.Output<number>;

  constructor(name: string, value: number) {
    super({ create: async () => ({ id: "later", outs: { price: value } }) }, name, { price: undefined });
  }
}

scenarios[new pulumi.Config().require("scenario")]?.();
