import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fleetCost, stackCost } from "../../provider/fleet/cost.ts";
import { readEvents } from "../../tools/preview-report/events.ts";
import { costOf, markdown, markerOf } from "../../tools/preview-report/report.ts";

const INSTANCE = "pulumi-nodejs:dynamic/vast:Instance";
const VOLUME = "pulumi-nodejs:dynamic/vast:Volume";
const urn = (type: string, name: string) => `urn:pulumi:prod::shop::${type}::${name}`;

/** A line as the engine writes it. */
const line = (event: object) => JSON.stringify({ sequence: 1, timestamp: 1, ...event });

function step(
  op: string,
  name: string,
  state: { old?: object; new?: object; keys?: string[] },
  type = INSTANCE,
): string {
  const { keys, old, new: planned } = state;
  const metadata = { op, urn: urn(type, name), type, old: old ?? null, new: planned ?? null, keys };
  return line({ resourcePreEvent: { metadata, planning: true } });
}

function policy(policyName: string, enforcementLevel: string, name: string, message: string): string {
  return line({
    policyEvent: { policyName, enforcementLevel, resourceUrn: urn(INSTANCE, name), message, color: "raw" },
  });
}

const existing = { inputs: { offer: { maxDph: 0.6 } }, outputs: { dph: 0.41 } };
const planned = { inputs: { offer: { maxDph: 0.6 } } };
const END = line({ summaryEvent: { maybeCorrupt: false } });
const report = (...lines: string[]) => markdown(readEvents([...lines, END].join("\n")), "prod");

describe("the cost of a preview", () => {
  const cost = (...lines: string[]) => costOf(readEvents(lines.join("\n")).steps);

  test("is what is paid now, and at most the cap of what is new", () => {
    expect(cost(step("same", "a", { old: existing, new: planned }), step("create", "b", { new: planned }))).toEqual({
      before: 0.41,
      after: 1.01,
      uncapped: [],
    });
  });

  test("ends with a delete, and counts a replacement once, at its cap", () => {
    expect(
      cost(
        step("delete", "a", { old: existing }),
        step("delete-replaced", "b", { old: existing }),
        step("replace", "b", { old: existing, new: planned }),
        step("create-replacement", "b", { old: existing, new: planned }),
      ),
    ).toEqual({ before: 0.82, after: 0.6, uncapped: [] });
  });

  test("names what has no cap, and counts volumes but nothing else", () => {
    expect(
      cost(
        step("create", "a", { new: { inputs: { offer: {} } } }),
        step("create", "b", { new: { inputs: { maxDph: 0.01 } } }, VOLUME),
        step("create", "c", { new: { inputs: { maxDph: 9 } } }, "aws:s3/bucket:Bucket"),
      ),
    ).toEqual({ before: 0, after: 0.01, uncapped: ["a"] });
  });
});

describe("the comment", () => {
  test("begins with the mark by which it is found again, and says whether the change may be applied", () => {
    const comment = report(step("same", "a", { old: existing, new: planned }));
    expect(comment.startsWith(`${markerOf("prod")}\n\n## Preview of \`prod\`: ✅ may be applied`)).toBe(true);
    expect(comment).toContain("Nothing changes.");
    expect(comment).not.toContain("### Violations");
  });

  test("puts violations, warnings, exceptions and what is not known yet apart", () => {
    const comment = report(
      policy(
        "max-dph",
        "mandatory",
        "a",
        "<{%reset%}>Every instance declares it.\na: is $9.00/h; the cap is $4.00/h.<{%reset%}>",
      ),
      policy("owner-tags", "advisory", "a", "Every instance says whose it is.\na: tags lacks team."),
      policy(
        "exceptions-in-force",
        "advisory",
        "shop-prod",
        "Exceptions are reported.\nb: max-dph is not held until 2027-01-01.",
      ),
      policy("copy-out-declared", "advisory", "b", "can't run policy 'copy-out-declared' during preview"),
    );
    expect(comment).toContain("❌ refused by 1 policy violation");
    expect(comment).toContain(
      "### Violations\n\n| rule | where | what |\n| --- | --- | --- |\n| `max-dph` | a | is $9.00/h; the cap is $4.00/h. |",
    );
    expect(comment).toContain(
      "### Warnings\n\n| rule | where | what |\n| --- | --- | --- |\n| `owner-tags` | a | tags lacks team. |",
    );
    expect(comment).toContain("### Exceptions in force\n\n- **b**: max-dph is not held until 2027-01-01.");
    expect(comment).toContain("### Not known before the update\n\n- `copy-out-declared` of b");
  });

  test("shows cost per hour, day and month, before and after", () => {
    const comment = report(
      step("delete", "a", { old: existing }),
      step("create", "b", { new: { inputs: { offer: {} } } }),
    );
    expect(comment).toContain("| before | $0.41 | $9.84 | $295.20 |");
    expect(comment).toContain("| after, at most (price caps) | $0.00 | $0.00 | $0.00 |");
    expect(comment).toContain("| difference, at most | −$0.41 | −$9.84 | −$295.20 |");
    expect(comment).toContain("Without a price cap, and not in the sum: b.");
  });

  test("shows each change once, with what causes it", () => {
    const comment = report(
      step("replace", "a", { old: existing, new: planned, keys: ["disk"] }),
      step("create-replacement", "a", { old: existing, new: planned }),
    );
    expect(comment).toContain("| replace | a | Instance | disk |");
    expect(comment).not.toContain("create-replacement");
  });

  test("names what a rule about several resources is about, not the stack it is reported at", () => {
    const message = "Budgets are kept.\ntrainer: the price caps of fleet trainer add up to $43.20 per day.";
    const comment = report(
      line({ policyEvent: { policyName: "fleet-budget", enforcementLevel: "mandatory", resourceUrn: "", message } }),
      line({ diagnosticEvent: { severity: "error", message: "preview failed\n" } }),
    );
    expect(comment).toContain(
      "| `fleet-budget` | trainer | the price caps of fleet trainer add up to $43.20 per day. |",
    );
    expect(comment).not.toContain("### Errors");
  });

  test("leaves out what is no part of the plan: plugins, and what stays as it is", () => {
    const plugin = step("update", "default", {}, "pulumi:providers:pulumi-nodejs");
    expect(report(plugin, step("same", "a", { old: existing, new: planned }))).toContain("Nothing changes.");
  });

  test("repeats what the preview says of the market: the stack's sum, budgets, credit, and each fleet's offers", () => {
    const said = (urnOf: string, message: string) =>
      line({ diagnosticEvent: { severity: "info", urn: urnOf, message } });
    const worker = { name: "w", kind: "worker", toRent: true, team: undefined, dph: 0.5 } as const;
    const fleets = [fleetCost("trainer", [worker, worker]), fleetCost("together", [worker])];
    const { text } = stackCost(fleets, { stack: { perHour: 2 }, project: {}, teams: {}, fleets: {} }, 150);
    const comment = report(
      said(urn("pulumi:pulumi:Stack", "shop-prod"), "something else"),
      said(urn("vast:index:Fleet", "trainer"), "9 machines match now.\nThe fleet: $0.318/h"),
      said(urn("pulumi:pulumi:Stack", "shop-prod"), text),
    );
    expect(comment).toContain("\n| after, at the market's prices now | $1.50 | $36.00 | $1,080.00 |\n");
    expect(comment).toContain(
      "\nAt the market's prices now:\n\n- budget of this stack: $1.50 of $2.00 per hour (75 %)\n- credit of the account: $150.00: enough for 100 hours (4 days) of this stack alone\n- **trainer**: 9 machines match now. The fleet: $0.318/h\n",
    );
    expect(comment).not.toContain("something else");
  });

  test("does not take a preview that was cut short for one that changes nothing", () => {
    const said = (message: string) => line({ diagnosticEvent: { severity: "info#err", message } });
    const log = [said("error: running program 'policies' failed:\n"), said("  max-dpi is no rule\n")].join("\n");
    const comment = markdown(readEvents(log), "prod");
    expect(comment).toContain("❌ the preview failed");
    expect(comment).toContain(
      "- the preview did not get to its end error: running program 'policies' failed: max-dpi is no rule",
    );
    expect(markdown(readEvents(step("same", "a", {})), "prod")).toContain("- the preview did not get to its end");
  });

  test("says that the preview failed, and why", () => {
    const comment = report(
      line({ diagnosticEvent: { severity: "error", message: "no offer\nsatisfies it", color: "raw" } }),
    );
    expect(comment).toContain("❌ the preview failed");
    expect(comment).toContain("### Errors\n\n- no offer satisfies it");
  });
});

/** A stack with one worker, two more wanted, over its budget, and an exception in force; debug messages are left out of it. */
test("the comment of a recorded preview is as it was last looked at", async () => {
  const recorded = join(import.meta.dirname, "../fixtures/previews/two-workers-over-budget");
  const comment = markdown(readEvents(readFileSync(`${recorded}.events`, "utf8")), "e2e");
  await expect(comment).toMatchFileSnapshot(`${recorded}.md`);
});

test("a line that is no event is an error that names it", () => {
  expect(() => readEvents(`${step("same", "a", {})}\nnot JSON`)).toThrow("line 2 of the event log is no event");
  expect(readEvents("\n").steps).toEqual([]);
});
