import { type EngineEvent, LocalWorkspace, type ProjectSettings, Stack } from "@pulumi/pulumi/automation/index.js";
import { VastError } from "pulumi-vast/internal/api/errors";
import { type StackIdentity, stackMarkPrefix } from "pulumi-vast/internal/lifecycle/mark";
import { Interrupted } from "./clock.ts";
import { type FleetEdit, type FleetsConfig, fleetsConfig } from "./fleet/config.ts";
import { explain, StackBusyError } from "./stack/errors.ts";
import { addEvent, noChanges, type PlannedChanges } from "./stack/preview.ts";
import { knownOf, type StackResource, type StackState } from "./stack/state.ts";

/**
 * A stack of the project folder, through the Automation API: the same engine, backend and program as `pulumi` itself. Runs
 * take the stack's own lock, so one is under way at a time, of whatever process: the others fail with StackBusyError. A lock
 * whose process was killed on this machine holds nobody up.
 */
export interface OperatorStack {
  readonly name: string;
  readonly project: string;
  /** Folder of the project. */
  readonly folder: string;
  /** Of which the marks of its contracts are made. */
  readonly identity: StackIdentity;
  /** With which the marks of its contracts begin. */
  readonly markPrefix: string;
  /** A setting of the stack's config as it was when the stack was opened, decrypted, e.g. `vast:owner`. */
  config(key: string): string | undefined;
  /** What the config says of fleets now; changes to it are what scaling is made of. */
  readonly fleets: FleetsConfig;
  /** What the state knows now. */
  knowledge(): Promise<StackState>;
  /** The whole state as the engine exports it, secrets included. */
  deployment(): Promise<unknown>;
  /** What the program declares, as a preview shows it; nothing is changed. */
  program(): Promise<StackResource[]>;
  /**
   * What an `up` would do after these edits of the config; nothing is changed, the config neither.
   * @throws VastError with the first errors when the program or a policy refuses
   */
  preview(options?: PreviewOptions): Promise<PlannedChanges>;
  /** Drops what is proven gone and creates that never ended. */
  refresh(onLine: OnLine): Promise<void>;
  /** `pulumi up`, of these resources alone where `targets` names some (URNs, `**` allowed); `replace` are replaced in any case. */
  up(options: RunOptions & { replace?: readonly string[] }): Promise<void>;
  /** `pulumi destroy` of these resources, and of what depends on them; the copy-out gate holds. */
  destroy(options: RunOptions & { targets: readonly string[] }): Promise<void>;
  /** Frees a stack whose update was killed; ends one that is under way. */
  cancel(): Promise<void>;
}

export type OnLine = (line: string) => void;

export interface RunOptions {
  targets?: readonly string[] | undefined;
  onLine: OnLine;
  /** Aborted, the engine ends what it has begun and starts nothing more; the run then throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

export interface PreviewOptions {
  edits?: readonly FleetEdit[];
  targets?: readonly string[] | undefined;
  signal?: AbortSignal;
}

export async function openStack(options: { cwd: string; stack?: string | undefined }): Promise<OperatorStack> {
  const workspace = await LocalWorkspace.create({ workDir: options.cwd }).catch(explain(options.stack ?? "?"));
  const name = options.stack ?? (await selectedStack(workspace));
  const settings = await workspace.projectSettings().catch(explain(name));
  const config = await workspace.getAllConfig(name).catch(explain(name));
  // Selecting would change which stack the next plain `pulumi` in this folder works on.
  workspace.selectStack = async () => {};
  const stack = await Stack.select(name, workspace);
  // As the program's own `pulumi.getStack()`: without the organisation.
  const bareName = name.split("/").at(-1) ?? name;
  const owner = ownerOf(config["vast:owner"]?.value, name);
  const identity = { project: settings.name, stack: bareName, owner };
  const markPrefix = stackMarkPrefix(identity);
  const run = async (start: () => Promise<unknown>): Promise<void> => {
    try {
      await start().catch(explain(name));
    } catch (error) {
      if (!(error instanceof StackBusyError && error.isAbandoned)) throw error;
      await stack.cancel().catch(explain(name));
      await start().catch(explain(name));
    }
  };

  const deployment = async () => (await workspace.exportStack(name).catch(explain(name))).deployment;
  const fleets = fleetsConfig({ folder: configFolder(options.cwd, settings), stack: bareName, project: settings.name });

  const preview: OperatorStack["preview"] = async ({ edits = [], targets, signal } = {}) => {
    const changes = noChanges();
    using draft = edits.length === 0 ? undefined : fleets.draft(edits);
    const configFile = draft ? { configFile: draft.file } : {};
    const onEvent = (event: EngineEvent) => addEvent(changes, event);
    await run(() => stack.preview({ ...targeted(targets), ...configFile, ...untilAborted(signal), onEvent }));
    return changes;
  };
  return {
    name,
    project: settings.name,
    folder: options.cwd,
    identity,
    markPrefix,
    config: (key) => config[key]?.value,
    fleets,
    knowledge: async () => ({ markPrefix, ...knownOf(await deployment()) }),
    deployment,
    program: async () => (await preview()).declared,
    preview,
    refresh: (onLine) => run(() => stack.refresh({ clearPendingCreates: true, ...spoken({ onLine }) })),
    up: async ({ replace, ...options }) => {
      await run(() =>
        stack.up({ ...spoken(options), ...targeted(options.targets), ...(replace ? { replace: [...replace] } : {}) }),
      );
      assertWhole(options);
    },
    destroy: async (options) => {
      // Without a target the engine would take the whole stack.
      if (options.targets.length === 0) return;
      await run(() => stack.destroy({ ...spoken(options), ...targeted(options.targets), targetDependents: true }));
      assertWhole(options);
    },
    cancel: () => run(() => stack.cancel()),
  };
}

function ownerOf(owner: string | undefined, stack: string): string {
  if (owner) return owner;
  throw new VastError("config", `stack ${stack} has no owner id, by which its contracts are told from others`, {
    fix: `if it never rented anything: pulumi config set vast:owner "$(openssl rand -hex 8)" --stack ${stack}`,
  });
}

function configFolder(folder: string, settings: ProjectSettings): string {
  const { stackConfigDir } = settings as { stackConfigDir?: string };
  return stackConfigDir === undefined ? folder : `${folder}/${stackConfigDir}`;
}

function targeted(targets: readonly string[] | undefined): { target?: string[] } {
  return targets === undefined ? {} : { target: [...targets] };
}

function spoken({ onLine, signal }: Pick<RunOptions, "onLine" | "signal">) {
  // The engine's output comes in pieces that end anywhere.
  let rest = "";
  const onOutput = (text: string) => {
    const lines = `${rest}${text}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") onLine(line);
  };
  return { color: "never" as const, onOutput, ...untilAborted(signal) };
}

/** One for each signal: a monitor's is given to hundreds of runs. */
const forEngine = new WeakMap<AbortSignal, AbortSignal>();

/**
 * The engine ends in order when it is interrupted once, and at once when twice.
 * @throws what the signal was aborted with: a run that has not begun does not begin
 */
function untilAborted(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  if (signal === undefined) return {};
  signal.throwIfAborted();
  const known = forEngine.get(signal);
  if (known) return { signal: known };
  const interrupt = new AbortController();
  signal.addEventListener("abort", () => {
    const knows = signal.reason instanceof Interrupted && signal.reason.reachedAll;
    if (!knows) interrupt.abort(signal.reason);
  });
  forEngine.set(signal, interrupt.signal);
  return { signal: interrupt.signal };
}

/** An engine that was interrupted, and in which nothing failed, ends as if all had been done (seen with 3.220). */
function assertWhole({ signal }: RunOptions): void {
  signal?.throwIfAborted();
}

async function selectedStack(workspace: LocalWorkspace): Promise<string> {
  const selected = await workspace.stack().catch(explain("?"));
  if (selected) return selected.name;
  throw new VastError("config", `no stack is selected in ${workspace.workDir}`, {
    fix: "name one with --stack, or select it: pulumi stack select",
  });
}
