import { UnknownValueError } from "@pulumi/policy";
import { describe, expect, test } from "vitest";
import { bandwidthPrice } from "../../../policies/cost/bandwidth-price.ts";
import type { AnyRule } from "../../../policies/rule.ts";
import { allowedCountries } from "../../../policies/safety/allowed-countries.ts";
import { directPort } from "../../../policies/safety/direct-port.ts";
import { minReliability } from "../../../policies/safety/min-reliability.ts";
import { verifiedHosts } from "../../../policies/safety/verified-hosts.ts";
import { bucketKept } from "../../../policies/storage/bucket-kept.ts";
import { bucketNotPublic } from "../../../policies/storage/bucket-not-public.ts";
import { bucketVersioned } from "../../../policies/storage/bucket-versioned.ts";
import { judge, PASS, type Resource, remedied, UNKNOWN, unchecked } from "./judge.ts";

const instance = (inputs: object) => unchecked("instance", inputs);
const volume = (inputs: object) => unchecked("volume", inputs);
const gpu = "RTX 4090";

const remedies: [AnyRule, Resource, object, object?][] = [
  [
    verifiedHosts,
    instance({ disk: 20, offer: { gpu, verified: false } }),
    { disk: 20, offer: { gpu, verified: true } },
  ],
  [
    verifiedHosts,
    volume({ placeWith: { disk: 20, offer: { gpu, verified: false } } }),
    { placeWith: { disk: 20, offer: { gpu, verified: true } } },
  ],
  [minReliability, instance({ offer: { gpu, minReliability: 0.5 } }), { offer: { gpu, minReliability: 0.9 } }],
  [
    minReliability,
    volume({ placeWith: { offer: { minReliability: 0.5 } } }),
    { placeWith: { offer: { minReliability: 0.99 } } },
    { least: 0.99 },
  ],
  [directPort, instance({ runtype: "ssh" }), { runtype: "ssh_direct" }],
  [directPort, instance({ runtype: "jupyter" }), { runtype: "jupyter_direct" }],
  [allowedCountries, instance({ offer: { gpu } }), { offer: { gpu, countries: ["SE"] } }, { countries: ["SE"] }],
  [bandwidthPrice, instance({ offer: { gpu } }), { offer: { gpu, maxBandwidthPrice: 0.05 } }],
  [bandwidthPrice, instance({ offer: { maxBandwidthPrice: 1 } }), { offer: { maxBandwidthPrice: 0.05 } }],
  [
    bucketVersioned,
    unchecked("versioning", { bucket: "a" }),
    { bucket: "a", versioningConfiguration: { status: "Enabled" } },
  ],
  [
    bucketVersioned,
    unchecked("versioning", { versioningConfiguration: null }),
    { versioningConfiguration: { status: "Enabled" } },
  ],
  [
    bucketNotPublic,
    unchecked("publicAccessBlock", { blockPublicAcls: true, ignorePublicAcls: false }),
    { blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
  ],
  [bucketNotPublic, unchecked("bucket", { acl: "public-read" }), { acl: "private" }],
  [bucketNotPublic, unchecked("acl", { bucket: "a", acl: "public-read" }), { bucket: "a", acl: "private" }],
  [bucketKept, unchecked("bucket", { forceDestroy: true }), { forceDestroy: false }],
];

describe.each(remedies)("the remedy of $name for %j", (rule, resource, expected, config) => {
  test("sets the one right value and keeps the rest", () => {
    expect(remedied(rule, resource, config)).toEqual(expected);
  });

  test("leaves something that passes the rule", () => {
    expect(judge(rule, resource, config).violations).not.toEqual([]);
    const inputs = remedied(rule, resource, config) ?? {};
    expect(judge(rule, { ...resource, inputs: JSON.parse(JSON.stringify(inputs)) }, config)).toEqual(PASS);
  });
});

test.each<[AnyRule, Resource, object?]>([
  [verifiedHosts, instance({ offer: { gpu, verified: true } })],
  [verifiedHosts, instance({ offer: { id: 7 } })],
  [verifiedHosts, volume({ machineId: 7 })],
  [minReliability, instance({ offer: { gpu, minReliability: 0.9 } })],
  [minReliability, volume({ placeWith: { offer: { gpu } } })],
  [directPort, instance({ runtype: "args" })],
  [directPort, instance({})],
  [allowedCountries, instance({ offer: { gpu, countries: ["US"] } }), { countries: ["SE"] }],
  [allowedCountries, instance({ offer: { id: 7 } }), { countries: ["SE"] }],
  [allowedCountries, instance({ offer: { gpu } })],
  [allowedCountries, instance({}), { countries: ["SE"] }],
  [bandwidthPrice, instance({ offer: { id: 7 } })],
  [bucketVersioned, unchecked("versioning", { versioningConfiguration: { status: "Enabled" } })],
  [bucketNotPublic, unchecked("bucket", { acl: "private" })],
  [bucketNotPublic, unchecked("acl", {})],
  [verifiedHosts, instance({})],
  [verifiedHosts, volume({ placeWith: {} })],
  [minReliability, volume({})],
  [bucketKept, unchecked("bucket", { forceDestroy: false })],
  [bucketKept, unchecked("versioning", {})],
])(
  "the remedy of $name changes nothing where several values may be right, or nothing is wrong: %j",
  (rule, resource, config) => {
    expect(remedied(rule, resource, config)).toBeUndefined();
  },
);

test("the public access block that is right already is left alone", () => {
  const all = { blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true };
  expect(remedied(bucketNotPublic, unchecked("publicAccessBlock", all))).toBeUndefined();
});

test("a value that is not known yet is not replaced", () => {
  expect(() => remedied(verifiedHosts, instance({ offer: { verified: UNKNOWN } }))).toThrow(UnknownValueError);
});
