import { Agent, request } from "node:http";

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: benches look into answers of every shape.
  body: any;
  /** From the first byte sent to the last byte received; parsing is not in it. */
  ms: number;
  bytes: number;
}

/** Node's servers close idle connections after 5 s. */
const IDLE_MS = 2_000;

/** One client of one base URL, on connections that stay open. */
export interface Client {
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  close(): void;
}

export function httpClient(baseUrl: string, token: string): Client {
  // Idle connections go before the server closes them: a call on one that is just being closed would fail.
  const agent = new Agent({ keepAlive: true, timeout: IDLE_MS });
  const call: Client["call"] = (method, path, body) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers: Record<string, string | number> = { authorization: `Bearer ${token}` };
      if (text !== undefined) {
        headers["content-type"] = "application/json";
        headers["content-length"] = Buffer.byteLength(text);
      }
      const startedMs = performance.now();
      const outgoing = request(baseUrl + path, { method, agent, headers }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () => {
          const ms = performance.now() - startedMs;
          if (!incoming.complete) return reject(new Error(`${method} ${path}: the answer was cut short`));
          const bytes = Buffer.concat(chunks);
          resolve({ status: incoming.statusCode ?? 0, body: parsed(bytes.toString()), ms, bytes: bytes.length });
        });
      });
      outgoing.on("error", reject);
      outgoing.end(text);
    });
  return { call, close: () => agent.destroy() };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The answer's body; anything but 200 is an error. */
export async function must(client: Client, method: string, path: string, body?: unknown): Promise<Answer["body"]> {
  const answer = await client.call(method, path, body);
  if (answer.status === 200) return answer.body;
  throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)?.slice(0, 300)}`);
}
