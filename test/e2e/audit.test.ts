import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { REPOSITORY } from "../../tools/stack.ts";
import { type Cloud, openCloud, openProject, STACK, YES } from "./project.ts";

const program = ({ bucket, connection, local }: Cloud) => `
import { CloudSyncTarget, VastInstance } from "pulumi-vast";
const target = new CloudSyncTarget("results", {
  connection: ${JSON.stringify(connection)}, bucket: ${JSON.stringify(bucket)}, prefix: "runs",
  region: ${JSON.stringify(local.s3.region)}, endpoint: ${JSON.stringify(local.s3.url)},
});
new VastInstance("trainer", {
  offer: { gpu: "RTX 4090" }, image: "pytorch/pytorch:2.4.0-cuda12.4-cudnn9-runtime", disk: 20, maxDurationHours: 24,
  copyOut: { target: target.binding, paths: ["/workspace/out"], required: ["*.pt"] },
});
`;

test("an audit finds what a plain `up`, without packs, has rented against the rules, and nothing once that is agreed on", async () => {
  await using cloud = await openCloud();
  const project = openProject(cloud, { folder: "fleet", files: { "index.ts": program(cloud) } });
  await project.ok(["stack", "init", STACK]);
  await project.ok(["up", ...YES]);
  const audit = async (...args: string[]) => {
    const command = [join(REPOSITORY, "operator/main.ts"), "audit", "--policy-pack", join(REPOSITORY, "policies")];
    return execa(process.execPath, [...command, "--stack", STACK, ...args], {
      cwd: project.folder,
      env: project.env,
      reject: false,
      stdin: "ignore",
    });
  };

  const found = await audit("--json");
  expect(found.exitCode, found.stderr).toBe(3);
  const { findings } = JSON.parse(found.stdout) as { findings: { rule: string; level: string; subject: string }[] };
  const mandatory = findings.filter(({ level }) => level === "mandatory");
  expect(mandatory).toMatchObject([{ rule: "max-dph", subject: "trainer" }]);

  await project.ok(["config", "set", "--path", "pulumi-vast:policies.max-dph", "advisory"]);
  const agreed = await audit("--markdown");
  expect(agreed.exitCode, agreed.stdout).toBe(0);
  expect(agreed.stdout).toMatch(/^<!-- pulumi-vast audit of dev -->\n\n## Audit of `dev`: ✅ nothing is violated/);
  expect(agreed.stdout).toContain("| `max-dph` | trainer |");
});
