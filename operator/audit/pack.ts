import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Readable } from "node:stream";
import * as grpc from "@grpc/grpc-js";
import analyzerService from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import analyzer from "@pulumi/pulumi/proto/analyzer_pb.js";
import empties from "google-protobuf/google/protobuf/empty_pb.js";
import structs, { type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb.js";
import { VastError } from "pulumi-vast/internal/api/errors";
import { nameOf } from "../stack/state.ts";
import type { DeployedResource } from "./deployment.ts";
import type { AuditFinding } from "./finding.ts";

export interface PackOptions {
  /** Folder of the policy pack. */
  folder: string;
  project: string;
  stack: string;
  /** The stack's config, as packs read it. */
  config: Record<string, string>;
}

/**
 * The rules of a pack on what is deployed: the pack in a process of its own, spoken to as the engine speaks to it, so that
 * rules, levels, config and exceptions are those of every preview.
 */
export async function auditByPack(
  options: PackOptions,
  resources: readonly DeployedResource[],
): Promise<AuditFinding[]> {
  const pack = await startPack(options);
  const client = new analyzerService.AnalyzerClient(`127.0.0.1:${pack.port}`, grpc.credentials.createInsecure());
  try {
    const info = await call<analyzer.AnalyzerInfo>((done) => client.getAnalyzerInfo(new empties.Empty(), done));
    await call((done) => client.configure(configOf(info), done));
    const found: analyzer.AnalyzeDiagnostic[] = [];
    for (const resource of resources) {
      const answer = await call<analyzer.AnalyzeResponse>((done) => client.analyze(requestOf(resource), done));
      found.push(...answer.getDiagnosticsList().map((diagnostic) => at(diagnostic, resource.urn)));
    }
    const together = new analyzer.AnalyzeStackRequest().setResourcesList(resources.map(standing));
    found.push(
      ...(await call<analyzer.AnalyzeResponse>((done) => client.analyzeStack(together, done))).getDiagnosticsList(),
    );
    return found.map(findingOf);
  } finally {
    client.close();
    pack.stop();
  }
}

interface RunningPack {
  port: string;
  stop(): void;
}

async function startPack({ folder, project, stack, config }: PackOptions): Promise<RunningPack> {
  const runner = createRequire(join(folder, "package.json")).resolve("@pulumi/pulumi/cmd/run-policy-pack");
  const child = spawn(process.execPath, [runner, "127.0.0.1:0", "."], {
    cwd: folder,
    env: {
      ...process.env,
      PULUMI_NODEJS_PROJECT: project,
      PULUMI_NODEJS_STACK: stack,
      PULUMI_CONFIG: JSON.stringify(config),
      // Sums are held once, over the stack, as at the end of a preview.
      PULUMI_NODEJS_DRY_RUN: "true",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { port: await portOf(child, folder), stop: () => void child.kill("SIGKILL") };
}

/** The pack says on its first line where it listens; what else it says then is why it does not. */
async function portOf(child: ChildProcessByStdio<null, Readable, Readable>, folder: string): Promise<string> {
  let said = "";
  const { promise, resolve } = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const port = /^(\d+)$/m.exec(said)?.[1];
      if (port !== undefined) resolve(port);
    });
  const ended = once(child, "close").then(() => {
    throw new VastError(
      "config",
      `the policy pack in ${folder} did not start, so nothing was judged by it:\n${said.trim()}`,
      {
        fix: "put the config right, or name another pack with --policy-pack",
      },
    );
  });
  return Promise.race([promise, ended]);
}

/** Levels and config as the pack gives them for this stack, the way the engine passes them back. */
function configOf(info: analyzer.AnalyzerInfo): analyzer.ConfigureAnalyzerRequest {
  const request = new analyzer.ConfigureAnalyzerRequest();
  const given = info.getInitialconfigMap();
  for (const policy of info.getPoliciesList()) {
    const own = given.get(policy.getName());
    const level = (own ?? given.get("all"))?.getEnforcementlevel() ?? policy.getEnforcementlevel();
    const config = new analyzer.PolicyConfig().setEnforcementlevel(level);
    config.setProperties(own?.getProperties() ?? structs.Struct.fromJavaScript({}));
    request.getPolicyconfigMap().set(policy.getName(), config);
  }
  return request;
}

function requestOf(resource: DeployedResource): analyzer.AnalyzeRequest {
  return new analyzer.AnalyzeRequest()
    .setType(resource.type)
    .setUrn(resource.urn)
    .setName(resource.name)
    .setOptions(optionsOf(resource))
    .setProperties(structOf(resource.inputs));
}

/** What exists is judged together by its outputs. */
function standing(resource: DeployedResource): analyzer.AnalyzerResource {
  return new analyzer.AnalyzerResource()
    .setType(resource.type)
    .setUrn(resource.urn)
    .setName(resource.name)
    .setParent(resource.parent)
    .setOptions(optionsOf(resource))
    .setDependenciesList([...(resource.dependencies ?? [])])
    .setProperties(structOf(resource.outputs));
}

function optionsOf({ parent, protect, additionalSecretOutputs }: DeployedResource): analyzer.AnalyzerResourceOptions {
  return new analyzer.AnalyzerResourceOptions()
    .setParent(parent)
    .setProtect(protect)
    .setAdditionalsecretoutputsList([...additionalSecretOutputs]);
}

function structOf(values: Record<string, unknown>): structs.Struct {
  return structs.Struct.fromJavaScript(values as Record<string, JavaScriptValue>);
}

function at(diagnostic: analyzer.AnalyzeDiagnostic, urn: string): analyzer.AnalyzeDiagnostic {
  return diagnostic.getUrn() === "" ? diagnostic.setUrn(urn) : diagnostic;
}

function findingOf(diagnostic: analyzer.AnalyzeDiagnostic): AuditFinding {
  const isAdvisory = diagnostic.getEnforcementlevel() === analyzer.EnforcementLevel.ADVISORY;
  // The first line is the rule's own description.
  const lines = diagnostic.getMessage().split("\n");
  return {
    rule: diagnostic.getPolicyname(),
    level: isAdvisory ? "advisory" : "mandatory",
    subject: nameOf(diagnostic.getUrn()) || "the stack",
    message: (lines.length > 1 ? lines.slice(1) : lines).join(" ").trim(),
  };
}

function call<Answer>(
  start: (done: (error: grpc.ServiceError | null, answer: Answer) => void) => unknown,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    start((error, answer) => (error ? reject(refusal(error)) : resolve(answer)));
  });
}

function refusal(error: grpc.ServiceError): VastError {
  return new VastError("config", `a policy could not be judged: ${error.details.split("\n")[0]}`, { cause: error });
}
