import type { Context } from "pulumi-vast/internal/context";
import {
  classify,
  type Findings,
  isClean,
  type KnownResource,
  type StackKnowledge,
} from "pulumi-vast/internal/lifecycle/reconcile/findings";
import { parkedFor, survey } from "pulumi-vast/internal/lifecycle/reconcile/survey";
import type { ReconcileOptions } from "../commands/reconcile.ts";
import { contextOf } from "../context.ts";
import { type OperatorStack, openStack } from "../stack.ts";
import { confirmed, EXIT, printJson, progress } from "../terminal.ts";
import { destroyAll, type Failure } from "./destroy.ts";
import { adoptable, orderOf, planOf, stillAgreed } from "./plan.ts";
import { describeFindings, findingsJson } from "./report.ts";

interface Look {
  known: StackKnowledge;
  findings: Findings;
}

export async function reconcile(options: ReconcileOptions): Promise<number> {
  const stack = await openStack(options);
  const context = contextOf(stack, progress);
  const first = await look(stack, context, []);
  if (!options.refresh && !options.adopt && options.destroy === undefined) return report(stack, first, options);
  const order = orderOf(options, first.known);
  const plan = planOf(first.findings, options);
  if (!options.json) console.log(describeFindings(stack.name, first.findings));
  if (plan.steps.length === 0 || !(await confirmed(`${plan.steps.join("\n")}\nGo on?`, options.yes)))
    return options.json ? report(stack, first, options) : exitCodeOf(first);

  // Under the stack's lock: it proves that no update is in the middle of renting what looks lost.
  await stack.refresh(progress);
  const remembered = [...first.known.recorded, ...first.known.pending];
  let now = await look(stack, context, remembered);
  if (options.adopt && (await adopt(stack, now.findings))) now = await look(stack, context, remembered);
  const failed = await destroyAll(context, now.findings, stillAgreed(plan, now.findings, options), order);
  for (const { message } of failed) progress(`error: ${message}`);
  return report(stack, await look(stack, context, []), options, failed);
}

function report(stack: OperatorStack, found: Look, { json }: ReconcileOptions, failed: Failure[] = []): number {
  if (json) printJson({ stack: stack.name, ...findingsJson(found.findings), failed });
  else console.log(describeFindings(stack.name, found.findings));
  return failed.length > 0 ? EXIT.partial : exitCodeOf(found);
}

function exitCodeOf({ findings }: Look): number {
  return isClean(findings) ? EXIT.ok : EXIT.partial;
}

/** The program is asked only where it decides something: a preview takes its time. */
async function look(stack: OperatorStack, context: Context, remembered: readonly KnownResource[]): Promise<Look> {
  progress(`Asking Vast.ai and the state of stack ${stack.name} …`);
  const { observed, known } = await survey(context, async () => ({ ...(await stack.knowledge()), remembered }));
  const findings = classify(observed, known);
  if (findings.orphans.length === 0 && findings.orphanVolumes.length === 0) return { known, findings };
  progress("Asking the program which resources it has (a preview) …");
  const program = await stack.program().catch((error: Error) => {
    progress(`The program cannot be asked, so what it would take up is not known: ${error.message}`);
    return undefined;
  });
  const all = { ...known, program };
  return { known, findings: classify({ ...observed, parked: await parkedFor(context, all) }, all) };
}

/** Did anything have to be taken up? */
async function adopt(stack: OperatorStack, findings: Findings): Promise<boolean> {
  const urns = adoptable(findings).map(({ urn }) => urn);
  if (urns.length > 0) await stack.up({ targets: urns, onLine: progress });
  return urns.length > 0;
}
