import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { vi } from "vitest";
import { type Context, createContext } from "../../provider/context.ts";
import { proofKey } from "../../provider/copy-out/canary.ts";
import type { Binding } from "../../provider/copy-out/inputs.ts";
import { checkInputs } from "../../provider/lifecycle/check.ts";
import { createInstance } from "../../provider/lifecycle/instance/create.ts";
import { crossChecks } from "../../provider/lifecycle/instance/cross-checks.ts";
import { inputsSchema } from "../../provider/lifecycle/instance/inputs.ts";
import type { InstanceState } from "../../provider/lifecycle/instance/outputs.ts";
import { plain } from "../../provider/lifecycle/instance/read.ts";
import { makeMark } from "../../provider/lifecycle/mark.ts";
import { type SimulatorOptions, startSimulator } from "../../simulator/server.ts";
import type { FaultSpec } from "../../simulator/world/faults.ts";
import { type S3Server, startS3Server } from "../../tools/s3.ts";

/** A contract as the simulator's admin side sees it. */
export interface AdminInstance {
  id: number;
  label: string;
  env: [string, string][];
  image: string;
  machineId: number;
  isBid: boolean;
  dphBase: number;
  diskGb: number;
  actual: string | null;
  intended: string;
  cur: string;
  destroyedAt: number | null;
  everRan: boolean;
}

export interface AdminRequest {
  at: number;
  method: string;
  route: string;
  path: string;
  status: number;
}

export type Inputs = Record<string, unknown>;
export const API_KEY = "key-of-the-first-account";

/** One simulated Vast.ai of a test's own, and the provider's context as an engine run would make it. */
export type VastWorld = Awaited<ReturnType<typeof startWorld>>;

export async function startWorld(options: Partial<SimulatorOptions> = {}) {
  const cache = mkdtempSync(join(tmpdir(), "vast-world-"));
  vi.stubEnv("XDG_CACHE_HOME", cache);
  const speed = options.speed ?? 300;
  const simulator = await startSimulator({ apiKey: API_KEY, seed: 7, market: "calm", ssh: false, ...options, speed });
  const logs: string[] = [];

  const admin = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${simulator.adminUrl}/admin${path}`, {
      method,
      headers: { authorization: `Bearer ${simulator.adminToken}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };

  const context = (different: Partial<Context["config"]> = {}, overrides: Parameters<typeof createContext>[1] = {}) =>
    createContext(
      {
        endpoint: simulator.url,
        apiKey: API_KEY,
        clockScale: speed,
        waiver: undefined,
        sshKeyFile: undefined,
        source: { endpoint: "vast:apiUrl", apiKey: "vast:apiKey" },
        ...different,
      },
      { log: (line) => void logs.push(line), engineIsAlive: async () => true, ...overrides },
    );

  return {
    url: simulator.url,
    speed,
    /** What users would have seen so far. */
    logs,
    admin,
    /** A new run of the engine: nothing is remembered from earlier ones. */
    context,
    fault: (fault: Partial<FaultSpec> & Pick<FaultSpec, "kind">) => admin<{ id: number }>("POST", "/faults", fault),
    clearFaults: () => admin("DELETE", "/faults"),
    instances: () => admin<AdminInstance[]>("GET", "/instances"),
    instancesEver: () => admin<AdminInstance[]>("GET", "/instances?all=1"),
    volumes: () => admin<{ id: number; label: string; machineId: number }[]>("GET", "/volumes"),
    forgetRequests: () => admin("DELETE", "/requests"),
    requests: async (route?: string) =>
      (await admin<AdminRequest[]>("GET", "/requests")).filter(
        (request) => route === undefined || request.route === route,
      ),
    /** Puts a file on an instance's disk. */
    write: (id: number, path: string, text: string, mtime?: number) =>
      admin("POST", `/instances/${id}/write`, { path, text, ...(mtime === undefined ? {} : { mtime }) }),
    /** Waits, as often as a person would look, until a contract is as wanted. */
    async until(id: number, wanted: (instance: AdminInstance) => boolean): Promise<void> {
      for (;;) {
        const found = (await admin<AdminInstance[]>("GET", "/instances?all=1")).find((instance) => instance.id === id);
        if (found && wanted(found)) return;
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    async [Symbol.asyncDispose]() {
      await simulator.close();
      vi.unstubAllEnvs();
      rmSync(cache, { recursive: true, force: true });
    },
  };
}

/** What a program says about a worker, at the least. */
export function worker(different: Inputs = {}, name = "trainer-0"): Inputs {
  return {
    mark: makeMark({ project: "p", stack: "dev", owner: "o", name }),
    label: name,
    offer: { gpu: "RTX 4090" },
    image: "ubuntu:22.04",
    disk: 20,
    ...different,
  };
}

/** As the engine passes them on: checked, with defaults. */
export function checked(inputs: Inputs): Inputs {
  const { inputs: complete, failures } = checkInputs(inputsSchema, inputs, crossChecks);
  if (failures.length > 0) throw new Error(JSON.stringify(failures));
  return complete;
}

export interface Held {
  id: string;
  state: InstanceState & Record<string, unknown>;
}

/** Creates an instance and keeps of it what the engine keeps. */
export async function create(context: Context, inputs: Inputs = worker()): Promise<Held> {
  const { id, outs } = await createInstance(context, checked(inputs));
  return { id, state: plain(outs) as Held["state"] };
}

/** The bucket side: a real S3 server, whose credentials the provider finds as it does in a shell. */
export async function startStorage() {
  const dir = mkdtempSync(join(tmpdir(), "vast-storage-"));
  const server: S3Server = await startS3Server({ dir });
  const credentials = { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey };
  const client = new S3Client({ endpoint: server.url, region: server.region, forcePathStyle: true, credentials });
  let buckets = 0;
  return {
    server,
    client,
    /** A bucket of the test's own, connected to the world's account; `proven` spares its first instance the canary. */
    async connect(world: VastWorld, { proven = true } = {}): Promise<Binding> {
      vi.stubEnv("AWS_ACCESS_KEY_ID", server.accessKeyId);
      vi.stubEnv("AWS_SECRET_ACCESS_KEY", server.secretAccessKey);
      buckets += 1;
      const bucket = `results-${buckets}`;
      await client.send(new CreateBucketCommand({ Bucket: bucket }));
      const { id } = await world.admin<{ id: number }>("POST", "/connections", {
        name: "s3c",
        endpoint: server.url,
        region: server.region,
        accessKeyId: server.accessKeyId,
        secretAccessKey: server.secretAccessKey,
      });
      const binding = { connectionId: id, bucket, prefix: "runs", region: server.region, endpoint: server.url };
      if (proven) await this.put(bucket, proofKey(binding), JSON.stringify({ connectionId: id }));
      return binding;
    },
    async keys(bucket: string, prefix = ""): Promise<string[]> {
      const page = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
      return (page.Contents ?? []).map((object) => object.Key ?? "").filter((key) => !key.includes("/.pulumi-vast/"));
    },
    async put(bucket: string, key: string, text: string): Promise<void> {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: text }));
    },
    async text(bucket: string, key: string): Promise<string> {
      const object = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return (await object.Body?.transformToString()) ?? "";
    },
    async stop(): Promise<void> {
      client.destroy();
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
export type Storage = Awaited<ReturnType<typeof startStorage>>;
