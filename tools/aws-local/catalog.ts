import { accessKey } from "./access-keys.ts";
import { bucketObjects } from "./bucket-objects.ts";
import { bucketOwnershipControls, bucketPolicy, bucketVersioning } from "./bucket-settings.ts";
import { bucket } from "./buckets.ts";
import { managedPolicy, userPolicyAttachment } from "./managed-policies.ts";
import type { ResourceType } from "./resource.ts";
import { stateOnlyTypes } from "./state-only.ts";
import { userPolicy } from "./user-policies.ts";
import { user } from "./users.ts";

export { functions } from "./functions.ts";
export { STATE_ONLY_NOTICE } from "./state-only.ts";

const types: ResourceType[] = [
  bucket,
  bucketVersioning,
  bucketPolicy,
  bucketOwnershipControls,
  ...bucketObjects,
  ...stateOnlyTypes,
  user,
  userPolicy,
  managedPolicy,
  userPolicyAttachment,
  accessKey,
];

export const resourceTypes: Record<string, ResourceType> = Object.fromEntries(types.map((type) => [type.token, type]));

export const stateOnly: ReadonlySet<string> = new Set(stateOnlyTypes.map(({ token }) => token));
