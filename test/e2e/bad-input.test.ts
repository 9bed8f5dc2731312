import { afterAll, beforeAll, expect, test } from "vitest";
import { instances, openScene, type Scene } from "./harness.ts";

let scene: Scene;
beforeAll(async () => {
  scene = await openScene({ trainer: { profile: "self-play", workers: 1 } });
});
afterAll(() => scene[Symbol.asyncDispose]());

const cases: [what: string, changes: Record<string, unknown>, message: RegExp][] = [
  [
    "a GPU that does not exist",
    { offer: { gpu: "RTX 4091" } },
    /offer\.gpu.*"RTX 4091" is no GPU that Vast\.ai lists; did you mean RTX 4090/s,
  ],
  ["a negative price", { offer: { maxDph: -1 } }, /offer\.maxDph.*must be above 0 USD\/h/s],
  ["a disk below the minimum", { disk: 4 }, /disk.*must be at least 8 GB/s],
  [
    "a secret in the start script",
    { onstart: "export HF_TOKEN=hf_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
    /onstart.*contains a Hugging Face token.*Pass it in `env`/s,
  ],
  [
    "a copy-out path that is not absolute",
    { copyOut: { paths: ["checkpoints"] } },
    /copyOut\.paths\.0.*must be an absolute path/s,
  ],
  [
    "a pinned offer together with criteria",
    { offer: { id: 123456 } },
    /offer.*has both a pinned offer \(id\) and criteria/s,
  ],
  ["a misspelt property", { dissk: 40 }, /dissk.*is not a property of this resource/s],
];

test.each(cases)(
  "%s is refused before anything is rented, with the property and the fix",
  async (_what, changes, message) => {
    scene.stack.configure({ trainer: { profile: "self-play", workers: 1, with: changes } });
    const preview = await scene.stack.pulumi(["preview"]);
    expect(preview.exitCode).not.toBe(0);
    expect(preview.all).toMatch(message);
    expect(await instances(scene)).toEqual([]);
  },
);

test("an unknown profile names the ones there are", async () => {
  scene.stack.configure({ trainer: { profile: "self-paly", workers: 1 } });
  const preview = await scene.stack.pulumi(["preview"]);
  expect(preview.all).toMatch(/there is no profile "self-paly" in stacks\/profiles\.yaml; it has dev-test/);
});
