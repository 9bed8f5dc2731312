import { configSchema } from "../../policies/policy.ts";
import type { AnyRule, Rule } from "../../policies/rule.ts";
import { rules } from "../../policies/rules.ts";
import { table } from "./markdown.ts";
import { testsOf } from "./rule-tests.ts";

/** The rules of a pack as they are declared. */
export function ruleTable(pack: Rule["pack"]): string {
  const rows = rules
    .filter((rule) => rule.pack === pack)
    .map((rule) => ({
      rule: `\`${rule.name}\``,
      level: rule.level,
      "what has to hold": rule.description,
      "what it stops": rule.why,
      source: rule.source,
      "`remediate` sets": rule.remedy?.sets ?? "",
      config: configKeys(rule),
      tests: testsOf(rule.name),
    }));
  const [first] = rows;
  return table(Object.keys(first ?? {}) as (keyof (typeof rows)[number])[], rows);
}

function configKeys(rule: AnyRule): string {
  const keys = Object.entries(configSchema(rule.config).properties).map(([key, schema]) => {
    const value = schema.default === undefined ? "none" : JSON.stringify(schema.default);
    return `\`${key}\` (default ${value}): ${schema.description}`;
  });
  return keys.join("; ");
}
