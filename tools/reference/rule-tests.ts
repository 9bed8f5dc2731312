import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { VIOLATIONS } from "../../test/support/policy-violations.ts";

const REPOSITORY = join(import.meta.dirname, "../..");
const UNIT = "test/unit/policies";
/** Rules that no preview of a new stack can violate: what is judged exists only once something is rented. */
const BY_STATE: Readonly<Record<string, string>> = { "spread-hosts": "test/e2e/preview-report.test.ts" };

/**
 * Where a rule is tested: its own `describe` among the unit tests, and the stacks that violate it.
 * @throws Error when one of them is missing
 */
export function testsOf(rule: string): string {
  return `${unitTests(rule)}; ${violationsOf(rule)}`;
}

function unitTests(rule: string): string {
  for (const file of readdirSync(join(REPOSITORY, UNIT)).filter((name) => name.endsWith(".test.ts"))) {
    const own = bodyOf(rule, readFileSync(join(REPOSITORY, UNIT, file), "utf8"));
    const count = own?.match(/^ +test(\.each)?[(<]/gm)?.length ?? 0;
    if (count > 0) return `\`${file}\`: ${count}`;
  }
  throw new Error(`no file in ${UNIT} has a describe("${rule}") with a test in it`);
}

/** Up to the first line that ends what was not indented: the formatter sees to it. */
function bodyOf(rule: string, source: string): string | undefined {
  return source.split(`\ndescribe("${rule}", () => {\n`)[1]?.split(/^}\);$/m)[0];
}

function violationsOf(rule: string): string {
  const stacks = Object.entries(VIOLATIONS).flatMap(([stack, violations]) => {
    const found = violations.map((each) => each.split(" ")).filter(([, name]) => name === `${rule}:`);
    const resources = found.map(([, , resource]) => resource);
    return resources.length === 0 ? [] : [`e2e "${stack}": ${resources.join(", ")}`];
  });
  if (stacks.length > 0) return stacks.join("; ");
  const file = BY_STATE[rule];
  if (file !== undefined && readFileSync(join(REPOSITORY, file), "utf8").includes(`"${rule}"`)) return `\`${file}\``;
  throw new Error(`no stack violates ${rule} in test/support/policy-violations.ts`);
}
