import { readConfig } from "./config.ts";
import { type Context, createContext } from "./context.ts";
import { exitWithEngine } from "./engine.ts";
import { checkInputs } from "./lifecycle/check.ts";
import {
  createTarget,
  diffTarget,
  readTarget,
  removeTarget,
  targetInputsSchema,
  updateTarget,
} from "./lifecycle/cloud-sync-target.ts";
import { createInstance } from "./lifecycle/instance/create.ts";
import { checkInstance } from "./lifecycle/instance/cross-checks.ts";
import { deleteInstance } from "./lifecycle/instance/delete.ts";
import { diffInstance } from "./lifecycle/instance/diff.ts";
import { readInstance } from "./lifecycle/instance/read.ts";
import { updateInstance } from "./lifecycle/instance/update.ts";
import { createVolume, diffVolume, readVolume, removeVolume, updateVolume } from "./lifecycle/volume.ts";
import { volumeInputsSchema, volumeProblems } from "./lifecycle/volume-inputs.ts";

/**
 * What the serialised provider in every state calls, by these names: an interface for ever. Renaming one breaks refresh
 * and destroy of states that were made before (pulumi-notes.md, "Dynamic providers").
 */

type Props = Record<string, unknown>;
interface ConfigureRequest {
  config: { get(key: string): string | undefined };
}

// The host answers calls of a second resource before `configure` of the first has ended: everybody waits for it.
let provide: (context: Context | Promise<Context>) => void;
const context = new Promise<Context>((resolve) => {
  provide = resolve;
});

export async function configure(request: ConfigureRequest): Promise<void> {
  exitWithEngine();
  // An error here must reach every caller, with its message, not only the first.
  provide((async () => createContext(readConfig((key) => request.config.get(key))))());
  await context;
}

export const instance = {
  check: async (olds: Props, news: Props) => checkInstance(olds, news, Date.now() / 1000),
  create: async (inputs: Props) => createInstance(await context, inputs),
  read: async (id: string, props: Props) => readInstance(await context, id, props),
  diff: async (id: string, olds: Props, news: Props) => diffInstance(await context, id, olds, news),
  update: async (id: string, olds: Props, news: Props) => updateInstance(await context, id, olds, news),
  delete: async (id: string, props: Props) => deleteInstance(await context, id, props),
};

export const volume = {
  check: async (_olds: Props, news: Props) => checkInputs(volumeInputsSchema, news, volumeProblems),
  create: async (inputs: Props) => createVolume(await context, inputs),
  read: async (id: string, props: Props) => readVolume(await context, id, props),
  diff: async (id: string, olds: Props, news: Props) => diffVolume(await context, id, olds, news),
  update: async (id: string, olds: Props, news: Props) => updateVolume(await context, id, olds, news),
  delete: async (id: string, props: Props) => removeVolume(await context, id, props),
};

export const cloudSyncTarget = {
  check: async (_olds: Props, news: Props) => checkInputs(targetInputsSchema, news, () => []),
  create: async (inputs: Props) => createTarget(await context, inputs),
  read: async (id: string, props: Props) => readTarget(await context, id, props),
  diff: async (id: string, olds: Props, news: Props) => diffTarget(await context, id, olds, news),
  update: async (id: string, olds: Props, news: Props) => updateTarget(await context, id, olds, news),
  delete: async (id: string, props: Props) => removeTarget(await context, id, props),
};
