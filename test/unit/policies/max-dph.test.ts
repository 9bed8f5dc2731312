import { describe, expect, test } from "vitest";
import { maxDph as rule } from "../../../policies/cost/max-dph.ts";
import { instance, judge, PASS, UNKNOWN, unchecked, volume } from "./judge.ts";

describe("max-dph", () => {
  describe("the price an instance declares", () => {
    test("passes up to the cap, which is 4 USD/h unless configured", () => {
      expect(judge(rule, instance({ offer: { maxDph: 4 } }))).toEqual(PASS);
      expect(judge(rule, instance({ offer: { maxDph: 0.25 } }), { capUsdPerHour: 0.25 })).toEqual(PASS);
    });

    test("is refused above the cap, with both prices and the fix", () => {
      expect(judge(rule, instance({ offer: { maxDph: 4.001 } }))).toEqual({
        violations: [
          "trainer: offer.maxDph is $4.001/h all-in; the cap is $4.00/h. Lower offer.maxDph to at most 4, or raise this policy's capUsdPerHour.",
        ],
        unknown: [],
      });
      expect(judge(rule, instance({ offer: { maxDph: 0.5 } }), { capUsdPerHour: 0.25 }).violations).toHaveLength(1);
    });

    test("is held to the cap of its profile, where that has one of its own", () => {
      const config = { capUsdPerHour: 1, profiles: { distributed: 8, small: 0.5 } };
      const of = (profile: string, maxDph: number) => instance({ offer: { maxDph }, tags: { profile } });
      expect(judge(rule, of("distributed", 8), config)).toEqual(PASS);
      expect(judge(rule, of("small", 0.6), config).violations).toEqual([
        "trainer: offer.maxDph is $0.60/h all-in; the cap is $0.50/h. Lower offer.maxDph to at most 0.5, or raise this policy's profiles.small.",
      ]);
      expect(judge(rule, of("other", 1), config)).toEqual(PASS);
      expect(judge(rule, instance({ offer: { maxDph: 1 }, tags: undefined }), config)).toEqual(PASS);
      expect(judge(rule, of("other", 1.1), config).violations).toHaveLength(1);
    });

    test("is refused where there is none, for criteria and for a pinned offer", () => {
      const message =
        "trainer: offer.maxDph is not set, so nothing bounds the price; the cap is $4.00/h. Set offer.maxDph to at most 4.";
      expect(judge(rule, instance({ offer: { maxDph: undefined } })).violations).toEqual([message]);
      expect(judge(rule, instance({ offer: { id: 4711, gpu: undefined, maxDph: undefined } })).violations).toEqual([
        message,
      ]);
    });
  });

  describe.each(["bid", "maxBid"] as const)("%s", (key) => {
    const bidding = (amount: unknown, offer: object = { maxDph: 2 }) =>
      instance({ offer, bid: key === "bid" ? amount : 0.001, ...(key === "maxBid" ? { maxBid: amount } : {}) });

    test("passes below what the instance may cost: the rest is for the disk", () => {
      expect(judge(rule, bidding(1.999))).toEqual(PASS);
    });

    test("is refused when it leaves nothing of maxDph for the disk", () => {
      expect(judge(rule, bidding(2))).toEqual({
        violations: [
          `trainer: ${key} is $2.00/h without disk, and offer.maxDph is $2.00/h with it: nothing is left for the disk. Lower ${key} below 2.`,
        ],
        unknown: [],
      });
    });

    test("is refused when it leaves nothing of the cap, even where maxDph is not known yet", () => {
      expect(judge(rule, bidding(4, { maxDph: UNKNOWN })).violations).toEqual([
        `trainer: ${key} is $4.00/h without disk, and the cap is $4.00/h with it: nothing is left for the disk. Lower ${key} below 4.`,
      ]);
    });

    test("without maxDph is measured by the cap alone", () => {
      for (const resource of [bidding(3.9, { maxDph: undefined }), unchecked("instance", { [key]: 3.9 })]) {
        expect(judge(rule, resource).violations).toEqual([expect.stringContaining("offer.maxDph is not set")]);
      }
    });

    test("that is not known yet is neither refused nor passed", () => {
      const { violations, unknown } = judge(rule, bidding(UNKNOWN));
      expect(violations).toEqual([]);
      expect(unknown).toEqual([expect.stringContaining(`.${key} can't be known during preview`)]);
    });
  });

  test("a maxDph that is not known yet is neither refused nor passed", () => {
    expect(judge(rule, instance({ offer: { maxDph: UNKNOWN } }))).toEqual({
      violations: [],
      unknown: [expect.stringContaining(".offer.maxDph can't be known during preview")],
    });
  });

  test("a maxDph over the cap is refused although the bid is not known yet", () => {
    const { violations, unknown } = judge(rule, instance({ offer: { maxDph: 9 }, bid: UNKNOWN }));
    expect(violations).toEqual([expect.stringContaining("offer.maxDph is $9.00/h")]);
    expect(unknown).toHaveLength(1);
  });

  describe("a volume", () => {
    test("passes with a price up to the cap, or with none", () => {
      expect(judge(rule, volume())).toEqual(PASS);
      expect(judge(rule, volume({ maxDph: 4 }))).toEqual(PASS);
    });

    test("is refused with a price above the cap", () => {
      expect(judge(rule, volume({ maxDph: 4.5 })).violations).toEqual([
        "trainer: maxDph is $4.50/h; the cap is $4.00/h. Lower maxDph to at most 4, or raise this policy's capUsdPerHour.",
      ]);
    });

    test("whose price is not known yet is neither refused nor passed", () => {
      expect(judge(rule, volume({ maxDph: UNKNOWN }))).toEqual({
        violations: [],
        unknown: [expect.stringContaining(".maxDph can't be known")],
      });
    });
  });

  test.each([
    ["a text", { capUsdPerHour: "4" }, "capUsdPerHour"],
    ["nothing at all to spend", { capUsdPerHour: 0 }, "capUsdPerHour"],
    ["a key that does not exist", { cap: 4 }, "cap"],
  ])("a config with %s is an error that names the key", (_, config, key) => {
    expect(() => judge(rule, instance(), config)).toThrow(new RegExp(`"max-dph" is not usable(.|\\n)*\\b${key}\\b`));
  });
});
