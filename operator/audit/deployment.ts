import { z } from "zod";
import { nameOf, shown } from "../stack/state.ts";

const values = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((all) => shown(all ?? {}) as Record<string, unknown>);

const resourceSchema = z.object({
  urn: z.string(),
  type: z.string(),
  parent: z.string().default(""),
  /** On its way out of the state: nothing that a rule could put right. */
  delete: z.boolean().default(false),
  inputs: values,
  outputs: values,
  additionalSecretOutputs: z.array(z.string()).default([]),
  protect: z.boolean().default(false),
  dependencies: z.array(z.string()).nullish(),
  propertyDependencies: z.record(z.string(), z.array(z.string()).nullish()).nullish(),
});
const deploymentSchema = z.object({ resources: z.array(resourceSchema).nullish() });

/** A resource of the state, its secrets in clear, as the engine hands it to policies. */
export type DeployedResource = z.output<typeof resourceSchema> & { name: string };

export function resourcesOf(deployment: unknown): DeployedResource[] {
  const { resources } = deploymentSchema.parse(deployment);
  return (resources ?? [])
    .filter((resource) => !resource.delete)
    .map((resource) => ({ ...resource, name: nameOf(resource.urn) }));
}
