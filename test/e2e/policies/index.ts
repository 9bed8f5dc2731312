import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { CloudSyncTarget, VastFleet, VastInstance, type VastInstanceArgs, VastVolume } from "pulumi-vast";

/** What the stack declares, by its config key `scenario`. */
const scenarios: Record<string, () => void> = {
  compliant() {
    instance("trainer", {});
    instance("bidder", { bid: 0.2, maxBid: 0.4 });
    const scratch = new VastVolume("scratch", { size: 20, placeWith: { offer, disk, image }, copyOut });
    instance("mounting", {
      volume: { id: scratch.volumeId, machineId: scratch.machineId, mountPath: "/data" },
    });
    instance("paused", { state: "stopped", maxDurationHours: undefined, expiresAt: tomorrow });
    new VastFleet("fleet", { workers: 2, profile: { ...profile, offer: { ...offer, countries: ["SE"] } } });
    storage("results", {});
    for (const name of ["one", "two"]) {
      new CloudSyncTarget(name, { connection: 1, bucket: "results", prefix: name, region });
    }
  },
  /** For each rule of the packs safety and cost one resource, named after it, that breaks it and nothing else. */
  violating() {
    for (const [rule, args] of Object.entries(violations)) instance(rule, args);
    instance("unverified", { offer: { ...offer, verified: false } });
    new VastVolume("volume-with-instance", { size: 20, copyOut });
    new VastVolume("verified-hosts-volume", { size: 20, machineId: 12, copyOut });
    new VastVolume("copy-out-declared-volume", { size: 20, placeWith: { offer, disk, image } });
  },
  /** Each resource as it should be, and all of them together too much. */
  "violating fleet"() {
    new VastFleet("trainer", { workers: 2, profile });
    new VastVolume("idle", { size: 20, placeWith: { offer, disk, image }, copyOut });
  },
  /** The same for the pack storage. */
  "violating storage"() {
    storage("unversioned", { versioning: "Suspended" });
    storage("public", { block: false });
    storage("unencrypted", { algorithm: undefined });
    storage("destroyed", { forceDestroy: true });
    storage("expiring", { expiration: { days: 30 } });
    storage("wide", { resource: "*" });
    new aws.s3.Bucket("bare", { bucket: "bare" });
    for (const name of ["one", "two"]) {
      new CloudSyncTarget(name, { connection: 1, bucket: "results", prefix: "shared", region });
    }
  },
  /** Wrong in ways that have exactly one remedy. */
  remediable() {
    instance("verified-hosts", { offer: { ...offer, verified: false } });
    instance("direct-port", { runtype: "ssh" });
    storage("public", { block: false });
  },
  waived() {
    instance("disposable", { copyOut: { waive: "renders are streamed out as they are made" } });
    // A volume whose ids a preview knows.
    instance("mounting", { volume: { id: 4711, machineId: 12, mountPath: "/data" } });
  },
  "target not known yet"() {
    const results = new CloudSyncTarget("results", { connection: 1, bucket: "results", prefix: "fleet", region });
    instance("trainer", { copyOut: { ...profile.copyOut, target: results.binding } as never });
  },
  "price known only in the update"() {
    instance("expensive", { offer: { ...offer, maxDph: new Later("later", 9).price } });
  },
  "over the cap"() {
    instance("expensive", { offer: { ...offer, maxDph: 9 } });
  },
  "one instance"() {
    instance("trainer", {});
  },
  "many instances"() {
    for (let n = 0; n < 200; n++) instance(`worker-${n}`, {});
  },
};

const disk = 40;
const image = "pytorch/pytorch:2.4.0-cuda12.4-cudnn9-runtime";
const region = "us-east-1";
const tomorrow = new Date(Date.now() + 24 * 3_600_000).toISOString();
const offer = { gpu: "RTX 4090", maxDph: 0.5, maxBandwidthPrice: 0.02 };
const copyOut = { target: { connectionId: 1, bucket: "results", prefix: "results", region } };
const profile: VastInstanceArgs = {
  offer,
  image,
  disk,
  maxDurationHours: 24,
  tags: { owner: "ada", team: "research" },
  copyOut: { ...copyOut, paths: ["/workspace/checkpoints"], required: ["*.pt"] },
};

const violations: Record<string, Partial<VastInstanceArgs>> = {
  "verified-hosts": { offer: { id: 4711, maxDph: 0.5 }, image: "team/app:1", imageCuda: undefined },
  "min-reliability": { offer: { ...offer, minReliability: 0.5 } },
  "direct-port": { runtype: "ssh" },
  "copy-out-declared": { copyOut: undefined },
  "copy-out-waived": { copyOut: { waive: "renders are streamed out as they are made" } },
  "required-patterns": { copyOut: { ...copyOut, paths: ["/workspace/checkpoints"] } },
  "secrets-in-clear": { onstart: "login corp-12345678" },
  "registry-login-in-clear": { onstart: "docker login -u bot -p hunter2 registry.example.com" },
  "open-access": { onstart: "jupyter lab --ServerApp.token=''" },
  "image-pinned": { image: "pytorch/pytorch", imageCuda: 12.4 },
  "image-cuda": { image: "pytorch/pytorch:2.9.0-cuda13.0-cudnn9-runtime" },
  "image-cuda-known": { image: "team/app:1" },
  "port-cap": { ports: Array.from({ length: 64 }, (_, n) => 8000 + n) },
  "disk-covers-checkpoints": { disk: 20, copyOut: { ...profile.copyOut, expectedGb: 30 } as never },
  "allowed-countries": { offer: { ...offer, countries: ["US"] } },
  "max-dph": { offer: { ...offer, gpu: "H100 SXM", count: 8, maxDph: 16 } },
  "max-dph-bid": { bid: 0.4, maxBid: 0.5 },
  "expiry-set": { maxDurationHours: undefined },
  "stopped-bounded": { state: "stopped" },
  "bandwidth-price": { offer: { gpu: "RTX 4090", maxDph: 0.5 } },
  "spot-checkpoints": { bid: 0.2 },
  "owner-tags": { tags: undefined },
};

/** One that every rule lets pass, but for what is given. */
function instance(name: string, args: Partial<VastInstanceArgs>) {
  return new VastInstance(name, { ...profile, offer: { ...offer, countries: ["SE"] }, ...args });
}

interface Storage {
  versioning?: string;
  block?: boolean;
  algorithm?: string | undefined;
  forceDestroy?: boolean;
  expiration?: { days: number };
  resource?: string;
}

/** A bucket with its settings and a key's policy that every rule lets pass, but for what is given. */
function storage(name: string, wrong: Storage) {
  const { versioning = "Enabled", block = true, forceDestroy = false, expiration } = wrong;
  const { bucket } = new aws.s3.Bucket(name, { bucket: name, forceDestroy });
  new aws.s3.BucketVersioning(name, { bucket, versioningConfiguration: { status: versioning } });
  new aws.s3.BucketPublicAccessBlock(name, {
    bucket,
    blockPublicAcls: block,
    blockPublicPolicy: true,
    ignorePublicAcls: true,
    restrictPublicBuckets: true,
  });
  const sseAlgorithm = "algorithm" in wrong ? wrong.algorithm : "AES256";
  const applyServerSideEncryptionByDefault = sseAlgorithm === undefined ? undefined : { sseAlgorithm };
  new aws.s3.BucketServerSideEncryptionConfiguration(name, { bucket, rules: [{ applyServerSideEncryptionByDefault }] });
  new aws.s3.BucketLifecycleConfiguration(name, {
    bucket,
    rules: [{ id: "old", status: "Enabled", noncurrentVersionExpiration: { noncurrentDays: 90 }, expiration }],
  });
  const Resource = wrong.resource ?? `arn:aws:s3:::${name}/results/*`;
  const policy = JSON.stringify({ Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource }] });
  new aws.iam.UserPolicy(name, { user: new aws.iam.User(name, { name }).name, policy });
}

/** A number that a preview does not know: only its create does. */
class Later extends pulumi.dynamic.Resource {
  declare readonly price: pulumi.Output<number>;

  constructor(name: string, value: number) {
    super({ create: async () => ({ id: "later", outs: { price: value } }) }, name, { price: undefined });
  }
}

const name = new pulumi.Config().require("scenario");
const scenario = scenarios[name];
if (scenario === undefined) throw new pulumi.RunError(`there is no scenario "${name}"`);
scenario();
