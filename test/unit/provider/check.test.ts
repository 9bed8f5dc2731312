import { describe, expect, test } from "vitest";
import { checkInputs, UNKNOWN } from "../../../provider/lifecycle/check.ts";
import { targetInputsSchema } from "../../../provider/lifecycle/cloud-sync-target.ts";
import { crossChecks } from "../../../provider/lifecycle/instance/cross-checks.ts";
import { inputsSchema } from "../../../provider/lifecycle/instance/inputs.ts";
import { volumeInputsSchema, volumeProblems } from "../../../provider/lifecycle/volume-inputs.ts";

const MARK = "0123456789abcdef".repeat(2);
const target = { connectionId: 7, bucket: "results", prefix: "runs", region: "us-east-1" };
const good = {
  mark: MARK,
  label: "trainer-0",
  image: "pytorch/pytorch:2.4.0-cuda12.4",
  disk: 50,
  offer: { gpu: "A100" },
};

function check(different: Record<string, unknown>) {
  return checkInputs(inputsSchema, { ...good, ...different }, crossChecks);
}

describe("good inputs", () => {
  test("pass, with every default filled in for policies and readers of the state", () => {
    const { inputs, failures } = check({});
    expect(failures).toEqual([]);
    expect(inputs).toMatchObject({
      runtype: "ssh_direct",
      state: "running",
      waitFor: "running",
      env: {},
      ports: [],
      offer: { gpu: ["A100"], count: 1, verified: true, minReliability: 0.95, order: "price" },
    });
  });

  test("pass with a pinned offer, a price cap and nothing else", () => {
    const { inputs, failures } = check({ offer: { id: 5, maxDph: 0.5 } });
    expect(failures).toEqual([]);
    expect(inputs.offer).toEqual({ id: 5, maxDph: 0.5 });
  });

  test("come out the same when they are checked again, so that a preview after an update shows no change", () => {
    const first = check({ copyOut: { target, paths: ["/workspace/out"] }, ports: [8000, "8081/udp"] });
    expect(first.failures).toEqual([]);
    expect(checkInputs(inputsSchema, first.inputs, crossChecks)).toEqual(first);
  });

  test("do not keep the provider's own code among them", () => {
    expect(check({ __provider: "exports.handler = …" }).inputs).not.toHaveProperty("__provider");
  });
});

describe("bad input is refused with its property and the fix", () => {
  test.for<[string, Record<string, unknown>, string, RegExp]>([
    [
      "an unknown GPU",
      { offer: { gpu: "RTX 409" } },
      "offer.gpu",
      /no GPU that Vast\.ai lists; did you mean .*RTX 4090/,
    ],
    [
      "one unknown GPU of several",
      { offer: { gpu: ["A100", "H1000"] } },
      "offer.gpu.1",
      /"H1000".*did you mean .*H100/,
    ],
    ["no GPU at all", { offer: {} }, "offer.gpu", /missing|expected/i],
    ["no offer at all", { offer: undefined }, "offer", /missing|expected/i],
    ["a negative price", { offer: { gpu: "A100", maxDph: -1 } }, "offer.maxDph", /above 0 USD\/h/],
    [
      "both a pinned offer and criteria",
      { offer: { id: 5, gpu: "A100" } },
      "offer",
      /pinned offer \(id\) and criteria \(gpu\); keep one/,
    ],
    ["a misspelt criterion", { offer: { gpu: "A100", maxDhp: 1 } }, "offer.maxDhp", /not a property/],
    ["a misspelt property", { disc: 50 }, "disc", /not a property/],
    [
      "a reliability in percent",
      { offer: { gpu: "A100", minReliability: 95 } },
      "offer.minReliability",
      /share from 0 to 1/,
    ],
    ["a country by its name", { offer: { gpu: "A100", countries: ["Sweden"] } }, "offer.countries.0", /two-letter/],
    ["a disk below the minimum", { disk: 4 }, "disk", /at least 8 GB/],
    ["no disk", { disk: undefined }, "disk", /missing/],
    ["a relative copy-out path", { copyOut: { target, paths: ["out"] } }, "copyOut.paths.0", /absolute path/],
    ["the whole disk as copy-out path", { copyOut: { target, paths: ["/"] } }, "copyOut.paths.0", /must not be \//],
    ["a copy-out path that climbs", { copyOut: { target, paths: ["/workspace/../etc"] } }, "copyOut.paths.0", /\.\./],
    [
      "a copy-out path with shell characters",
      { copyOut: { target, paths: ["/w/$HOME"] } },
      "copyOut.paths.0",
      /without quotes/,
    ],
    [
      "several folders with a schedule, of which the service would back up one",
      { copyOut: { target, paths: ["/w/a", "/w/b"], schedule: "hourly" } },
      "copyOut.paths",
      /one scheduled copy per instance.*"never"/,
    ],
    [
      "several folders with its target's schedule",
      { copyOut: { target: { ...target, schedule: "hourly" }, paths: ["/w/a", "/w/b"] } },
      "copyOut.paths",
      /one scheduled copy per instance/,
    ],
    ["no copy-out path and no waiver", { copyOut: { target } }, "copyOut.paths", /is empty.*waive/],
    ["a waiver without a real reason", { copyOut: { waive: "because" } }, "copyOut.waive", /written reason/],
    [
      "a secret in onstart",
      { onstart: "export HF_TOKEN=hf_abcdefghijklmnopqrstuvwxyz" },
      "onstart",
      /Hugging Face token.*env/,
    ],
    ["a secret in the label", { label: "api_key=0123456789abcdef" }, "label", /secret's name/],
    ["a port that is none", { ports: [70_000] }, "ports.0", /65535|8081\/udp/],
    ["a port in the wrong protocol", { ports: ["80/http"] }, "ports.0", /8081\/udp/],
    ["too many ports", { ports: Array.from({ length: 65 }, (_, n) => 8000 + n) }, "ports", /at most 64/],
    ["a variable that no shell takes", { env: { "A-B": "1" } }, "env.A-B", /letters, digits/],
    ["a bid above the highest bid", { bid: 0.5, maxBid: 0.4 }, "bid", /above maxBid 0.4/],
    ["a fallback without a bid", { fallback: "on-demand" }, "fallback", /needs `bid`/],
    ["parking without a place for the record", { onOffline: "park" }, "onOffline", /needs `copyOut\.target`/],
    [
      "a readiness of a port that is closed",
      { waitFor: "ready", readyWhen: { port: 8000 } },
      "readyWhen.port",
      /8000 is not open.*`ports`/,
    ],
    ["arguments that would be ignored", { args: ["--epochs", "3"] }, "args", /runtype "ssh_direct"/],
    [
      "arguments that are too long",
      { runtype: "args", args: ["x".repeat(5000)] },
      "args",
      /5000 bytes; the limit is 4048/,
    ],
    ["neither image nor template", { image: undefined }, "image", /`template`/],
    ["a highest bid without a bid", { maxBid: 0.4 }, "maxBid", /needs `bid`/],
    ["drivers older than the image", { offer: { gpu: "A100", minCuda: 11.8 } }, "offer.minCuda", /raise it to 12\.4/],
    ["readiness that nothing shows", { waitFor: "ready" }, "readyWhen", /which log line/],
    [
      "a readiness pattern that is none",
      { waitFor: "ready", readyWhen: { log: "epoch (" } },
      "readyWhen.log",
      /regular expression/,
    ],
    [
      "a volume whose content nobody would copy",
      { volume: { id: 7, machineId: 3, mountPath: "/data" }, copyOut: { waive: "only logs are written" } },
      "copyOut.target",
      /only through the instance that mounts it/,
    ],
    ["two ends of life", { expiresAt: "2030-01-01T00:00:00Z", maxDurationHours: 5 }, "expiresAt", /keep one/],
    ["half an SSH key", { sshKeys: ["AAAAC3NzaC1lZDI1NTE5"] }, "sshKeys.0", /whole public key line/],
    ["adopting and pinning at once", { adopt: 7, offer: { id: 5 } }, "adopt", /Give criteria instead/],
  ])("%s", ([, different, property, reason]) => {
    const { failures } = check(different);
    expect(failures.map((failure) => failure.property)).toEqual([property]);
    expect(failures[0]?.reason).toMatch(reason);
  });

  test("and the secret itself is not repeated", () => {
    const { failures } = check({ onstart: "export WANDB_API_KEY=abcdef0123456789" });
    expect(JSON.stringify(failures)).not.toContain("abcdef0123456789");
  });

  test("all at once, not one per run", () => {
    const properties = check({ disk: 1, offer: { gpu: "A1000", maxDph: 0 } }).failures.map(({ property }) => property);
    expect(properties.toSorted()).toEqual(["disk", "offer.gpu", "offer.maxDph"]);
  });
});

describe("what a preview does not know yet", () => {
  test("is no problem, wherever it stands", () => {
    const unknown = {
      image: UNKNOWN,
      copyOut: { target: UNKNOWN, paths: ["/workspace/out"] },
      volume: { id: UNKNOWN, machineId: UNKNOWN, mountPath: "/data" },
      env: { TOKEN: UNKNOWN },
    };
    const { inputs, failures } = check(unknown);
    expect(failures).toEqual([]);
    expect(inputs).toMatchObject(unknown);
  });

  test("does not hide a problem beside it", () => {
    const { failures } = check({ copyOut: { target: UNKNOWN, paths: ["out"] }, disk: 2 });
    expect(failures.map(({ property }) => property).toSorted()).toEqual(["copyOut.paths.0", "disk"]);
  });

  test("does not hide a bad GPU beside an unknown price", () => {
    const { failures } = check({ offer: { gpu: "A1000", maxDph: UNKNOWN } });
    expect(failures.map(({ property }) => property)).toEqual(["offer.gpu"]);
  });

  test("is left out of rules across properties", () => {
    expect(check({ bid: UNKNOWN, maxBid: 0.4 }).failures.filter(({ property }) => property === "bid")).toEqual([]);
    expect(check({ image: UNKNOWN, offer: { gpu: "A100", minCuda: 11 } }).failures).toEqual([]);
  });

  test("as a highest bid's bid is not taken for no bid", () => {
    expect(check({ bid: UNKNOWN, maxBid: 0.4 }).failures).toEqual([]);
  });

  test("as copy-out paths is not taken for none", () => {
    expect(check({ copyOut: { target, paths: UNKNOWN } }).failures).toEqual([]);
    expect(check({ copyOut: { target, paths: [UNKNOWN] } }).failures).toEqual([]);
  });
});

describe("inputs of a volume", () => {
  const volume = { mark: MARK, name: "ckpt", size: 50 };

  test.for<[string, Record<string, unknown>, string, RegExp]>([
    ["a name that the API refuses", { name: "my-ckpt" }, "name", /letters, digits and _/],
    ["half a GB", { size: 1.5 }, "size", /whole number of GB/],
    [
      "two places at once",
      { machineId: 3, placeWith: { offer: { gpu: "A100" }, disk: 50, image: "a" } },
      "placeWith",
      /keep one/,
    ],
    [
      "a place with an unknown GPU",
      { placeWith: { offer: { gpu: "A1" }, disk: 50, image: "a" } },
      "placeWith.offer.gpu",
      /did you mean/,
    ],
  ])("refuse %s", ([, different, property, reason]) => {
    const { failures } = checkInputs(volumeInputsSchema, { ...volume, ...different }, volumeProblems);
    expect(failures.map((failure) => failure.property)).toEqual([property]);
    expect(failures[0]?.reason).toMatch(reason);
  });
});

describe("inputs of a cloud sync target", () => {
  const inputs = { mark: MARK, connection: "s3c", bucket: "results", prefix: "runs", region: "us-east-1" };

  test("pass, and may be known only later", () => {
    expect(checkInputs(targetInputsSchema, { ...inputs, bucket: UNKNOWN }, () => []).failures).toEqual([]);
  });

  test.for<[string, Record<string, unknown>, string, RegExp]>([
    ["a prefix with a slash in front", { prefix: "/runs" }, "prefix", /must not start with/],
    ["a prefix with characters that S3 keys trip over", { prefix: "my runs" }, "prefix", /letters, digits/],
    ["a connection of id zero", { connection: 0 }, "connection", /0/],
  ])("refuse %s", ([, different, property, reason]) => {
    const { failures } = checkInputs(targetInputsSchema, { ...inputs, ...different }, () => []);
    expect(failures.map((failure) => failure.property)).toEqual([property]);
    expect(failures[0]?.reason).toMatch(reason);
  });
});
