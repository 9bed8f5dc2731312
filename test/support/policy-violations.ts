import { rules } from "../../policies/rules.ts";

/**
 * What the engine reports of the stacks in test/e2e/policies that violate rules, as `level rule: resource`. The e2e test
 * holds each preview to it, and docs/policies.md says from it which rule is violated where.
 */
export const VIOLATIONS = {
  violating: [
    // Of each rule about single resources there is one that is named after it.
    ...rules
      .filter((rule) => rule.pack !== "storage" && rule.checks !== undefined)
      .map(({ level, name }) => `${level} ${name}: ${name}`),
    "mandatory copy-out-declared: copy-out-declared-volume",
    "mandatory max-dph: max-dph-bid",
    "mandatory verified-hosts: verified-hosts-volume",
    "mandatory verified-hosts: unverified",
  ],
  "violating fleet": [
    "advisory idle-volumes: idle",
    "mandatory fleet-budget: policies-dev",
    "mandatory stack-budget: policies-dev",
    "mandatory team-budget: policies-dev",
    "mandatory max-instances: policies-dev",
    "advisory on-demand-share: policies-dev",
  ],
  "violating storage": [
    "mandatory bucket-encrypted: bare",
    "mandatory bucket-encrypted: unencrypted",
    "mandatory bucket-kept: destroyed",
    "mandatory bucket-not-public: bare",
    "mandatory bucket-not-public: public",
    "mandatory bucket-versioned: bare",
    "mandatory bucket-versioned: unversioned",
    "mandatory iam-prefix-only: wide",
    "mandatory lifecycle-keeps-current: expiring",
    "mandatory prefix-not-shared: two",
  ],
} as const satisfies Record<string, readonly string[]>;
