import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Client, httpClient } from "./http.ts";
import type { Usage } from "./probe.ts";

const CLI = fileURLToPath(new URL("../../simulator/cli.ts", import.meta.url));
const PROBE = new URL("./probe.ts", import.meta.url).href;
const KEY = "key-of-the-bench";

/** The simulator as its own process, started through its command line. */
export interface SimulatorProcess extends AsyncDisposable {
  url: string;
  api: Client;
  admin: Client;
  /** Memory and processor time; with `collect`, after a garbage collection. */
  usage(collect: boolean): Promise<Usage>;
}

export async function startSimulatorProcess(flags: Record<string, string | number | true>): Promise<SimulatorProcess> {
  const words = Object.entries(flags).flatMap(([name, value]) => (value === true ? [name] : [name, String(value)]));
  const child = spawn(process.execPath, ["--expose-gc", "--import", PROBE, CLI, "--api-key", KEY, ...words], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const exited = once(child, "exit");
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    await exited;
  };
  const ready = once(createInterface(child.stdout as NonNullable<typeof child.stdout>), "line");
  const line = await Promise.race([ready, exited.then(([code]) => Promise.reject(new Error(`it ended with ${code}`)))])
    .then(([text]) => String(text))
    .catch((error: Error) => {
      throw new Error(`the simulator did not start: ${error.message}`);
    });
  const { url, adminUrl, adminToken } = JSON.parse(line) as Record<"url" | "adminUrl" | "adminToken", string>;
  const api = httpClient(url, KEY);
  const admin = httpClient(adminUrl, adminToken);
  return {
    url,
    api,
    admin,
    usage: async (collect) => {
      const answer = once(child, "message");
      child.send({ collect });
      const [usage] = await answer;
      return usage as Usage;
    },
    [Symbol.asyncDispose]: async () => {
      api.close();
      admin.close();
      await stop();
    },
  };
}
