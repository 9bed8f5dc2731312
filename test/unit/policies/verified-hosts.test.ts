import { describe, expect, test } from "vitest";
import { verifiedHosts as rule } from "../../../policies/safety/verified-hosts.ts";
import { instance, judge, PASS, UNKNOWN, volume } from "./judge.ts";

const PLACE = { disk: 20, image: "pytorch/pytorch" };

describe("verified-hosts", () => {
  describe("an instance", () => {
    test("that says nothing about verification passes, because the provider asks for verified hosts", () => {
      expect(judge(rule, instance())).toEqual(PASS);
      expect(judge(rule, instance({ offer: { verified: true } }))).toEqual(PASS);
    });

    test("that admits unverified hosts is refused", () => {
      expect(judge(rule, instance({ offer: { verified: false } }))).toEqual({
        violations: [
          "trainer: offer.verified is false, which admits hosts that Vast.ai has not verified; only true is allowed. Set it to true or leave it out.",
        ],
        unknown: [],
      });
    });

    test("with a pinned offer is refused, because nobody checks its host", () => {
      const pinned = instance({ offer: { id: 4711, gpu: undefined } });
      expect(judge(rule, pinned)).toEqual({
        violations: [expect.stringContaining("offer.id pins offer 4711")],
        unknown: [],
      });
      expect(judge(rule, pinned, { allowPinned: false }).violations).toHaveLength(1);
      expect(judge(rule, pinned, { allowPinned: true })).toEqual(PASS);
    });

    test("with a pinned offer is not let off unverified hosts elsewhere in its criteria", () => {
      expect(judge(rule, instance({ offer: { verified: false } }), { allowPinned: true }).violations).toHaveLength(1);
    });
  });

  describe("what a preview does not know yet", () => {
    test("is neither refused nor passed", () => {
      expect(judge(rule, instance({ offer: { verified: UNKNOWN } }))).toEqual({
        violations: [],
        unknown: [expect.stringContaining(".offer.verified can't be known during preview")],
      });
      expect(judge(rule, instance({ offer: { id: UNKNOWN, gpu: undefined } }))).toEqual({
        violations: [],
        unknown: [expect.stringContaining(".offer.id can't be known")],
      });
      const whole = judge(rule, instance({ offer: UNKNOWN }));
      expect(whole.violations).toEqual([]);
      expect(whole.unknown).not.toEqual([]);
    });

    test("elsewhere in the offer, where it keeps the default from being filled in, changes nothing", () => {
      expect(judge(rule, instance({ offer: { maxDph: UNKNOWN } }))).toEqual(PASS);
    });
  });

  describe("a volume", () => {
    test("that goes where Vast.ai has verified the host passes", () => {
      expect(judge(rule, volume())).toEqual(PASS);
      expect(judge(rule, volume({ placeWith: { ...PLACE, offer: { gpu: "RTX 4090" } } }))).toEqual(PASS);
    });

    test("that goes with an instance on an unverified host is refused", () => {
      expect(judge(rule, volume({ placeWith: { ...PLACE, offer: { gpu: "RTX 4090", verified: false } } }))).toEqual({
        violations: [expect.stringContaining("placeWith.offer.verified is false")],
        unknown: [],
      });
    });

    test("whose machine is pinned, by itself or through an offer, is refused unless that is allowed", () => {
      const byMachine = volume({ machineId: 12 });
      const byOffer = volume({ placeWith: { ...PLACE, offer: { id: 4711 } } });
      expect(judge(rule, byMachine).violations).toEqual([expect.stringContaining("machineId pins machine 12")]);
      expect(judge(rule, byOffer).violations).toEqual([expect.stringContaining("placeWith.offer.id pins offer 4711")]);
      expect(judge(rule, byMachine, { allowPinned: true })).toEqual(PASS);
      expect(judge(rule, byOffer, { allowPinned: true })).toEqual(PASS);
    });

    test("whose machine is not known yet is neither refused nor passed", () => {
      expect(judge(rule, volume({ machineId: UNKNOWN }))).toEqual({
        violations: [],
        unknown: [expect.stringContaining(".machineId can't be known")],
      });
    });
  });

  test("a config that is not a yes or no, or has another key, is an error that names the key", () => {
    expect(() => judge(rule, instance(), { allowPinned: "yes" })).toThrow(
      /"verified-hosts".*\n.*expected boolean[\s\S]*allowPinned/,
    );
    expect(() => judge(rule, instance(), { allowPined: true })).toThrow(/"verified-hosts".*\n.*allowPined/);
  });
});
