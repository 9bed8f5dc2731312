import { join } from "node:path";
import { execa } from "execa";
import { stringify } from "yaml";
import { REPOSITORY } from "../../tools/stack.ts";
import { type Cloud, openProject, type Project, STACK } from "./project.ts";

/** The checkout's fleets without its AWS side: as quick as an engine run can be. */
const program = ({ bucket, connection, local }: Cloud) => `
import { CloudSyncTarget, VastFleet } from "pulumi-vast";
import { readStackConfig } from ${JSON.stringify(join(REPOSITORY, "stacks/config.ts"))};
for (const [name, fleet] of Object.entries(readStackConfig().fleets)) {
  const target = new CloudSyncTarget(name, {
    connection: ${JSON.stringify(connection)}, bucket: ${JSON.stringify(bucket)}, prefix: "runs/" + name,
    region: ${JSON.stringify(local.s3.region)}, endpoint: ${JSON.stringify(local.s3.url)},
  });
  const { copyOut, ...profile } = fleet.profile;
  new VastFleet(name, { ...fleet, profile: { ...profile, copyOut: { ...copyOut, target: target.binding } } } as never);
}
`;

export interface FleetProject extends Project {
  /** Runs `vast-fleet <args>` in the project's folder. */
  vastFleet(
    args: string[],
    env?: Record<string, string>,
  ): Promise<{ exitCode: number | undefined; stdout: string; stderr: string }>;
}

/** A project whose stack has these fleets in its config; nothing is rented yet. */
export async function openFleetProject(cloud: Cloud, fleets: Record<string, object>): Promise<FleetProject> {
  const project = openProject(cloud, { folder: "fleet", name: "shop", files: { "index.ts": program(cloud) } });
  project.write(`Pulumi.${STACK}.yaml`, stringify({ config: { ...cloud.config, "shop:fleets": fleets } }));
  await project.ok(["stack", "init", STACK]);
  return {
    ...project,
    vastFleet: async (args, env = {}) => {
      const [command = "", ...rest] = args;
      const { exitCode, stdout, stderr } = await execa(
        process.execPath,
        [join(REPOSITORY, "operator/main.ts"), command, "--stack", STACK, ...rest],
        { cwd: project.folder, env: { ...project.env, ...env }, reject: false, stdin: "ignore" },
      );
      return { exitCode, stdout, stderr };
    },
  };
}
