import * as pulumi from "@pulumi/pulumi";
import { CloudSyncTarget, previewStackCost, VastFleet } from "pulumi-vast";
import { readLimits } from "./budgets.ts";
import { readStackConfig } from "./config.ts";
import { createStorage, type Storage } from "./storage.ts";

/** Storage first, then the target that copies go to, then the fleets: a destroy takes them down in the opposite order. */
export default async function program(): Promise<Record<string, unknown>> {
  const config = readStackConfig();
  const storage = await createStorage(config.storage);
  const fleets = Object.entries(config.fleets).map(([name, fleet]) => {
    const target = createTarget(name, config.storage.prefix, storage);
    const { copyOut, ...worker } = fleet.profile;
    const profile = { ...worker, ...(copyOut ? { copyOut: { ...copyOut, target: target.binding } } : {}) };
    const resource = new VastFleet(name, { ...fleet, profile: profile as never });
    return { name, resource, target };
  });
  await previewStackCost(
    fleets.map(({ resource }) => resource),
    readLimits(),
  );
  return {
    bucket: storage.bucket.bucket,
    vastConnection: { name: storage.connectionName, accessKeyId: storage.accessKey.id },
    vastSecretAccessKey: storage.accessKey.secret,
    fleets: Object.fromEntries(
      fleets.map(({ name, resource, target }) => [
        name,
        {
          dph: resource.dph,
          perDay: resource.perDay,
          ssh: resource.ssh,
          results: pulumi.interpolate`s3://${target.bucket}/${target.prefix}`,
        },
      ]),
    ),
  };
}

/** One target for each fleet: prefixes are not shared, so that one fleet's results never pass for another's. */
function createTarget(fleet: string, prefix: string, storage: Storage): CloudSyncTarget {
  return new CloudSyncTarget(
    fleet,
    {
      connection: storage.connectionName,
      bucket: storage.bucket.bucket,
      prefix: `${prefix}/${fleet}`,
      region: storage.region,
      ...(storage.endpoint === undefined ? {} : { endpoint: storage.endpoint }),
      accessKeyId: storage.accessKey.id,
      secretHint: "npm run -s connection-key",
    },
    { dependsOn: storage.ready },
  );
}
