import { type ResourceValidationArgs, UnknownValueError, unknownCheckingProxy } from "@pulumi/policy";
import { TOKENS } from "../../../policies/resources.ts";
import type { AnyRule } from "../../../policies/rule.ts";
import { toPolicy } from "../../../policies/rule.ts";
import { type CheckResult, checkInputs } from "../../../provider/lifecycle/check.ts";
import { crossChecks } from "../../../provider/lifecycle/instance/cross-checks.ts";
import { inputsSchema } from "../../../provider/lifecycle/instance/inputs.ts";
import { volumeInputsSchema, volumeProblems } from "../../../provider/lifecycle/volume.ts";

/** What the engine sends for values that a preview does not know yet. */
export { UNKNOWN } from "../../../provider/lifecycle/check.ts";

const MARK = "0123456789abcdef".repeat(2);
const OFFER = { gpu: "RTX 4090", maxDph: 0.5 };
export const TARGET = { connectionId: 1, bucket: "results", prefix: "fleet", region: "us-east-1" };

export interface Resource {
  type: string;
  inputs: object;
}

/** An instance that every rule lets pass, otherwise as given, after the provider's own check. */
export function instance(given: { offer?: unknown; [property: string]: unknown } = {}): Resource {
  const { offer, ...rest } = given;
  const whole = {
    mark: MARK,
    label: "trainer",
    image: "pytorch/pytorch",
    disk: 20,
    offer: typeof offer === "object" ? { ...OFFER, ...offer } : (offer ?? OFFER),
    copyOut: { target: TARGET, paths: ["/workspace/checkpoints"] },
    ...rest,
  };
  return { type: TOKENS.instance, inputs: accepted(checkInputs(inputsSchema, sent(whole), crossChecks)) };
}

/** A volume that every rule lets pass, otherwise as given, after the provider's own check. */
export function volume(given: Record<string, unknown> = {}): Resource {
  const whole = { mark: MARK, name: "scratch", size: 20, copyOut: { target: TARGET }, ...given };
  return { type: TOKENS.volume, inputs: accepted(checkInputs(volumeInputsSchema, sent(whole), volumeProblems)) };
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

/** Judges a resource as the runner of a policy pack does: through the proxy that throws at unknown values. */
export function judge(rule: AnyRule, { type, inputs }: Resource, config: object = {}): Verdict {
  const verdict: Verdict = { violations: [], unknown: [] };
  const args = { type, name: "trainer", props: unknownCheckingProxy(inputs), getConfig: () => config };
  for (const validate of [toPolicy(rule).validateResource ?? []].flat()) {
    try {
      void validate(args as unknown as ResourceValidationArgs, (message) => verdict.violations.push(message));
    } catch (error) {
      if (!(error instanceof UnknownValueError)) throw error;
      verdict.unknown.push((error as Error).message);
    }
  }
  return verdict;
}
