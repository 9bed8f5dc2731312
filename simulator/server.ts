import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type ServerType, serve } from "@hono/node-server";
import pino from "pino";
import { adminApp } from "./admin/app.ts";
import { Api } from "./http/api.ts";
import { ENDPOINTS } from "./routes/all.ts";
import { HostDoor } from "./ssh/host-door.ts";
import { makeHostKey } from "./ssh/listener.ts";
import { SshDoor } from "./ssh/server.ts";
import { addAccount } from "./world/accounts.ts";
import { claimLoopbackBlock } from "./world/addresses.ts";
import { populate } from "./world/market.ts";
import { enliven } from "./world/market-life.ts";
import type { SimulatorOptions } from "./world/options.ts";
import { World } from "./world/world.ts";

export type { Choices, SimulatorOptions } from "./world/options.ts";

export interface Simulator extends AsyncDisposable {
  url: string;
  adminUrl: string;
  adminToken: string;
  apiKey: string;
  close(): Promise<void>;
}

/** Loopback only: what it serves looks like an account with money. */
const HOST = "127.0.0.1";
const DEFAULT_OFFERS = 600;
const DEFAULT_CREDIT_USD = 1000;

export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const ownData = options.data === undefined;
  const data = ownData ? mkdtempSync(join(tmpdir(), "vast-simulator-")) : resolve(options.data as string);
  mkdirSync(data, { recursive: true });
  const log = options.log
    ? pino({ level: "debug" }, pino.destination({ dest: options.log, mkdir: true, sync: false }))
    : pino({ level: "error" }, pino.destination({ dest: 2, sync: true }));
  const loopback = (options.ssh ?? true) && process.platform === "linux" ? await claimLoopbackBlock() : undefined;
  const world = new World(options, data, log, loopback?.block ?? null);
  const doors = loopback ? openDoors(world, loopback.block) : [];
  populate(world, options.offers ?? DEFAULT_OFFERS);
  if (options.market === "live") enliven(world);
  addAccount(world, { apiKey: options.apiKey, creditUsd: options.credit ?? DEFAULT_CREDIT_USD });

  const api = new Api(world, ENDPOINTS);
  const adminToken = options.adminToken ?? randomBytes(24).toString("hex");
  const publicServer = await listen(api.app.fetch, options.port ?? 0);
  const adminServer = await listen(adminApp(world, api, adminToken).fetch, options.adminPort ?? 0).catch(
    async (error: unknown) => {
      await stopListening(publicServer);
      throw error;
    },
  );
  api.baseUrl = urlOf(publicServer);

  const close = async (): Promise<void> => {
    for (const job of [...world.copies.values()].flat()) job.abort.abort(new Error("the simulator stops"));
    world.sleepers.close();
    world.clock.close();
    api.close();
    await Promise.all([
      stopListening(publicServer),
      stopListening(adminServer),
      ...doors.map((door) => door.close()),
      loopback?.release(),
    ]);
    log.flush();
    if (ownData) rmSync(data, { recursive: true, force: true });
  };
  return {
    url: api.baseUrl,
    adminUrl: urlOf(adminServer),
    adminToken,
    apiKey: options.apiKey,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** SSH of the instances, and of their hosts for copies with the client's own disk. */
function openDoors(world: World, block: number): (SshDoor | HostDoor)[] {
  const hostKey = makeHostKey();
  const hosts = new HostDoor(world, hostKey);
  world.localCopies = hosts;
  const doors = [new SshDoor(world, block, hostKey), hosts];
  world.followers.push((contract) => {
    for (const door of doors) door.follow(contract);
  });
  return doors;
}

type Fetch = Parameters<typeof serve>[0]["fetch"];

function listen(fetch: Fetch, port: number): Promise<ServerType> {
  return new Promise((resolvePromise, reject) => {
    const server = serve({ fetch, port, hostname: HOST }, () => resolvePromise(server));
    (server as Server).once("error", reject);
  });
}

function urlOf(server: ServerType): string {
  const { port } = server.address() as AddressInfo;
  return `http://${HOST}:${port}`;
}

function stopListening(server: ServerType): Promise<void> {
  return new Promise((resolvePromise) => {
    server.close(() => resolvePromise());
    // Keep-alive connections of clients would hold the close open.
    if ("closeAllConnections" in server) server.closeAllConnections();
  });
}
