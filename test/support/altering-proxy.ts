import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

type Json = Record<string, unknown>;

/** Stands in front of a service and changes the bodies of requests on their way, as a service with a mind of its own would. */
export async function startAlteringProxy(
  serviceUrl: string,
  alter: (method: string, path: string, body: Json) => Json,
) {
  const server = createServer(async (request, response) => {
    const { method = "GET", url: path = "/" } = request;
    const text = await textOf(request);
    const body = text === "" ? undefined : JSON.stringify(alter(method, path, JSON.parse(text) as Json));
    const headers = { authorization: request.headers.authorization ?? "", "content-type": "application/json" };
    const answer = await fetch(serviceUrl + path, { method, headers, ...(body === undefined ? {} : { body }) });
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "application/json" });
    response.end(await answer.text());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += String(chunk);
  return text;
}
