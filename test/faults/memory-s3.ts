import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface Stored {
  bytes: Buffer;
  mtime: string | undefined;
}
/** By bucket, a run's own, and key: what a listing costs does not grow with the runs before it. */
type Buckets = Map<string, Map<string, Stored>>;

export interface MemoryS3 extends AsyncDisposable {
  url: string;
}

/**
 * As much of S3 as a copy-out needs, in memory: for the runs that are many. A share of the runs uses the real server, which
 * costs a hundred times as much.
 */
export async function memoryS3(): Promise<MemoryS3> {
  const buckets: Buckets = new Map();
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => answer(buckets, incoming, Buffer.concat(chunks), outgoing));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(buckets: Buckets, incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse): void {
  const url = new URL(incoming.url ?? "/", "http://memory");
  const [, bucket = "", ...rest] = url.pathname.split("/").map(decodeURIComponent);
  const key = rest.join("/");
  const stored = buckets.get(bucket) ?? new Map<string, Stored>();
  buckets.set(bucket, stored);
  if (incoming.method === "PUT") {
    put(stored, key, incoming, body, outgoing);
    return;
  }
  if (key === "") return void outgoing.writeHead(200, XML).end(bucketAnswer(stored, bucket, url.searchParams));
  const object = stored.get(key);
  if (!object) return void outgoing.writeHead(404, XML).end("<Error><Code>NoSuchKey</Code></Error>");
  const mtime = object.mtime === undefined ? {} : { "x-amz-meta-mtime": object.mtime };
  outgoing.writeHead(200, { "content-length": object.bytes.length, etag: etagOf(object.bytes), ...mtime });
  outgoing.end(incoming.method === "HEAD" ? undefined : object.bytes);
}

const XML = { "content-type": "application/xml" };

function etagOf(bytes: Buffer): string {
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
}

function put(
  stored: Map<string, Stored>,
  key: string,
  { headers }: IncomingMessage,
  body: Buffer,
  outgoing: ServerResponse,
): void {
  const bytes = String(headers["content-encoding"] ?? "").includes("aws-chunked") ? unchunked(body) : body;
  const mtime = headers["x-amz-meta-mtime"];
  stored.set(key, { bytes, mtime: mtime === undefined ? undefined : String(mtime) });
  outgoing.writeHead(200, { etag: etagOf(bytes) }).end();
}

/** The SDK's framing of streams: `<hex length>[;signature]\r\n<bytes>\r\n … 0\r\n<trailer>`. */
function unchunked(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = body.indexOf("\r\n", at);
    const length = Number.parseInt(body.subarray(at, end).toString("latin1"), 16);
    if (!(length > 0)) return Buffer.concat(parts);
    parts.push(body.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
}

function bucketAnswer(stored: Map<string, Stored>, bucket: string, query: URLSearchParams): string {
  if (query.has("versioning")) return "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
  const prefix = query.get("prefix") ?? "";
  const items = [...stored]
    .filter(([key]) => key.startsWith(prefix))
    .map(
      ([key, { bytes }]) =>
        `<Contents><Key>${escaped(key)}</Key><Size>${bytes.length}</Size>` +
        "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>",
    );
  return `<ListBucketResult><Name>${bucket}</Name><IsTruncated>false</IsTruncated>${items.join("")}</ListBucketResult>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
