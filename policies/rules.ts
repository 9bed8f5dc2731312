import { maxDph } from "./cost/max-dph.ts";
import type { AnyRule } from "./rule.ts";
import { copyOutDeclared } from "./safety/copy-out-declared.ts";
import { copyOutWaived } from "./safety/copy-out-waived.ts";
import { verifiedHosts } from "./safety/verified-hosts.ts";

export const rules: readonly AnyRule[] = [verifiedHosts, maxDph, copyOutDeclared, copyOutWaived];
