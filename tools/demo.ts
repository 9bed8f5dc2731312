import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import Table from "cli-table3";
import { Command } from "commander";
import { type LocalCloud, startLocal } from "./local.ts";
import { type Finished, type FleetSettings, type LocalStack, openStack, REPOSITORY } from "./stack.ts";

/** What happened, each figure measured at its source: the simulator's books, the instances' disks, S3. */
interface Summary {
  policyRefusals: number;
  instancesCreated: number;
  copyOutRefusals: number;
  objects: { key: string; size: number; sha256: string }[];
  instancesLeft: number;
  volumesLeft: number;
  billUsd: number;
  seconds: number;
}

interface SimInstance {
  id: number;
  label: string;
  destroyedAt: number | null;
  dir: string;
  filesAtDestroy: { path: string; size: number; sha256: string }[];
}

const options = new Command("npm run demo --")
  .description("rent, guard, copy out and destroy a fleet of three on a local Vast.ai; no account, no money")
  .option("--json <file>", "write a summary of what was measured")
  .option("--keep", "leave the servers up and say how to look around")
  .option("--speed <n>", "virtual seconds per second", Number, 120)
  .option("--seed <n>", "seed of the market", Number, 7)
  .parse()
  .opts<{ json?: string; keep?: boolean; speed: number; seed: number }>();

const STACK = "demo";
const PACK = ["--policy-pack", join(REPOSITORY, "policies")];
const fleet: FleetSettings = {
  profile: "self-play",
  workers: 3,
  overrides: {},
  volume: { size: 10, mountPath: "/data" },
};
const startedMs = performance.now();
const interrupted = new AbortController();
let local: LocalCloud | undefined;

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => interrupted.abort(new Error("interrupted")));

try {
  await demo();
} catch (error) {
  process.exitCode = 1;
  await local?.stop();
  const interruption = interrupted.signal.aborted;
  console.error(interruption ? "\ninterrupted; the servers are stopped" : `\ndemo failed: ${(error as Error).message}`);
}

async function demo(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "pulumi-vast-demo-"));
  step("A Vast.ai and an S3 of our own", "the simulator's marketplace and a real S3 server, on this machine only");
  local = await startLocal({ dir, seed: options.seed, speed: options.speed });
  const stack = await openStack({ local, dir, name: STACK, speed: options.speed, fleets: { trainer: fleet } });
  say(`simulator ${local.vastUrl}, S3 ${local.s3.url}; ${options.speed} virtual seconds pass in one`);

  step("Preview, with the policy pack", "what `pulumi up` would do; nothing is rented");
  await must(stack, ["preview", ...PACK]);

  step("Two previews that the policies refuse");
  const policyRefusals =
    (await refusedPreview(stack, "hosts that nobody verified", { verified: false }, /verified/i)) +
    (await refusedPreview(stack, "a price ceiling far over the cap", { maxDph: 40 }, /max-?dph|maxDph/i));
  stack.configure({ trainer: fleet });

  step("pulumi up, first time", "makes the bucket and its key, then needs one step in the Vast console");
  const first = await stack.pulumi(["up", "--yes", "--skip-preview"], {
    onLine: echo(/^error: the Vast account|^\d\. /),
    signal: interrupted.signal,
  });
  if (first.exitCode === 0 || !/no cloud connection/.test(first.all))
    throw new Error(`the first up should stop at the console step:\n${first.all}`);
  const connection = await stack.connectInConsole();
  say(`done in the simulated console: connection "${connection.name}" (id ${connection.id})`);

  step("pulumi up, second time", "three machines, a volume on each, one contract each whatever happens");
  await must(
    stack,
    ["up", "--yes", "--skip-preview"],
    { PULUMI_OPTION_POLICY_PACK: join(REPOSITORY, "policies") },
    /^\S+: (renting|contract \d+ is )/,
  );
  printFleet(await stack.exportState());

  step("The workers write checkpoints");
  await checkpointsWritten(local, 2);

  step("pulumi destroy, while one copy fails", "the simulator reports that copy as complete and moves half of it");
  const [victim] = await liveInstances(local);
  if (!victim) throw new Error("no instance is running");
  const fault = await local.admin<{ id: number }>("POST", "/admin/faults", {
    endpoint: "copy",
    match: { instanceId: victim.id },
    kind: "copy-half",
    times: null,
  });
  const refused = await stack.pulumi(["destroy", "--yes", "--skip-preview"], {
    onLine: echo(/^trainer\S+: (copying|verified|contract)|^error: trainer|not in the bucket$|was not destroyed/),
    signal: interrupted.signal,
  });
  const alive = await liveInstances(local);
  if (refused.exitCode === 0 || !alive.some((instance) => instance.id === victim.id))
    throw new Error(`destroy should have kept contract ${victim.id}:\n${refused.all}`);
  say(`kept: contract ${victim.id} (${victim.label}), its disk and its entry in the state`);

  step("The fault is lifted; pulumi destroy again");
  await local.admin("DELETE", `/admin/faults/${fault.id}`);
  await must(stack, ["destroy", "--yes", "--skip-preview"], {}, /^trainer\S+: (copying|verified|contract|volume)/);

  const summary = await measure(local, policyRefusals, 1);
  printResults(summary);
  if (options.json) writeFileSync(options.json, `${JSON.stringify(summary, null, 2)}\n`);
  if (options.keep) return keepUp(local, stack);
  await local.stop();
  rmSync(dir, { recursive: true, force: true });
}

async function must(
  stack: LocalStack,
  args: string[],
  env: Record<string, string> = {},
  shown = /^\+ .*vast:\S+ \S+ create$|to create$/,
): Promise<Finished> {
  const result = await stack.pulumi(args, { env, onLine: echo(shown), signal: interrupted.signal });
  if (result.exitCode !== 0) throw new Error(`pulumi ${args.join(" ")} failed:\n${result.all}`);
  return result;
}

async function refusedPreview(
  stack: LocalStack,
  what: string,
  offer: Record<string, unknown>,
  expected: RegExp,
): Promise<number> {
  stack.configure({ trainer: { ...fleet, with: { offer } } });
  say(`asking for ${what} …`);
  const result = await stack.pulumi(["preview", ...PACK], {
    onLine: echo(/\[mandatory\]|^trainer-worker-0.* → |^\S+-worker-0: /),
    signal: interrupted.signal,
  });
  const refusal = /\[mandatory\]/.test(result.all) && expected.test(result.all);
  if (result.exitCode === 0 || !refusal) throw new Error(`the preview should be refused:\n${result.all}`);
  return 1;
}

async function liveInstances(cloud: LocalCloud): Promise<SimInstance[]> {
  return (await cloud.admin<SimInstance[]>("GET", "/admin/instances?all=1")).filter(
    (instance) => instance.destroyedAt === null,
  );
}

/** Waits, by looking at the disks, until every worker has written `count` checkpoints. */
async function checkpointsWritten(cloud: LocalCloud, count: number): Promise<void> {
  const { readdirSync } = await import("node:fs");
  const written = (instance: SimInstance) => {
    try {
      return readdirSync(join(instance.dir, "workspace/checkpoints")).filter((name) => name.endsWith(".pt")).length;
    } catch {
      return 0;
    }
  };
  for (;;) {
    interrupted.signal.throwIfAborted();
    const counts = (await liveInstances(cloud)).map((instance) => ({
      label: instance.label,
      files: written(instance),
    }));
    if (counts.length > 0 && counts.every(({ files }) => files >= count)) {
      for (const { label, files } of counts) say(`${label}: ${files} checkpoints on its disk`);
      return;
    }
    await pause(250);
  }
}

async function measure(cloud: LocalCloud, policyRefusals: number, copyOutRefusals: number): Promise<Summary> {
  const all = await cloud.admin<SimInstance[]>("GET", "/admin/instances?all=1");
  const volumes = await cloud.admin<{ deletedAt: number | null }[]>("GET", "/admin/volumes?all=1");
  const bill = await cloud.admin<{ totalUsd: number }>("GET", "/admin/bill");
  const objects = await storedObjects(cloud);
  assertSafe(all, objects);
  return {
    policyRefusals,
    instancesCreated: all.length,
    copyOutRefusals,
    objects: objects.filter((object) => object.key.endsWith(".pt")),
    instancesLeft: all.filter((instance) => instance.destroyedAt === null).length,
    volumesLeft: volumes.filter((volume) => volume.deletedAt === null).length,
    billUsd: Math.round(bill.totalUsd * 1e4) / 1e4,
    seconds: Math.round((performance.now() - startedMs) / 100) / 10,
  };
}

/** Every file that was on a disk when it was destroyed must be in S3 with the same size and hash. */
function assertSafe(
  instances: readonly SimInstance[],
  objects: readonly { key: string; size: number; sha256: string }[],
): void {
  const stored = new Map(objects.map((object) => [object.key, object]));
  for (const instance of instances) {
    const results = instance.filesAtDestroy.filter((file) => file.path.startsWith("/workspace/checkpoints/"));
    for (const file of results) {
      const copy = stored.get(`results/trainer/${instance.id}${file.path}`);
      if (copy?.size !== file.size || copy.sha256 !== file.sha256)
        throw new Error(`${file.path} of contract ${instance.id} is not safely in S3`);
    }
    say(`${instance.label}: ${results.length} files on its disk at the end, all in S3 with the same size and SHA-256`);
  }
}

async function storedObjects(cloud: LocalCloud): Promise<Summary["objects"]> {
  const client = new S3Client({
    endpoint: cloud.s3.url,
    region: cloud.s3.region,
    forcePathStyle: true,
    credentials: cloud.s3,
  });
  const Bucket = `pulumi-vast-${STACK}-000000000000-${cloud.s3.region}`;
  const listed = await client.send(new ListObjectsV2Command({ Bucket }));
  const objects: Summary["objects"] = [];
  for (const { Key = "", Size = 0 } of listed.Contents ?? []) {
    const body = await (await client.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToByteArray();
    objects.push({
      key: Key,
      size: Size,
      sha256: createHash("sha256")
        .update(body ?? new Uint8Array())
        .digest("hex"),
    });
  }
  return objects;
}

function printFleet(state: Awaited<ReturnType<LocalStack["exportState"]>>): void {
  const rows = (state.deployment.resources ?? [])
    .filter((resource) => resource.type === "pulumi-nodejs:dynamic/vast:Instance")
    .map((resource) => resource.outputs ?? {});
  const table = new Table({
    head: ["Label", "GPU", "Status", "$/h", "Contract", "SSH"],
    style: { head: [], border: [] },
  });
  for (const row of rows)
    table.push(
      [row.label, row.gpu, row.status, Number(row.dph).toFixed(3), row.contractId, row.sshCommand].map(String),
    );
  const total = rows.reduce((sum, row) => sum + Number(row.dph), 0);
  console.log(table.toString());
  say(`total: ${rows.length} instances, $${total.toFixed(3)}/h ($${(total * 24).toFixed(2)}/day) without volumes`);
}

function printResults(summary: Summary): void {
  step("What is left");
  const table = new Table({ head: ["Object in S3", "Bytes", "SHA-256"], style: { head: [], border: [] } });
  for (const object of summary.objects) table.push([object.key, String(object.size), `${object.sha256.slice(0, 16)}…`]);
  console.log(table.toString());
  say(
    `instances left: ${summary.instancesLeft}, volumes left: ${summary.volumesLeft}, bill: $${summary.billUsd}, ${summary.seconds} s`,
  );
  if (summary.instancesLeft > 0 || summary.volumesLeft > 0) throw new Error("something is still billing");
}

async function keepUp(cloud: LocalCloud, stack: LocalStack): Promise<void> {
  step("Kept up", "Ctrl-C stops the servers");
  const exported = Object.entries({ ...stack.env }).filter(([name]) => /^(PATH|AWS_|PULUMI_|VAST_|XDG_)/.test(name));
  for (const [name, value] of exported) console.log(`export ${name}='${value}'`);
  say(`then, in the checkout: pulumi up --stack ${STACK} --config-file ${stack.configFile}`);
  say(`market, instances, events and the bill, live: ${cloud.pageUrl}`);
  const timer = setInterval(() => {}, 60_000);
  await new Promise((resolve) => interrupted.signal.addEventListener("abort", resolve, { once: true }));
  clearInterval(timer);
  await cloud.stop();
}

function step(title: string, detail = ""): void {
  const elapsed = ((performance.now() - startedMs) / 1000).toFixed(0).padStart(4);
  console.log(`\n[${elapsed} s] ${title}${detail ? ` — ${detail}` : ""}`);
}

function say(line: string): void {
  console.log(`         ${line}`);
}

/**
 * Passes on the lines of a command that tell the story, each once; all of them are shown when something fails. The
 * engine prints a resource's messages while it runs, behind the resource's own status, and again at the end.
 */
function echo(pattern: RegExp): (line: string) => void {
  const shown = new Set<string>();
  return (line) => {
    const text = line
      .replace(/^[\s+~-]*pulumi:pulumi:Stack \S+\s+(?:running|creating|updating|deleting)?(?: \(\d+s\))?/, "")
      .trim();
    if (!pattern.test(text) || shown.has(text)) return;
    shown.add(text);
    say(text.length > 170 ? `${text.slice(0, 169)}…` : text);
  };
}
