import type { Endpoint } from "../http/endpoint.ts";
import { accountEndpoints } from "./account.ts";
import { apiKeyEndpoints } from "./api-keys.ts";
import { billingEndpoints } from "./billing.ts";
import { bulkEndpoints } from "./bulk.ts";
import { commandEndpoints } from "./commands.ts";
import { contractMoneyEndpoints } from "./contract-money.ts";
import { copyEndpoints } from "./copies.ts";
import { createEndpoints } from "./create.ts";
import { directCopyEndpoints } from "./direct-copies.ts";
import { instanceManageEndpoints } from "./instances-manage.ts";
import { instanceReadEndpoints } from "./instances-read.ts";
import { jobEndpoints } from "./jobs.ts";
import { launchEndpoints } from "./launch.ts";
import { offerEndpoints } from "./offers.ts";
import { secretEndpoints } from "./secrets.ts";
import { snapshotEndpoints } from "./snapshots.ts";
import { sshKeyEndpoints } from "./ssh-keys.ts";
import { templateEndpoints } from "./templates.ts";
import { volumeEndpoints } from "./volumes.ts";

const families: Endpoint[] = [
  ...offerEndpoints,
  ...createEndpoints,
  ...instanceReadEndpoints,
  ...commandEndpoints,
  ...instanceManageEndpoints,
  ...bulkEndpoints,
  ...volumeEndpoints,
  ...copyEndpoints,
  ...sshKeyEndpoints,
  ...accountEndpoints,
  ...apiKeyEndpoints,
  ...secretEndpoints,
  ...templateEndpoints,
  ...billingEndpoints,
  ...contractMoneyEndpoints,
  ...jobEndpoints,
  ...launchEndpoints,
  ...directCopyEndpoints,
  ...snapshotEndpoints,
];

/** Routes with fixed words come before those with {names} in the same place. */
export const ENDPOINTS: readonly Endpoint[] = families.toSorted((a, b) => names(a) - names(b));

function names(endpoint: Endpoint): number {
  return endpoint.path.split("{").length;
}
