import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export interface SeenRequest {
  method: string;
  url: string;
  authorization: string | undefined;
  body: string;
}

/** What a request gets; `drop` cuts the connection before a word, `half` after half of the body. */
export type Answer = { status?: number; type?: string; body?: unknown; cut?: "drop" | "half" };

export interface AnsweringServer {
  readonly url: string;
  readonly requests: SeenRequest[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** A real HTTP server on this machine that gives one answer after the other, the last one for ever. */
export async function answeringServer(
  answers: readonly Answer[] | ((request: SeenRequest, nth: number) => Answer),
): Promise<AnsweringServer> {
  const requests: SeenRequest[] = [];
  const server = createServer(async (incoming, outgoing) => {
    const request = {
      method: incoming.method ?? "",
      url: incoming.url ?? "",
      authorization: incoming.headers.authorization,
      body: await bodyOf(incoming),
    };
    const nth = requests.push(request) - 1;
    const answer = typeof answers === "function" ? answers(request, nth) : (answers[nth] ?? answers.at(-1) ?? {});
    if (answer.cut === "drop") return void incoming.socket.destroy();
    const text = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body ?? {});
    outgoing.writeHead(answer.status ?? 200, {
      "content-type": answer.type ?? "application/json",
      "content-length": Buffer.byteLength(text),
    });
    if (answer.cut === "half") {
      outgoing.write(text.slice(0, Math.floor(text.length / 2)), () => incoming.socket.destroy());
      return;
    }
    outgoing.end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of incoming) body += String(chunk);
  return body;
}
