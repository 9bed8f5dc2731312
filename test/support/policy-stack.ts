import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { AWS_STAND_IN } from "../../tools/local.ts";
import { type Deployment, REPOSITORY } from "../../tools/stack.ts";

export const POLICIES = join(REPOSITORY, "policies");

export interface Finished {
  exitCode: number | undefined;
  all: string;
}

export interface PolicyStack extends AsyncDisposable {
  pulumi(...args: string[]): Promise<Finished>;
  withoutPacks(...args: string[]): Promise<Finished>;
  /** With a config for the policy pack. */
  preview(policyConfig: object): Promise<Finished>;
  /** Names of the resources in the state. */
  resources(): Promise<string[]>;
}

/** A stack of the program in test/e2e/policies, in a folder and a backend of its own, with the pack loaded. */
export async function openStack(scenario: string, packConfig: Record<string, unknown> = {}): Promise<PolicyStack> {
  const dir = mkdtempSync(join(tmpdir(), "policies-e2e-"));
  const project = join(dir, "project");
  cpSync(join(REPOSITORY, "test/e2e/policies"), project, { recursive: true });
  symlinkSync(join(REPOSITORY, "node_modules"), join(project, "node_modules"));
  const config = {
    "policies:scenario": scenario,
    // Nothing listens there: a rule that asked the API, or a create, would end in an error of another kind.
    "vast:apiUrl": "http://127.0.0.1:9",
    "vast:apiKey": "no-key",
    "vast:owner": "policies-e2e",
    "aws:region": "us-east-1",
    "aws:endpoints": [{ s3: "http://127.0.0.1:9", iam: "http://127.0.0.1:9", sts: "http://127.0.0.1:9" }],
    ...Object.fromEntries(Object.entries(packConfig).map(([key, value]) => [`pulumi-vast:${key}`, value])),
  };
  writeFileSync(join(project, "Pulumi.dev.yaml"), JSON.stringify({ config }));
  const env = {
    PULUMI_HOME: join(dir, "home"),
    PULUMI_BACKEND_URL: `file://${dir}`,
    PULUMI_CONFIG_PASSPHRASE: "policies-e2e",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PATH: `${AWS_STAND_IN}${delimiter}${process.env.PATH}`,
    AWS_ACCESS_KEY_ID: "none",
    AWS_SECRET_ACCESS_KEY: "none",
  };
  const run = async (args: string[], more: Record<string, string>): Promise<Finished> => {
    const options = { cwd: project, env: { ...env, ...more }, all: true, reject: false } as const;
    const { exitCode, all, cause } = await execa("pulumi", [...args, "--non-interactive", "--color=never"], options);
    if (exitCode === undefined) throw new Error(`pulumi did not run: ${String(cause)}\n${all}`);
    return { exitCode, all };
  };
  const pulumi = (...args: string[]) => run(args, { PULUMI_OPTION_POLICY_PACK: POLICIES });
  const withoutPacks = (...args: string[]) => run(args, {});
  const created = await withoutPacks("stack", "init", "dev");
  if (created.exitCode !== 0) throw new Error(created.all);
  return {
    pulumi,
    withoutPacks,
    preview: (policyConfig) => {
      const file = join(dir, "policy-config.json");
      writeFileSync(file, JSON.stringify(policyConfig));
      return pulumi("preview", "--policy-pack-config", file);
    },
    resources: async () => {
      const { deployment } = JSON.parse((await pulumi("stack", "export")).all) as Deployment;
      return (deployment.resources ?? []).map(({ urn }) => urn.split("::").at(-1) ?? "");
    },
    [Symbol.asyncDispose]: async () => rmSync(dir, { recursive: true, force: true }),
  };
}
