import { PolicyPack } from "@pulumi/policy";
import { toPolicy } from "./rule.ts";
import { rules } from "./rules.ts";

new PolicyPack("pulumi-vast", { enforcementLevel: "mandatory", policies: rules.map(toPolicy) });
