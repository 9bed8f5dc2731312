import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { Props } from "../../tools/aws-local/wire.ts";
import { startS3Server } from "../../tools/s3.ts";
import { startAwsPlugin } from "./aws-plugin.ts";

/** The real S3 server, the AWS stand-in configured for it, and a client with all rights to look behind it. */
export async function openAwsScene() {
  const dir = mkdtempSync(join(tmpdir(), "aws-local-"));
  const server = await startS3Server({ dir });
  const clientOf = (credentials: { accessKeyId: string; secretAccessKey: string }) =>
    new S3Client({ endpoint: server.url, region: server.region, forcePathStyle: true, credentials });
  const startPlugin = async (settings: Props = {}) => {
    const plugin = await startAwsPlugin({
      AWS_ACCESS_KEY_ID: server.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
      AWS_REGION: server.region,
      AWS_ENDPOINT_URL_S3: server.url,
      AWS_ENDPOINT_URL_IAM: server.iamUrl,
    });
    await plugin.configure(settings);
    return plugin;
  };
  const plugin = await startPlugin();
  return {
    plugin,
    startPlugin,
    clientOf,
    root: clientOf(server),
    async close(): Promise<void> {
      await plugin.stop();
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export type AwsScene = Awaited<ReturnType<typeof openAwsScene>>;

export function put(client: S3Client, Bucket: string, Key: string) {
  return client.send(new PutObjectCommand({ Bucket, Key, Body: "bytes" }));
}
