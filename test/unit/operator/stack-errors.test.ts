import { expect, test } from "vitest";
import { explain } from "../../../operator/stack/errors.ts";
import { openStack } from "../../../operator/stack.ts";

test("without an engine, what is said is that there is none and where to get it", async () => {
  const path = process.env.PATH;
  try {
    process.env.PATH = "/nowhere";
    await expect(openStack({ cwd: process.cwd(), stack: "dev" })).rejects.toMatchObject({
      code: "config",
      message: expect.stringMatching(/no `pulumi` on PATH[\s\S]*vast-fleet/),
    });
  } finally {
    process.env.PATH = path;
  }
});

test("without a login, what is said is how to log in", () => {
  const said = new Error("error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions");
  expect(() => explain("dev")(said)).toThrow(/not logged in[\s\S]*pulumi login[\s\S]*local:env/);
});
