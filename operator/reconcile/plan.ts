import { type Binding, bindingSchema } from "pulumi-vast/internal/copy-out/inputs";
import type { Findings, KnownResource, StackKnowledge } from "pulumi-vast/internal/lifecycle/reconcile/findings";
import type { CopyOutOrder } from "pulumi-vast/internal/lifecycle/reconcile/settle";
import type { ReconcileOptions } from "../commands/reconcile.ts";
import { UsageError } from "../terminal.ts";

export interface Plan {
  /** For the question. */
  steps: string[];
  /** Contracts and volumes. */
  destroy: Set<number>;
}

export function planOf(found: Findings, options: ReconcileOptions): Plan {
  const { orphans, missing } = found;
  const destroyable = destroyableIn(found);
  const ids = options.destroy === undefined ? [] : idsOf(options.destroy, destroyable);
  const steps = ids.map((id) => destroyable.get(id)?.step ?? "");
  if (options.waive !== undefined && steps.length > 0) steps.push(`NOTHING IS COPIED OUT. Reason: ${options.waive}`);
  const unfinished = orphans.some(({ settledBy }) => settledBy === "unfinished");
  const toAdopt = options.adopt ? adoptable(found) : [];
  if (toAdopt.length > 0) steps.push(`Run \`pulumi up\` for ${toAdopt.map(nameOf).join(", ")}.`);
  if (steps.length > 0 || (options.refresh && (missing.length > 0 || unfinished)))
    steps.unshift(`Refresh the state first (${missing.length} gone; creates that never ended are dropped).`);
  return { steps, destroy: new Set(ids) };
}

/** Of what was agreed to, what still holds: without ids only what is still sure to be asked for by nothing. */
export function stillAgreed({ destroy }: Plan, found: Findings, options: ReconcileOptions): ReadonlySet<number> {
  const now = destroyableIn(found);
  const holds = (id: number) => now.has(id) && (options.destroy !== true || now.get(id)?.unasked);
  return new Set([...destroy].filter(holds));
}

interface Destroyable {
  /** For the question. */
  step: string;
  /** Nothing will ever ask for it: destroyed without naming it. */
  unasked: boolean;
}

function destroyableIn({ orphans, parked, orphanVolumes }: Findings): Map<number, Destroyable> {
  const first = "its results copied out first";
  return new Map<number, Destroyable>([
    ...orphans.map(({ row, duplicateOf, declared, mayHaveRun }): [number, Destroyable] => {
      const step = `Destroy contract ${row.id} (${row.label}), ${mayHaveRun ? first : "which never ran"}.`;
      return [row.id, { step, unasked: duplicateOf !== undefined || declared === null }];
    }),
    ...parked.map(({ record, host }): [number, Destroyable] => {
      const name = `parked contract ${record.contract} (${record.label})`;
      const step = host === "gone" ? `Clear the record of ${name}, which is gone.` : `Destroy ${name}, ${first}.`;
      return [record.contract, { step, unasked: host !== "offline" }];
    }),
    ...orphanVolumes.map(({ row, name, declared }): [number, Destroyable] => {
      const step = `Delete volume ${row.id} (${name}) if its content is known to be in S3.`;
      return [row.id, { step, unasked: declared === null }];
    }),
  ]);
}

function idsOf(asked: true | number[], destroyable: ReadonlyMap<number, Destroyable>): number[] {
  if (asked === true) return [...destroyable].filter(([, { unasked }]) => unasked).map(([id]) => id);
  const strange = asked.filter((id) => !destroyable.has(id));
  if (strange.length === 0) return asked;
  throw new UsageError(
    `--destroy: ${strange.join(", ")} is no lost or parked contract or volume of this stack; nothing was changed. What the state knows is destroyed by \`pulumi destroy\``,
  );
}

/** Resources of the program that a contract or volume waits for. */
export function adoptable({ orphans, orphanVolumes }: Findings): KnownResource[] {
  const waiting = [...orphans, ...orphanVolumes].filter(({ duplicateOf }) => duplicateOf === undefined);
  return waiting.flatMap(({ declared }) => declared ?? []);
}

export function orderOf(options: ReconcileOptions, known: StackKnowledge): CopyOutOrder {
  const { target, paths, waive } = options;
  return { target: target === undefined ? undefined : targetNamed(target, known), paths, waive };
}

function targetNamed(name: string, { recorded }: StackKnowledge): Binding {
  const targets = recorded.filter(({ type }) => type === "CloudSyncTarget");
  const found = targets.find((target) => nameOf(target) === name);
  const binding = bindingSchema.safeParse(found?.props.binding);
  if (binding.success) return binding.data;
  const names = targets.map(nameOf).join(", ");
  throw new UsageError(
    `--target: the stack has no CloudSyncTarget "${name}"; it has ${names === "" ? "none: `pulumi up` makes it first" : names}`,
  );
}

function nameOf({ urn }: KnownResource): string {
  return urn.split("::").at(-1) ?? urn;
}
