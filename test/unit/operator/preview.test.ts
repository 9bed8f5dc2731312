import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import { expect, test } from "vitest";
import { addEvent, noChanges } from "../../../operator/stack/preview.ts";

test("of what the engine says in a preview, its debugging and what programs print beside it are not told", () => {
  const changes = noChanges();
  const say = (severity: string, message: string) => {
    const diagnosticEvent = { severity, message, color: "never", urn: "urn:pulumi:dev::p::t::trainer" };
    addEvent(changes, { diagnosticEvent } as unknown as EngineEvent);
  };
  say("debug", "RegisterResource RPC prepared: t=aws:s3/bucket:Bucket, name=results");
  say("info#err", "(node:1) ExperimentalWarning");
  say("info", "<{%reset%}>9 machines match now<{%reset%}>\n");
  say("warning", "the bucket has no versioning");
  expect(changes.messages).toEqual([
    { severity: "info", resource: "trainer", text: "9 machines match now" },
    { severity: "warning", resource: "trainer", text: "the bucket has no versioning" },
  ]);
});
