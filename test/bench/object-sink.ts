import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Takes what copies send and forgets the bytes: enough of S3 for a bench of the simulator, without a server to build. */
export interface ObjectSink extends AsyncDisposable {
  url: string;
  objects(): number;
}

interface Stored {
  size: number;
  mtime: string;
}

export async function objectSink(): Promise<ObjectSink> {
  const stored = new Map<string, Stored>();
  const server = createServer((incoming, outgoing) => {
    incoming.resume();
    incoming.on("end", () => answer(stored, incoming, outgoing));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects: () => stored.size,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(stored: Map<string, Stored>, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const url = new URL(incoming.url ?? "/", "http://sink");
  const [, bucket = "", ...rest] = decodeURIComponent(url.pathname).split("/");
  const key = `${bucket}/${rest.join("/")}`;
  if (incoming.method === "PUT") {
    const size = Number(incoming.headers["x-amz-decoded-content-length"] ?? incoming.headers["content-length"] ?? 0);
    stored.set(key, { size, mtime: String(incoming.headers["x-amz-meta-mtime"] ?? "") });
    outgoing.writeHead(200, { etag: '"sink"' }).end();
    return;
  }
  const object = stored.get(key);
  if (incoming.method === "HEAD") {
    if (!object) outgoing.writeHead(404).end();
    else outgoing.writeHead(200, { "content-length": object.size, "x-amz-meta-mtime": object.mtime }).end();
    return;
  }
  outgoing.writeHead(200, { "content-type": "application/xml" }).end(listing(stored, bucket, url.searchParams));
}

/** All in one page: the folder of one instance holds a handful of checkpoints. */
function listing(stored: Map<string, Stored>, bucket: string, query: URLSearchParams): string {
  const prefix = `${bucket}/${query.get("prefix") ?? ""}`;
  const items = [...stored]
    .filter(([key]) => key.startsWith(prefix))
    .map(
      ([key, { size }]) =>
        `<Contents><Key>${key.slice(bucket.length + 1)}</Key><Size>${size}</Size>` +
        "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>",
    );
  return `<ListBucketResult><Name>${bucket}</Name><IsTruncated>false</IsTruncated>${items.join("")}</ListBucketResult>`;
}
