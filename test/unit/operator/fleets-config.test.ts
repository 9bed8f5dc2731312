import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { fleetsConfig } from "../../../operator/fleet/config.ts";

const folder = mkdtempSync(join(tmpdir(), "fleets-config-"));
const file = join(folder, "Pulumi.dev.yaml");
const config = () => fleetsConfig({ folder, stack: "dev", project: "shop" });
const written = () => readFileSync(file, "utf8");

const TEXT = `config:
  # who pays
  shop:tags: { team: research }
  shop:fleets:
    trainer:
      profile: self-play # cheap cards
      workers: 2
      with: { env: { TOKEN: { secure: AAABBB } } }
    other: { profile: dev-test, workers: 1 }
encryptionsalt: v1:abc
`;
afterEach(() => rmSync(file, { force: true }));

test("a number of workers is changed, and comments, secrets and other fleets stay as they are", async () => {
  writeFileSync(file, TEXT);
  await config().change([{ fleet: "trainer", path: ["workers"], value: 5 }]);
  expect(written()).toBe(TEXT.replace("workers: 2", "workers: 5"));
  expect(config().read()).toMatchObject({ trainer: { workers: 5 }, other: { workers: 1 } });
});

test("a price with a fraction stays a number, and can be taken back with all that was made for it", async () => {
  writeFileSync(file, TEXT);
  const undo = await config().change([
    { fleet: "other", path: ["overrides", "0", "offer", "maxDph"], value: 0.25 },
    { fleet: "trainer", path: ["workers"], value: 3 },
  ]);
  expect(config().read().other?.overrides).toEqual({ 0: { offer: { maxDph: 0.25 } } });
  await undo();
  expect(written()).toBe(TEXT);
});

test("what somebody else has changed meanwhile is not taken back", async () => {
  writeFileSync(file, TEXT);
  const undo = await config().change([{ fleet: "trainer", path: ["workers"], value: 3 }]);
  await config().change([{ fleet: "trainer", path: ["workers"], value: 7 }]);
  await undo();
  expect(config().read().trainer?.workers).toBe(7);
});

test("fleets that `pulumi config set` wrote as JSON are read and changed all the same", async () => {
  writeFileSync(file, `config:\n  shop:fleets: '{"trainer": {"profile": "self-play", "workers": 2}}'\n`);
  await config().change([{ fleet: "trainer", path: ["workers"], value: 4 }]);
  expect(config().read().trainer).toMatchObject({ profile: "self-play", workers: 4 });
});

test("changes of several processes at one time are all kept", async () => {
  writeFileSync(file, TEXT);
  await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      config().change([{ fleet: "trainer", path: ["overrides", String(n), "state"], value: "stopped" }]),
    ),
  );
  expect(Object.keys(config().read().trainer?.overrides ?? {})).toHaveLength(8);
});

test("a file that is no YAML, and a number of workers that is none, are errors that name the file", () => {
  writeFileSync(file, "config: [");
  expect(() => config().read()).toThrow(/Pulumi\.dev\.yaml/);
  writeFileSync(file, TEXT.replace("workers: 2", "workers: many"));
  expect(() => config().read()).toThrow(/Pulumi\.dev\.yaml: shop:fleets[\s\S]*trainer\.workers/);
});
