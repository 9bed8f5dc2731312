import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { checkInputs } from "../../../provider/lifecycle/check.ts";
import { crossChecks } from "../../../provider/lifecycle/instance/cross-checks.ts";
import { inputsSchema } from "../../../provider/lifecycle/instance/inputs.ts";
import { checkUploads, completeProfile } from "../../../stacks/profile.ts";

const { profiles } = parse(readFileSync(join(import.meta.dirname, "../../../stacks/profiles.yaml"), "utf8")) as {
  profiles: Record<string, Record<string, unknown>>;
};
const zeb = profiles.zeb ?? {};
const secrets = { secret: (key: string) => (key === "hfToken" ? pulumi.secret("hf_x") : undefined) };
const complete = (own: Record<string, string> = {}, env: NodeJS.ProcessEnv = {}) =>
  completeProfile("fleets.zeb", zeb, own, { env, ...secrets });

describe("the field's example fleet", () => {
  test("has the runbook's variables and defaults", () => {
    const { inputs, uploads } = complete();
    expect(inputs.env).toMatchObject({
      ZEB_REPO_ID: "jasonyandell/zeb-42",
      ZEB_EXAMPLES_REPO_ID: "jasonyandell/zeb-42-examples",
      ZEB_WEIGHTS_NAME: "zeb-557k-1m",
      ZEB_UPLOAD_INTERVAL: "240",
    });
    expect(inputs.offer).toMatchObject({ maxDph: 0.09, gpu: expect.arrayContaining(["RTX_3060", "RTX_3090"]) });
    expect(uploads).toEqual({ to: "jasonyandell/zeb-42-examples", everySeconds: 240, perHour: 128 });
  });

  test("takes ZEB_* from the environment, and a fleet's own variables before them", () => {
    const env = { ZEB_WEIGHTS_NAME: "medium", ZEB_MAX_DPH: "0.2", ZEB_GPUS: "RTX_3080 RTX_3090" };
    const { inputs } = complete({ ZEB_WEIGHTS_NAME: "large" }, env);
    expect(inputs.env).toMatchObject({ ZEB_WEIGHTS_NAME: "large" });
    expect(inputs.offer).toMatchObject({ maxDph: 0.2, gpu: ["RTX_3080", "RTX_3090"] });
  });

  test("is what a VastInstance takes, nothing else", () => {
    const { inputs } = complete();
    const env = { ...(inputs.env as object), HF_TOKEN: "hf_x" };
    const mark = "0123456789abcdef0123456789abcdef";
    const copyOut = {
      ...(inputs.copyOut as object),
      target: { connectionId: 1, bucket: "results", prefix: "p", region: "r" },
    };
    const checked = checkInputs(inputsSchema, { ...inputs, env, copyOut, mark, label: "zeb-worker-0" }, crossChecks);
    expect(checked.failures).toEqual([]);
  });

  test("has its token as a secret, from the config, else from the environment", async () => {
    const { inputs } = complete();
    expect(await pulumi.isSecret((inputs.env as { HF_TOKEN: pulumi.Output<string> }).HF_TOKEN)).toBe(true);
    const none = { env: {}, secret: () => undefined };
    expect(() => completeProfile("fleets.zeb", zeb, {}, none)).toThrow(/config set --secret pulumi-vast:hfToken/);
    const shell = { env: { HF_TOKEN: "hf_y" }, secret: () => undefined };
    const fromShell = completeProfile("fleets.zeb", zeb, {}, shell).inputs.env as { HF_TOKEN: pulumi.Output<string> };
    expect(await pulumi.isSecret(fromShell.HF_TOKEN)).toBe(true);
  });
});

describe("Hugging Face's 128 commits an hour", () => {
  const fleet = (name: string, workers: number, everySeconds: number, to = "examples") => ({
    ...{ name, workers },
    uploads: { to, everySeconds, perHour: 128 },
  });

  test("hold 4 or 6 workers that upload every 240 s, and 4 that do every 120 s, as the runbook has them", () => {
    for (const [workers, every] of [
      [4, 240],
      [6, 240],
      [4, 120],
    ] as const)
      expect(() => checkUploads([fleet("zeb", workers, every)])).not.toThrow();
  });

  test("do not hold 4 workers that upload more often: the message says how often they may", () => {
    expect(() => checkUploads([fleet("zeb", 4, 60)])).toThrow(
      /240 times an hour, and it takes 128: let each upload every 113 s/,
    );
  });

  test("are shared by all fleets of one repository, and by no other", () => {
    expect(() => checkUploads([fleet("zeb", 5, 240), fleet("zeb-large", 5, 240)])).toThrow(
      /zeb, zeb-large: 10 workers/,
    );
    expect(() => checkUploads([fleet("zeb", 5, 240), fleet("zeb-large", 5, 240, "other")])).not.toThrow();
  });
});

describe("a profile with a mesh", () => {
  const mesh = { join: "tailscale up --authkey=$TS_AUTHKEY", address: "tailscale ip -4", restart: "tailscale up" };
  const sources = { env: {}, secret: (key: string) => (key === "meshKey" ? pulumi.secret("ts") : undefined) };
  const profile = { offer: {}, onstart: "python train.py", mesh, secretEnv: { TS_AUTHKEY: "meshKey" } };

  test("joins before the work starts, at every start, with its key as a secret and not in the script", async () => {
    const { inputs } = completeProfile("fleets.f", profile, {}, sources);
    expect(inputs.onstart).toBe("tailscale up --authkey=$TS_AUTHKEY\npython train.py");
    expect(await pulumi.isSecret((inputs.env as { TS_AUTHKEY: pulumi.Output<string> }).TS_AUTHKEY)).toBe(true);
    expect(inputs).not.toHaveProperty("mesh");
  });

  test("carries what vast-fleet mesh asks its workers", () => {
    const { inputs } = completeProfile("fleets.f", profile, {}, sources);
    expect(JSON.parse((inputs.env as { VAST_FLEET_MESH: string }).VAST_FLEET_MESH)).toEqual({
      ...{ address: "tailscale ip -4", restart: "tailscale up" },
    });
  });
});

test("profiles without any of it are what they were, dollar signs of their scripts included", () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the text is what a profile says.
  const profile = { offer: { gpu: "RTX 4090" }, onstart: 'echo "${HOME}"' };
  expect(completeProfile("fleets.f", profile, {}, { env: {}, secret: () => undefined })).toEqual({
    inputs: profile,
    uploads: undefined,
  });
});

test("a variable that nobody has is named", () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the text is what a profile says.
  const profile = { offer: {}, env: { A: "${NOT_THERE}" } };
  expect(() => completeProfile("fleets.f", profile, {}, { env: {}, secret: () => undefined })).toThrow(
    /\$\{NOT_THERE\}/,
  );
});
