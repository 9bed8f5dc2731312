import {
  type ResourceValidationArgs,
  type StackValidationArgs,
  UnknownValueError,
  unknownCheckingProxy,
} from "@pulumi/policy";
import { Exceptions } from "../../../policies/exceptions.ts";
import { type Run, toPolicy } from "../../../policies/policy.ts";
import { FLEET_TYPE, type Kind, TOKENS } from "../../../policies/resources.ts";
import type { AnyRule } from "../../../policies/rule.ts";
import { type CheckResult, checkInputs } from "../../../provider/lifecycle/check.ts";
import { crossChecks } from "../../../provider/lifecycle/instance/cross-checks.ts";
import { inputsSchema } from "../../../provider/lifecycle/instance/inputs.ts";
import { volumeInputsSchema, volumeProblems } from "../../../provider/lifecycle/volume-inputs.ts";

/** What the engine sends for values that a preview does not know yet. */
export { UNKNOWN } from "../../../provider/lifecycle/check.ts";

const MARK = "0123456789abcdef0123456789abcdef";
const OFFER = { gpu: "RTX 4090", maxDph: 0.5, maxBandwidthPrice: 0.01 };
/** One offer by its id has no criteria beside it. */
const PINNED = { gpu: undefined, maxBandwidthPrice: undefined };
export const TARGET = { connectionId: 1, bucket: "results", prefix: "fleet", region: "us-east-1" };
export const IMAGE = "pytorch/pytorch:2.4.0-cuda12.4-cudnn9-runtime";
export const NOW = new Date("2026-12-01T12:00:00Z");

export interface Resource {
  type: string;
  inputs: object;
  name?: string;
  fleet?: string;
  /** URNs of resources that it is made from. */
  uses?: string[];
  /** Properties that the state keeps secret; what VastInstance asks for by default. */
  secrets?: string[];
}

/** An instance that every rule lets pass, otherwise as given, after the provider's own check. */
export function instance(given: { offer?: unknown; [property: string]: unknown } = {}): Resource {
  const { offer, ...rest } = given;
  const whole = {
    mark: MARK,
    label: "trainer",
    image: IMAGE,
    disk: 40,
    offer:
      typeof offer === "object" ? { ...OFFER, ...("id" in (offer ?? {}) ? PINNED : {}), ...offer } : (offer ?? OFFER),
    copyOut: { target: TARGET, paths: ["/workspace/checkpoints"], required: ["*.pt"] },
    maxDurationHours: 24,
    tags: { owner: "ada", team: "research" },
    ...rest,
  };
  return { type: TOKENS.instance[0], inputs: accepted(checkInputs(inputsSchema, sent(whole), crossChecks)) };
}

/** A volume that every rule lets pass, otherwise as given, after the provider's own check. */
export function volume(given: Record<string, unknown> = {}): Resource {
  const placeWith = { offer: OFFER, disk: 40, image: IMAGE };
  const where = given.machineId === undefined ? { placeWith } : {};
  const whole = { mark: MARK, name: "scratch", size: 20, ...where, copyOut: { target: TARGET }, ...given };
  return { type: TOKENS.volume[0], inputs: accepted(checkInputs(volumeInputsSchema, sent(whole), volumeProblems)) };
}

/** A resource past any check, as an older provider would let it through. */
export function unchecked(kind: Kind, inputs: object): Resource {
  return { type: TOKENS[kind][0], inputs: sent(inputs) };
}

/** What is undefined does not reach the engine. */
function sent(inputs: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(inputs));
}

function accepted({ inputs, failures }: CheckResult): object {
  if (failures.length > 0) throw new Error(`never reaches a policy: ${JSON.stringify(failures)}`);
  return inputs;
}

export interface Verdict {
  violations: string[];
  /** What could not be judged, because a preview does not know it yet. */
  unknown: string[];
}

export const PASS: Verdict = { violations: [], unknown: [] };

export const RUN: Run = {
  now: () => NOW,
  exceptions: new Exceptions([], new Set(), () => NOW),
  isPreview: true,
};

/** Judges a resource as the runner of a policy pack does: through the proxy that throws at unknown values. */
export function judge(rule: AnyRule, resource: Resource, config: object = {}, run: Partial<Run> = {}): Verdict {
  return judgeEach(rule, [resource], config, run);
}

/** Resources one after the other in one process, as an update declares them. */
export function judgeEach(rule: AnyRule, resources: Resource[], config: object = {}, run: Partial<Run> = {}): Verdict {
  const verdict: Verdict = { violations: [], unknown: [] };
  const validations = [toPolicy(rule, { ...RUN, ...run }).validateResource ?? []].flat();
  for (const resource of resources) {
    const { dependencies: _, ...seen } = view(resource);
    const args = { ...seen, getConfig: () => config } as unknown as ResourceValidationArgs;
    for (const validate of validations) {
      noting(verdict, () => void validate(args, (message) => verdict.violations.push(message)));
    }
  }
  return verdict;
}

/** Judges a stack, as Pulumi has it done at the end of a preview. */
export function judgeStack(rule: AnyRule, resources: Resource[], config: object = {}, run: Partial<Run> = {}): Verdict {
  const verdict: Verdict = { violations: [], unknown: [] };
  const args = { resources: resources.map(view), getConfig: () => config } as unknown as StackValidationArgs;
  const { validateStack } = toPolicy(rule, { ...RUN, ...run });
  noting(verdict, () => void validateStack?.(args, (message) => verdict.violations.push(message)));
  return verdict;
}

/** The inputs as the rule's remedy leaves them. */
export function remedied(rule: AnyRule, resource: Resource, config: object = {}): object | undefined {
  const { remediateResource } = toPolicy(rule, RUN);
  const args = { ...view({ ...resource, inputs: sent(resource.inputs) }), getConfig: () => config };
  return remediateResource?.(args as unknown as ResourceValidationArgs) as object | undefined;
}

function view(resource: Resource) {
  const { type, inputs, name = "trainer", fleet, uses = [], secrets = ["env", "imageLogin"] } = resource;
  return {
    type,
    name,
    urn: urnOf(resource),
    props: unknownCheckingProxy(inputs),
    opts: {
      additionalSecretOutputs: secrets,
      ...(fleet === undefined ? {} : { parent: `urn:pulumi:dev::project::${FLEET_TYPE}::${fleet}` }),
    },
    dependencies: uses.map((used) => ({ urn: used })),
  };
}

/** The URN that a resource of a test has, for `uses`. */
export function urnOf({ type, name = "trainer" }: Resource): string {
  return `urn:pulumi:dev::project::${type}::${name}`;
}

function noting(verdict: Verdict, judging: () => void): void {
  try {
    judging();
  } catch (error) {
    if (!(error instanceof UnknownValueError)) throw error;
    verdict.unknown.push((error as Error).message);
  }
}
