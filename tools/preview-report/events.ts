import { z } from "zod";
import { FLEET_TYPE } from "../../policies/resources.ts";
import { STACK_COST } from "../../provider/fleet/cost.ts";

const stateSchema = z.looseObject({
  inputs: z.record(z.string(), z.unknown()).nullish(),
  outputs: z.record(z.string(), z.unknown()).nullish(),
});

const eventSchema = z.looseObject({
  resourcePreEvent: z
    .looseObject({
      metadata: z.looseObject({
        op: z.string(),
        urn: z.string(),
        type: z.string(),
        old: stateSchema.nullish(),
        new: stateSchema.nullish(),
        keys: z.array(z.string()).nullish(),
        diffs: z.array(z.string()).nullish(),
      }),
    })
    .optional(),
  policyEvent: z
    .looseObject({
      resourceUrn: z.string().default(""),
      message: z.string(),
      policyName: z.string(),
      enforcementLevel: z.string(),
    })
    .optional(),
  summaryEvent: z.looseObject({}).optional(),
  diagnosticEvent: z.looseObject({ severity: z.string(), message: z.string(), urn: z.string().optional() }).optional(),
});

export interface Step {
  op: string;
  name: string;
  type: string;
  /** Properties that replace it, or that change. */
  because: readonly string[];
  old: Record<string, unknown> | undefined;
  new: Record<string, unknown> | undefined;
}

export interface Finding {
  rule: string;
  level: string;
  /** What it is about, as an exception would name it: a resource, a fleet, a team. */
  subject: string;
  message: string;
}

export interface Preview {
  steps: Step[];
  findings: Finding[];
  errors: string[];
  /** What the market asks for each fleet, as the fleet itself says it. */
  market: { fleet: string; text: string }[];
  /** The whole stack at those prices, against budgets and credit, line by line; undefined where the program does not say it. */
  prices: string[] | undefined;
}

/**
 * What a preview said, from its event log (`pulumi preview --event-log FILE`): its `--json` leaves policies out.
 * @throws Error naming the line that is no event
 */
export function readEvents(log: string): Preview {
  const preview: Preview = { steps: [], findings: [], errors: [], market: [], prices: undefined };
  let ended = false;
  const runtimeErrors: string[] = [];
  for (const [index, line] of log.split("\n").entries()) {
    if (line.trim() === "") continue;
    const { resourcePreEvent, policyEvent, diagnosticEvent, summaryEvent } = parsed(line, index + 1);
    if (summaryEvent) ended = true;
    if (diagnosticEvent?.severity === "info#err") runtimeErrors.push(plain(diagnosticEvent.message));
    if (resourcePreEvent) preview.steps.push(stepOf(resourcePreEvent.metadata));
    if (policyEvent) preview.findings.push(findingOf(policyEvent));
    if (diagnosticEvent) addMessage(preview, diagnosticEvent);
  }
  // A pack that does not start, or an engine that is stopped, ends the log without any error in it.
  if (!ended) preview.errors.push(["the preview did not get to its end", ...runtimeErrors].join("\n"));
  return preview;
}

function addMessage(preview: Preview, { severity, message, urn = "" }: NonNullable<Event["diagnosticEvent"]>): void {
  const text = plain(message);
  if (severity === "error") preview.errors.push(text);
  if (severity !== "info" && severity !== "warning") return;
  if (text.startsWith(STACK_COST)) preview.prices = text.split("\n");
  else if (typeOf(urn) === FLEET_TYPE) preview.market.push({ fleet: nameOf(urn), text });
}

type Event = z.output<typeof eventSchema>;

function parsed(line: string, number: number): Event {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    json = undefined;
  }
  const result = eventSchema.safeParse(json);
  if (result.success) return result.data;
  throw new Error(`line ${number} of the event log is no event of the engine:\n${z.prettifyError(result.error)}`);
}

function stepOf(metadata: NonNullable<Event["resourcePreEvent"]>["metadata"]): Step {
  const { op, urn, type, old, new: planned, keys, diffs } = metadata;
  return {
    op,
    name: nameOf(urn),
    type,
    because: keys?.length ? keys : (diffs ?? []),
    old: old ? { ...old.inputs, ...old.outputs } : undefined,
    new: planned?.inputs ?? undefined,
  };
}

function findingOf({ policyName, enforcementLevel, resourceUrn, message }: NonNullable<Event["policyEvent"]>): Finding {
  // The first line of a violation is the rule's own description.
  const lines = plain(message).split("\n");
  const said = (lines.length > 1 ? lines.slice(1) : lines).join(" ");
  // Rules about several resources are reported at the stack: their message alone says what it is about.
  const [, subject, rest] = /^([^\s:]+): (.+)$/s.exec(said) ?? [];
  return {
    rule: policyName,
    level: enforcementLevel,
    subject: subject ?? nameOf(resourceUrn),
    message: rest ?? said,
  };
}

function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}

/** Without the engine's marks for colours. */
function plain(text: string): string {
  return text.replaceAll(/<\{%.*?%\}>/g, "").trim();
}
