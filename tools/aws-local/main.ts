import { createRequire } from "node:module";
import * as grpc from "@grpc/grpc-js";
import engineService from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import engine from "@pulumi/pulumi/proto/engine_pb.js";
import providerService from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import { createService } from "./service.ts";

const PARENT_CHECK_MS = 1_000;
/** What an orphan may still take for what is under way. */
const FINISH_WITHIN_MS = 30_000;

/** Serves the plugin protocol: prints its port, as the engine expects, and answers until the engine is gone. */
export async function main(args: string[]): Promise<void> {
  // Before the engine hears of us: one that is killed at once is not to be taken for our parent's successor.
  const parent = process.ppid;
  const version: string = createRequire(import.meta.url)("@pulumi/aws/package.json").version;
  // Whole states travel in one message: the default limit of 4 MB is too small for a large policy or object.
  const server = new grpc.Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  const service = createService({ version, env: process.env, log: engineLog(engineAddress(args)) });
  server.addService(providerService.ResourceProviderService, service);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  process.stdout.write(`${port}\n`);
  endWithParent(server, parent);
}

/** The engine puts its logging flags before its own address. */
function engineAddress(args: string[]): string | undefined {
  const rest = args.filter((arg, i) => !arg.startsWith("-") && args[i - 1] !== "--tracing");
  return rest[0];
}

function engineLog(address: string | undefined): (message: string) => void {
  if (!address) return (message) => process.stderr.write(`${message}\n`);
  const client = new engineService.EngineClient(address, grpc.credentials.createInsecure());
  return (message) => {
    const request = new engine.LogRequest();
    request.setSeverity(engine.LogSeverity.INFO);
    request.setMessage(message);
    client.log(request, () => {});
  };
}

/**
 * A killed engine cannot tell us to stop. What is under way is finished first: half a change would be forgotten. Not for
 * ever, though: a connection that nobody closes keeps a server from its end.
 */
function endWithParent(server: grpc.Server, parent: number): void {
  const look = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(look);
    server.tryShutdown(() => process.exit(0));
    setTimeout(() => process.exit(0), FINISH_WITHIN_MS);
  }, PARENT_CHECK_MS);
}
