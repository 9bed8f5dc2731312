import type { Endpoint } from "../http/endpoint.ts";
import { accountEndpoints } from "./account.ts";
import { bulkEndpoints } from "./bulk.ts";
import { commandEndpoints } from "./commands.ts";
import { copyEndpoints } from "./copies.ts";
import { createEndpoints } from "./create.ts";
import { instanceManageEndpoints } from "./instances-manage.ts";
import { instanceReadEndpoints } from "./instances-read.ts";
import { offerEndpoints } from "./offers.ts";
import { sshKeyEndpoints } from "./ssh-keys.ts";
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
];

/** Routes with fixed words come before those with {names} in the same place. */
export const ENDPOINTS: readonly Endpoint[] = families.toSorted((a, b) => names(a) - names(b));

function names(endpoint: Endpoint): number {
  return endpoint.path.split("{").length;
}
