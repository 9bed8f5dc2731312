import { z } from "zod";
import type { DeclaredPolicy, Run } from "./policy.ts";

const exceptionSchema = z.strictObject({
  /** Name of the resource, fleet or team that the rule reports. */
  resource: z.string().min(1),
  rule: z.string().min(1),
  reason: z.string().trim().min(10, "needs a written reason of at least 10 characters"),
  /** Last day on which it holds, UTC. A day without quotes in YAML is its midnight once Pulumi has read it. */
  expires: z
    .string()
    .transform((day) => day.replace(/ 00:00:00 \+0000 UTC$/, ""))
    .pipe(z.iso.date()),
});
export type Exception = z.output<typeof exceptionSchema>;
export const exceptionsSchema = z.array(exceptionSchema);

/** Rules that are not held for single resources, for a written reason and until a day. */
export class Exceptions {
  readonly #all: readonly Exception[];
  readonly #now: () => Date;

  /** @throws Error when an exception names a rule that does not exist: nobody would ever see that it excuses nothing */
  constructor(all: readonly Exception[], ruleNames: ReadonlySet<string>, now: () => Date) {
    const stray = all.find(({ rule }) => !ruleNames.has(rule));
    if (stray) {
      throw new Error(
        `the policy exception for "${stray.resource}" names the rule "${stray.rule}", which does not exist; rules are ${[...ruleNames].join(", ")}`,
      );
    }
    this.#all = all;
    this.#now = now;
  }

  excuses(rule: string, resource: string): boolean {
    return this.inForce().some((exception) => exception.rule === rule && exception.resource === resource);
  }

  inForce(): Exception[] {
    return this.#all.filter(({ expires }) => expires >= this.#today());
  }

  expired(): Exception[] {
    return this.#all.filter(({ expires }) => expires < this.#today());
  }

  #today(): string {
    return this.#now().toISOString().slice(0, 10);
  }
}

/** Exceptions are seen in every run, and one whose day is past stops the next. */
export function exceptionPolicies({ exceptions }: Pick<Run, "exceptions">): DeclaredPolicy[] {
  return [
    {
      name: "exceptions-in-force",
      description: "Exceptions from rules are reported in every run.",
      enforcementLevel: "advisory",
      validateStack: (_, report) => {
        for (const { resource, rule, reason, expires } of exceptions.inForce()) {
          report(`${resource}: ${rule} is not held until ${expires}. Reason given: "${reason}"`);
        }
      },
    },
    {
      name: "exceptions-not-expired",
      description: "Exceptions from rules end on their day.",
      enforcementLevel: "mandatory",
      validateStack: (_, report) => {
        for (const { resource, rule, expires } of exceptions.expired()) {
          report(
            `${resource}: the exception from ${rule} ended on ${expires}. Remove it from pulumi-vast:policyExceptions, or agree on a new day.`,
          );
        }
      },
    },
  ];
}
