import { bandwidthPrice } from "./cost/bandwidth-price.ts";
import { expirySet } from "./cost/expiry-set.ts";
import { fleetBudget } from "./cost/fleet-budget.ts";
import { idleVolumes } from "./cost/idle-volumes.ts";
import { maxDph } from "./cost/max-dph.ts";
import { maxInstances } from "./cost/max-instances.ts";
import { onDemandShare } from "./cost/on-demand-share.ts";
import { ownerTags } from "./cost/owner-tags.ts";
import { spotCheckpoints } from "./cost/spot-checkpoints.ts";
import { stackBudget } from "./cost/stack-budget.ts";
import { stoppedBounded } from "./cost/stopped-bounded.ts";
import { teamBudget } from "./cost/team-budget.ts";
import type { AnyRule } from "./rule.ts";
import { allowedCountries } from "./safety/allowed-countries.ts";
import { copyOutDeclared } from "./safety/copy-out-declared.ts";
import { copyOutWaived } from "./safety/copy-out-waived.ts";
import { directPort } from "./safety/direct-port.ts";
import { diskCoversCheckpoints } from "./safety/disk-covers-checkpoints.ts";
import { imageCuda, imageCudaKnown } from "./safety/image-cuda.ts";
import { imagePinned } from "./safety/image-pinned.ts";
import { minReliability } from "./safety/min-reliability.ts";
import { openAccess } from "./safety/open-access.ts";
import { portCap } from "./safety/port-cap.ts";
import { registryLogin } from "./safety/registry-login.ts";
import { requiredPatterns } from "./safety/required-patterns.ts";
import { secretsInClear } from "./safety/secrets-in-clear.ts";
import { spreadHosts } from "./safety/spread-hosts.ts";
import { verifiedHosts } from "./safety/verified-hosts.ts";
import { volumeWithInstance } from "./safety/volume-with-instance.ts";
import { bucketEncrypted } from "./storage/bucket-encrypted.ts";
import { bucketKept } from "./storage/bucket-kept.ts";
import { bucketNotPublic } from "./storage/bucket-not-public.ts";
import { bucketVersioned } from "./storage/bucket-versioned.ts";
import { iamPrefixOnly } from "./storage/iam-prefix-only.ts";
import { lifecycleKeepsCurrent } from "./storage/lifecycle-keeps-current.ts";
import { prefixNotShared } from "./storage/prefix-not-shared.ts";

/** Every rule, pack by pack. */
export const rules: readonly AnyRule[] = [
  verifiedHosts,
  minReliability,
  directPort,
  copyOutDeclared,
  copyOutWaived,
  requiredPatterns,
  secretsInClear,
  registryLogin,
  openAccess,
  imagePinned,
  imageCuda,
  imageCudaKnown,
  portCap,
  diskCoversCheckpoints,
  volumeWithInstance,
  spreadHosts,
  allowedCountries,

  maxDph,
  fleetBudget,
  stackBudget,
  teamBudget,
  maxInstances,
  expirySet,
  stoppedBounded,
  bandwidthPrice,
  spotCheckpoints,
  onDemandShare,
  idleVolumes,
  ownerTags,

  bucketVersioned,
  bucketNotPublic,
  bucketEncrypted,
  bucketKept,
  lifecycleKeepsCurrent,
  iamPrefixOnly,
  prefixNotShared,
];
