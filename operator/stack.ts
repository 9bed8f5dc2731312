import {
  CommandError,
  ConcurrentUpdateError,
  type EngineEvent,
  LocalWorkspace,
  Stack,
  StackNotFoundError,
} from "@pulumi/pulumi/automation/index.js";
import { VastError } from "pulumi-vast/internal/api/errors";
import { stackMarkPrefix } from "pulumi-vast/internal/lifecycle/mark";
import type { KnownResource, StackKnowledge } from "pulumi-vast/internal/lifecycle/reconcile/findings";
import { z } from "zod";

/** A stack of the project folder, through the Automation API: the same engine, backend and program as `pulumi` itself. */
export interface OperatorStack {
  readonly name: string;
  /** A setting of the stack's config, decrypted, e.g. `vast:owner`. */
  config(key: string): string | undefined;
  /** What the state knows now. */
  knowledge(): Promise<StackKnowledge>;
  /** What the program declares, as a preview shows it; nothing is changed. */
  program(): Promise<KnownResource[]>;
  /** Drops what is proven gone and creates that never ended. Fails while another update of the stack is under way. */
  refresh(onLine: (line: string) => void): Promise<void>;
  /** `pulumi up` of these resources alone. */
  up(urns: readonly string[], onLine: (line: string) => void): Promise<void>;
}

export async function openStack(options: { cwd: string; stack?: string | undefined }): Promise<OperatorStack> {
  const workspace = await LocalWorkspace.create({ workDir: options.cwd });
  const name = options.stack ?? (await selectedStack(workspace));
  const project = (await workspace.projectSettings().catch(explain(name))).name;
  const config = await workspace.getAllConfig(name).catch(explain(name));
  const owner = config["vast:owner"]?.value;
  if (!owner) {
    throw new VastError("config", `stack ${name} has no owner id, by which its contracts are told from others`, {
      fix: `if it never rented anything: pulumi config set vast:owner "$(openssl rand -hex 8)" --stack ${name}`,
    });
  }
  // Selecting would change which stack the next plain `pulumi` in this folder works on.
  workspace.selectStack = async () => {};
  const stack = await Stack.select(name, workspace);
  // As the program's own `pulumi.getStack()`: without the organisation.
  const markPrefix = stackMarkPrefix({ project, stack: name.split("/").at(-1) ?? name, owner });
  return {
    name,
    config: (key) => config[key]?.value,
    knowledge: async () => {
      const { deployment } = await workspace.exportStack(name).catch(explain(name));
      return { markPrefix, ...knownOf(deployment) };
    },
    program: async () => {
      const declared: KnownResource[] = [];
      await stack.preview({ onEvent: (event) => void declared.push(...declaredBy(event)) }).catch(explain(name));
      return declared;
    },
    refresh: async (onLine) => {
      await stack
        .refresh({ clearPendingCreates: true, color: "never", onOutput: onLine })
        .then(() => undefined, explain(name));
    },
    up: async (urns, onLine) => {
      await stack.up({ target: [...urns], color: "never", onOutput: onLine }).then(() => undefined, explain(name));
    },
  };
}

async function selectedStack(workspace: LocalWorkspace): Promise<string> {
  const selected = await workspace.stack().catch(explain("?"));
  if (selected) return selected.name;
  throw new VastError("config", `no stack is selected in ${workspace.workDir}`, {
    fix: "name one with --stack, or select it: pulumi stack select",
  });
}

const TYPE_PREFIX = "pulumi-nodejs:dynamic/vast:";
const typeSchema = z.enum(["Instance", "Volume", "CloudSyncTarget"]);

const resourceSchema = z.object({
  urn: z.string(),
  type: z.string(),
  id: z.string().optional(),
  inputs: z.record(z.string(), z.unknown()).optional(),
  outputs: z.record(z.string(), z.unknown()).optional(),
});
/** An export without `resources` is a stack that is empty; anything else of another shape is an error. */
const deploymentSchema = z.object({
  resources: z.array(resourceSchema).nullish(),
  pending_operations: z.array(z.object({ type: z.string(), resource: resourceSchema })).nullish(),
});

function knownOf(deployment: unknown): Pick<StackKnowledge, "recorded" | "pending"> {
  const parsed = deploymentSchema.parse(deployment);
  const creating = (parsed.pending_operations ?? []).filter(({ type }) => type === "creating");
  return {
    recorded: (parsed.resources ?? []).flatMap(resourceOf),
    pending: creating.flatMap(({ resource }) => resourceOf(resource)),
  };
}

function resourceOf({ urn, type, id, inputs, outputs }: z.infer<typeof resourceSchema>): KnownResource[] {
  const parsed = typeSchema.safeParse(type.startsWith(TYPE_PREFIX) ? type.slice(TYPE_PREFIX.length) : undefined);
  if (!parsed.success) return [];
  const props = shown({ ...inputs, ...outputs }) as Record<string, unknown>;
  return [{ urn, type: parsed.data, ...(id ? { id } : {}), props }];
}

/** In an export with its secrets shown, a secret is an object that holds its value as JSON. */
function shown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return value;
  const { plaintext } = value as { plaintext?: unknown };
  if (SECRET in value && typeof plaintext === "string") return JSON.parse(plaintext);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shown(item)]));
}

/** The engine's signature of values that are more than JSON. */
const SECRET = "4dabf18193072939515e22adb298388d";

const GOING = new Set(["delete", "delete-replaced", "discard", "discard-replaced", "read-discard"]);

function declaredBy({ resourcePreEvent }: EngineEvent): KnownResource[] {
  const metadata = resourcePreEvent?.metadata;
  if (!metadata?.new || GOING.has(metadata.op)) return [];
  const { urn, type, new: planned } = metadata;
  return resourceOf({ urn, type, inputs: planned.inputs });
}

/** The Automation API throws whole transcripts: what a person needs is the error among them, and what to do. */
function explain(stack: string): (error: unknown) => never {
  return (error) => {
    if (error instanceof StackNotFoundError)
      throw new VastError("config", `there is no stack "${stack}" in this project's backend`, {
        fix: "pulumi stack ls shows what there is; name one with --stack",
        cause: error,
      });
    if (error instanceof ConcurrentUpdateError)
      throw new VastError("blocked", `another update of stack ${stack} is under way, or was killed`, {
        fix: "let it end; if none is running: pulumi cancel. Nothing was changed",
        cause: error,
      });
    if (error instanceof CommandError) throw new VastError("blocked", errorsOf(error.message), { cause: error });
    throw error;
  };
}

function errorsOf(transcript: string): string {
  const lines = transcript.split("\n").map((line) => line.trim());
  const errors = lines.filter((line) => /^(error|warning: .*pending|→)/.test(line));
  return [...new Set(errors)].join("\n") || transcript;
}
