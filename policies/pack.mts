import { join } from "node:path";
import { PolicyPack } from "@pulumi/policy";
import { exceptionPolicies } from "./exceptions.ts";
import { toPolicy } from "./policy.ts";
import type { Rule } from "./rule.ts";
import { rules } from "./rules.ts";
import { initialConfig, thisRun } from "./settings.ts";

const BUDGETS = join(import.meta.dirname, "../stacks/budgets.yaml");

/** Serves the rules of one pack, or all of them as one: a process can hold only one. */
export function servePack(name: string, only?: Rule["pack"]): void {
  const served = rules.filter((rule) => only === undefined || rule.pack === only);
  const run = thisRun(new Set(rules.map((rule) => rule.name)));
  const policies = [...served.map((rule) => toPolicy(rule, run)), ...exceptionPolicies(run)];
  new PolicyPack(name, { enforcementLevel: "mandatory", policies }, initialConfig(served, rules, BUDGETS));
}
