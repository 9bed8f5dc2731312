import { isDeepStrictEqual } from "node:util";
import * as grpc from "@grpc/grpc-js";
import pluginMessages from "@pulumi/pulumi/proto/plugin_pb.js";
import messages from "@pulumi/pulumi/proto/provider_pb.js";
import empties from "google-protobuf/google/protobuf/empty_pb.js";
import { Aws } from "./aws.ts";
import { functions, resourceTypes, STATE_ONLY_NOTICE, stateOnly } from "./catalog.ts";
import { readConfig } from "./config.ts";
import { type CheckFailure, check, diff, type ResourceType } from "./resource.ts";
import { decode, encode, type Props } from "./wire.ts";

export interface ServiceOptions {
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  readonly log: (message: string) => void;
}

/**
 * The plugin protocol over the resource types. The server that comes with the SDK (provider.main) would do most of
 * it, but drops the configuration, and without that nothing can be refused that is not on this machine.
 */
export function createService({ version, env, log }: ServiceOptions): grpc.UntypedServiceImplementation {
  let configured: Aws | undefined;
  let noticed = false;
  const aws = () => {
    if (!configured) throw new Error("The local AWS stand-in was asked to work before it was configured.");
    return configured;
  };
  const noticeStateOnly = (type: ResourceType) => {
    if (!stateOnly.has(type.token) || noticed) return;
    noticed = true;
    log(STATE_ONLY_NOTICE);
  };

  return {
    getPluginInfo: unary(async () => new pluginMessages.PluginInfo().setVersion(version)),
    attach: unary(async () => new empties.Empty()),
    cancel: unary(async () => new empties.Empty()),

    // As a failed check the refusal is shown as it is; configure would refuse as well, with the protocol's words around.
    checkConfig: unary(async (request: InstanceType<typeof messages.CheckRequest>) => {
      const response = new messages.CheckResponse().setInputs(request.getNews());
      try {
        readConfig(decode(request.getNews()), env, version);
        return response;
      } catch (error) {
        return response.setFailuresList([failure({ property: "", reason: (error as Error).message })]);
      }
    }),

    // New settings (another port) are an update of the provider, never a replacement of everything made with it.
    diffConfig: unary(async (request: InstanceType<typeof messages.DiffRequest>) => {
      const { DIFF_SOME, DIFF_NONE } = messages.DiffResponse.DiffChanges;
      const isSame = isDeepStrictEqual(decode(request.getOldInputs()), decode(request.getNews()));
      return new messages.DiffResponse().setChanges(isSame ? DIFF_NONE : DIFF_SOME);
    }),

    configure: unary(async (request: InstanceType<typeof messages.ConfigureRequest>) => {
      configured = new Aws(readConfig(decode(request.getArgs()), env, version));
      // Secrets come in as plain values (the engine keeps the marks of the inputs) and go out marked.
      return new messages.ConfigureResponse().setSupportspreview(true);
    }),

    check: unary(async (request: InstanceType<typeof messages.CheckRequest>) => {
      const type = typeOf(request.getUrn());
      noticeStateOnly(type);
      const olds = decode(request.getOlds());
      const news = decode(request.getNews());
      const { inputs, failures } = check(type, nameOf(request.getUrn()), olds, news, request.getRandomseed_asU8());
      return new messages.CheckResponse().setInputs(encode(inputs)).setFailuresList(failures.map(failure));
    }),

    diff: unary(async (request: InstanceType<typeof messages.DiffRequest>) => {
      const type = typeOf(request.getUrn());
      const changes = diff(type, decode(request.getOldInputs()), decode(request.getNews()));
      const { DIFF_SOME, DIFF_NONE } = messages.DiffResponse.DiffChanges;
      return new messages.DiffResponse()
        .setChanges(changes.changed.length > 0 ? DIFF_SOME : DIFF_NONE)
        .setDiffsList(changes.changed)
        .setReplacesList(changes.replaces)
        .setDeletebeforereplace(changes.deleteBeforeReplace);
    }),

    create: unary(async (request: InstanceType<typeof messages.CreateRequest>) => {
      const type = typeOf(request.getUrn());
      const inputs = decode(request.getProperties());
      // What only AWS can tell is left out of a preview: the SDK shows what is missing as not known yet.
      if (request.getPreview()) return new messages.CreateResponse().setProperties(encode(inputs));
      const { id, outputs } = await type.create(aws(), inputs);
      return new messages.CreateResponse().setId(id).setProperties(encode(outputs));
    }),

    read: unary(async (request: InstanceType<typeof messages.ReadRequest>) => {
      const type = typeOf(request.getUrn());
      const state = decode(request.getProperties());
      const found = await type.read(aws(), request.getId(), state, decode(request.getInputs()));
      if (!found) return new messages.ReadResponse();
      const response = new messages.ReadResponse().setId(request.getId());
      return response.setProperties(encode(found.outputs)).setInputs(encode(found.inputs));
    }),

    update: unary(async (request: InstanceType<typeof messages.UpdateRequest>) => {
      const type = typeOf(request.getUrn());
      const state = decode(request.getOlds());
      const inputs = decode(request.getNews());
      if (request.getPreview()) return new messages.UpdateResponse().setProperties(encode({ ...state, ...inputs }));
      if (!type.update) throw new Error(`${type.token} cannot be updated in place.`);
      const outputs = await type.update(aws(), request.getId(), state, inputs);
      return new messages.UpdateResponse().setProperties(encode(outputs));
    }),

    delete: unary(async (request: InstanceType<typeof messages.DeleteRequest>) => {
      await typeOf(request.getUrn()).delete(aws(), request.getId(), decode(request.getProperties()));
      return new empties.Empty();
    }),

    invoke: unary(async (request: InstanceType<typeof messages.InvokeRequest>) => {
      const token = request.getTok();
      const run = functions[token];
      if (!run) throw new Error(unknown("function", token, Object.keys(functions)));
      const result: Props = await run(aws(), decode(request.getArgs()));
      return new messages.InvokeResponse().setReturn(encode(result));
    }),
  };
}

function unary<Request, Response>(handle: (request: Request) => Promise<Response>) {
  return (call: { request: Request }, callback: grpc.sendUnaryData<Response>) => {
    handle(call.request).then(
      (response) => callback(null, response),
      (error: Error) => callback({ code: grpc.status.UNKNOWN, details: error.message }, null),
    );
  };
}

/** urn:pulumi:<stack>::<project>::<parent type>$<type>::<name>, where the name may hold "::" again. */
function typeOf(urn: string): ResourceType {
  const token = urn.split("::")[2]?.split("$").at(-1) ?? urn;
  const type = resourceTypes[token];
  if (!type) throw new Error(unknown("resource type", token, Object.keys(resourceTypes)));
  return type;
}

function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

function unknown(what: string, token: string, known: string[]): string {
  return `The local AWS stand-in (tools/aws-local) has no ${what} ${token}. It has: ${known.toSorted().join(", ")}.`;
}

function failure({ property, reason }: CheckFailure) {
  return new messages.CheckFailure().setProperty(property).setReason(reason);
}
