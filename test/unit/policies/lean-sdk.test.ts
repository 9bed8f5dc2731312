import { execa } from "execa";
import { expect, test } from "vitest";
import { POLICIES } from "../../support/policy-stack.ts";

/** In a process of its own, as a pack is: what is left out there is left out of everything. */
const PROBE = `
import { createRequire } from "node:module";
const require = createRequire(process.cwd() + "/");
if (process.argv.includes("lean")) (await import(process.cwd() + "/lean-sdk.mts")).leanSdk();
const { deserializeProperties } = require("@pulumi/policy/deserialize");
const { Struct } = require("google-protobuf/google/protobuf/struct_pb.js");
const sent = Struct.fromJavaScript({ image: "pytorch", onstart: null, disk: 40, offer: { gpu: "RTX 4090" }, ports: [22, 80] });
const first = deserializeProperties(sent, false);
first.offer.gpu = "RTX 3090";
first.ports.push(443);
console.log(JSON.stringify({
  seen: deserializeProperties(sent, false),
  decodedOnce: sent.toJavaScript() === sent.toJavaScript(),
  loadsNpm: Object.keys(require.cache).some((file) => file.includes("/pacote/")),
  loadsAutomation: Object.keys(require.cache).some((file) => /automation.localWorkspace/.test(file)),
}));`;

async function probe(...args: string[]): Promise<unknown> {
  const node = ["--input-type=module", "--no-warnings", "--eval", PROBE, "--", ...args];
  const { stdout } = await execa(process.execPath, node, { cwd: POLICIES });
  return JSON.parse(stdout);
}

test("the SDK reads the same with less of it loaded, and what one rule does to the properties no other one sees", async () => {
  const seen = { image: "pytorch", onstart: null, disk: 40, offer: { gpu: "RTX 4090" }, ports: [22, 80] };
  // What is left out is there to be left out.
  expect(await probe()).toEqual({ seen, decodedOnce: false, loadsNpm: true, loadsAutomation: true });
  expect(await probe("lean")).toEqual({ seen, decodedOnce: true, loadsNpm: false, loadsAutomation: false });
});
