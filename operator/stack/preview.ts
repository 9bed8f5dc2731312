import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import { nameOf, resourceOf, type StackResource } from "./state.ts";

/** A resource that an `up` would touch. */
export interface PlannedStep {
  /** `create`, `update`, `replace`, `delete` … as the engine calls it; what stays the same is left out. */
  op: string;
  urn: string;
  name: string;
  /** Last part of its type, e.g. `Instance`. */
  type: string;
  /** Properties that replace it, or that change. */
  because: readonly string[];
}

/** What an `up` would do, as the engine, the provider and the policies say it before anything is done. */
export interface PlannedChanges {
  steps: PlannedStep[];
  /** What the provider says beside it: why a worker is replaced, what the market asks, whatever fails. */
  messages: { severity: "info" | "warning" | "error"; resource: string; text: string }[];
  violations: { rule: string; level: string; resource: string; text: string }[];
  /** What the program declares. */
  declared: StackResource[];
}

export function noChanges(): PlannedChanges {
  return { steps: [], messages: [], violations: [], declared: [] };
}

export function addEvent(changes: PlannedChanges, event: EngineEvent): void {
  const { resourcePreEvent, policyEvent, diagnosticEvent } = event;
  if (resourcePreEvent) addStep(changes, resourcePreEvent.metadata);
  if (policyEvent) {
    const { policyName: rule, enforcementLevel: level, resourceUrn = "", message } = policyEvent;
    changes.violations.push({ rule, level, resource: nameOf(resourceUrn), text: plain(message) });
  }
  if (diagnosticEvent && !diagnosticEvent.ephemeral) {
    const { severity, urn = "", message } = diagnosticEvent;
    const text = plain(message);
    if (text !== "" && isTold(severity)) changes.messages.push({ severity, resource: nameOf(urn), text });
  }
}

const TOLD = ["info", "warning", "error"] as const;

/** The engine's own debugging comes with the events too, whatever their types say, and programs' stderr. */
function isTold(severity: string): severity is (typeof TOLD)[number] {
  return (TOLD as readonly string[]).includes(severity);
}

/** A replacement shows as one step of its own, besides the two that it is made of. */
const NO_CHANGE = new Set(["same", "read", "refresh", "create-replacement", "delete-replaced"]);
const GOING = new Set(["delete", "delete-replaced", "discard", "discard-replaced", "read-discard"]);

type Metadata = NonNullable<EngineEvent["resourcePreEvent"]>["metadata"];

function addStep(changes: PlannedChanges, { op, urn, type, new: planned, keys, diffs }: Metadata): void {
  if (planned && !GOING.has(op))
    changes.declared.push(...resourceOf({ urn, type, parent: planned.parent, inputs: planned.inputs }));
  if (NO_CHANGE.has(op)) return;
  const because = (keys?.length ? keys : diffs) ?? [];
  changes.steps.push({ op, urn, name: nameOf(urn), type: type.split(":").at(-1) ?? type, because });
}

/** Without the engine's marks for colours. */
function plain(text: string): string {
  return text.replaceAll(/<\{%.*?%\}>/g, "").trim();
}
