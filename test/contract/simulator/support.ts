import { type Simulator, type SimulatorOptions, startSimulator } from "../../../simulator/server.ts";
import { noteAnswer, noteRoute } from "./exercised.ts";

export const KEY = "key-of-the-first-account";
export const START = 1_793_000_000;

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  body: any;
  type: string | null;
}

export interface Bench extends AsyncDisposable {
  simulator: Simulator;
  /** A call with the first account's key, another one, or none (null). */
  call(method: string, path: string, body?: unknown, key?: string | null): Promise<Answer>;
  admin(method: string, path: string, body?: unknown): Promise<Answer>;
  step(seconds: number): Promise<void>;
  /** Offers for a query, cheapest first. */
  offers(query?: Record<string, unknown>): Promise<Record<string, unknown>[]>;
  rent(body?: Record<string, unknown>, query?: Record<string, unknown>): Promise<number>;
  show(id: number): Promise<Record<string, unknown>>;
  /** Steps until a row satisfies the condition; fails after an hour of virtual time. */
  until(id: number, holds: (row: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
}

/** A simulator whose clock stands still unless a test steps it; rate limits are off unless a test is about them. */
export async function bench(options: Partial<SimulatorOptions> = {}): Promise<Bench> {
  const simulator = await startSimulator({
    apiKey: KEY,
    seed: 7,
    paused: true,
    startAt: START,
    choices: { enforceRateLimits: false },
    ...options,
  });
  const call: Bench["call"] = async (method, path, body, key = KEY) => {
    const answer = await send(simulator.url + path, method, body, key === null ? undefined : key);
    noteAnswer(answer.status, answer.body);
    return answer;
  };
  const admin: Bench["admin"] = (method, path, body) =>
    send(simulator.adminUrl + path, method, body, simulator.adminToken);
  const step: Bench["step"] = async (seconds) => {
    const answer = await admin("POST", "/admin/clock", { step: seconds });
    if (answer.status !== 200) throw new Error(`step: ${JSON.stringify(answer.body)}`);
  };
  const offers: Bench["offers"] = async (query = {}) => {
    const answer = await call("POST", "/api/v0/bundles/", { order: [["dph_total", "asc"]], ...query });
    return answer.body.offers;
  };
  const rent: Bench["rent"] = async (body = {}, query = { num_gpus: { eq: 1 } }) => {
    const [offer] = await offers(query);
    if (!offer) throw new Error(`no offer matches ${JSON.stringify(query)}`);
    const answer = await call("PUT", `/api/v0/asks/${offer.id}/`, { ...CREATE, ...body });
    if (answer.status !== 200) throw new Error(`rent: ${JSON.stringify(answer.body)}`);
    return answer.body.new_contract;
  };
  const show: Bench["show"] = async (id) =>
    (await call("GET", `/api/v0/instances/${id}/?owner=me`)).body.instances as Record<string, unknown>;
  const until: Bench["until"] = async (id, holds) => {
    for (let seconds = 0; seconds <= 3600; seconds += 5) {
      const row = await show(id);
      if (row && holds(row)) return row;
      await step(5);
    }
    throw new Error(`instance ${id} never got there: ${JSON.stringify(await show(id))}`);
  };
  return {
    simulator,
    call,
    admin,
    step,
    offers,
    rent,
    show,
    until,
    [Symbol.asyncDispose]: async () => {
      const requests = (await admin("GET", "/admin/requests")).body as { route: string; status: number }[];
      for (const request of requests) noteRoute(request);
      await simulator.close();
    },
  };
}

export const CREATE = {
  client_id: "me",
  image: "nvidia/cuda:12.2.0-base-ubuntu22.04",
  disk: 10,
  runtype: "ssh_direct",
};

export const isRunning = (row: Record<string, unknown>): boolean => row.actual_status === "running";
export const hasExited = (row: Record<string, unknown>): boolean =>
  row.actual_status === "exited" && row.cur_state === "stopped";

async function send(url: string, method: string, body: unknown, key: string | undefined): Promise<Answer> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (key !== undefined) headers.authorization = `Bearer ${key}`;
  const init: RequestInit = { method, headers };
  if (body !== undefined) init.body = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(url, init);
  const text = await response.text();
  return { status: response.status, type: response.headers.get("content-type"), body: parse(text) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
