import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import services from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import messages from "@pulumi/pulumi/proto/provider_pb.js";
import { decode, encode, type Props } from "../../tools/aws-local/wire.ts";

export const EXECUTABLE = fileURLToPath(new URL("../../tools/aws-local/pulumi-resource-aws", import.meta.url));

/** The AWS stand-in as the engine starts it and speaks to it, from a folder that is not the checkout. */
export async function startAwsPlugin(env: Record<string, string>) {
  const { PATH = "" } = process.env;
  const child = spawn(EXECUTABLE, [], { cwd: "/", env: { PATH, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  child.stderr.on("data", (data) => {
    log += data;
  });
  const [port] = await Promise.race([
    once(createInterface(child.stdout), "line"),
    once(child, "exit").then(() => Promise.reject(new Error(`the plugin did not start: ${log}`))),
  ]);
  const client = new services.ResourceProviderClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());

  return {
    log: () => log,

    async checkConfig(settings: Props): Promise<string[]> {
      const request = new messages.CheckRequest().setNews(encode(settings));
      const response = await call(client, client.checkConfig, request);
      return response.getFailuresList().map((failure) => failure.getReason());
    },
    async configure(settings: Props = {}): Promise<void> {
      await call(client, client.configure, new messages.ConfigureRequest().setArgs(encode(settings)));
    },
    async check(type: string, name: string, news: Props, olds: Props = {}) {
      const request = new messages.CheckRequest().setUrn(urn(type, name)).setNews(encode(news)).setOlds(encode(olds));
      const response = await call(client, client.check, request);
      const failures = response.getFailuresList().map((failure) => failure.getReason());
      return { inputs: decode(response.getInputs()), failures };
    },
    async diff(type: string, olds: Props, news: Props) {
      const request = new messages.DiffRequest().setUrn(urn(type)).setOldInputs(encode(olds)).setNews(encode(news));
      const response = await call(client, client.diff, request);
      const { DIFF_SOME } = messages.DiffResponse.DiffChanges;
      return {
        changed: response.getChanges() === DIFF_SOME ? response.getDiffsList() : [],
        replaces: response.getReplacesList(),
        deleteFirst: response.getDeletebeforereplace(),
      };
    },
    /** Checks and creates, as the engine does. */
    async create(type: string, program: Props, name = "x") {
      const { inputs, failures } = await this.check(type, name, program);
      if (failures.length > 0) throw new Error(failures.join("\n"));
      const request = new messages.CreateRequest().setUrn(urn(type, name)).setProperties(encode(inputs));
      const response = await call(client, client.create, request);
      const raw = (response.getProperties()?.toJavaScript() ?? {}) as Props;
      return { id: response.getId(), state: decode(response.getProperties()), raw, inputs };
    },
    async read(type: string, id: string, state: Props = {}, inputs: Props = {}) {
      const request = new messages.ReadRequest().setUrn(urn(type)).setId(id);
      const full = request.setProperties(encode(state)).setInputs(encode(inputs));
      const response = await call(client, client.read, full);
      return { id: response.getId(), state: decode(response.getProperties()), inputs: decode(response.getInputs()) };
    },
    async update(type: string, id: string, state: Props, inputs: Props): Promise<Props> {
      const request = new messages.UpdateRequest().setUrn(urn(type)).setId(id);
      const full = request.setOlds(encode(state)).setNews(encode(inputs));
      return decode((await call(client, client.update, full)).getProperties());
    },
    async delete(type: string, id: string, state: Props): Promise<void> {
      const request = new messages.DeleteRequest().setUrn(urn(type)).setId(id).setProperties(encode(state));
      await call(client, client.delete, request);
    },
    async invoke(token: string, args: Props = {}): Promise<Props> {
      const request = new messages.InvokeRequest().setTok(token).setArgs(encode(args));
      return decode((await call(client, client.invoke, request)).getReturn());
    },
    async stop(): Promise<void> {
      client.close();
      if (child.exitCode === null) {
        child.kill();
        await once(child, "exit");
      }
    },
  };
}

export type AwsPlugin = Awaited<ReturnType<typeof startAwsPlugin>>;

function urn(type: string, name = "x"): string {
  return `urn:pulumi:test::test::pulumi:pulumi:Stack$${type}::${name}`;
}

type Callback<A> = (error: grpc.ServiceError | null, answer: A) => void;

/** The client's methods are overloaded; what is left of them for inference is their last form, with options. */
type Unary<Q, A> = (request: Q, metadata: grpc.Metadata, options: object, callback: Callback<A>) => unknown;

function call<Q, A>(client: object, method: Unary<Q, A>, request: Q): Promise<A> {
  return new Promise((resolve, reject) => {
    method.call(client, request, new grpc.Metadata(), {}, (error, answer) =>
      error ? reject(new Error(error.details)) : resolve(answer),
    );
  });
}
