import { describe, expect, test } from "vitest";
import { TOKENS } from "../../../policies/resources.ts";
import { copyOutDeclared as rule } from "../../../policies/safety/copy-out-declared.ts";
import { copyOutWaived } from "../../../policies/safety/copy-out-waived.ts";
import { instance, judge, PASS, TARGET, UNKNOWN, volume } from "./judge.ts";

const PATHS = ["/workspace/checkpoints"];
const REASON = "renders are streamed out as they are made";

/** Past the provider's own check, which refuses some of these as well. */
const unchecked = (copyOut: object) => ({ type: TOKENS.instance[0], inputs: { copyOut } });

describe("copy-out-declared", () => {
  describe("an instance", () => {
    test("with a target and a path passes", () => {
      expect(judge(rule, instance())).toEqual(PASS);
    });

    test("without copyOut is refused once, with the fix", () => {
      expect(judge(rule, instance({ copyOut: undefined }))).toEqual({
        violations: [
          "trainer: copyOut is not declared, so nothing would be saved before a destroy. Declare copyOut: { target, paths }, or a written reason in copyOut.waive.",
        ],
        unknown: [],
      });
    });

    test("without a target is refused", () => {
      expect(judge(rule, instance({ copyOut: { paths: PATHS } })).violations).toEqual([
        "trainer: copyOut.target is missing, so copies have nowhere to go. Set it to the binding of a CloudSyncTarget, or a written reason in copyOut.waive.",
      ]);
    });

    test.each([{ target: TARGET }, { target: TARGET, paths: [] }])("without a path is refused: %j", (copyOut) => {
      expect(judge(rule, unchecked(copyOut)).violations).toEqual([
        'trainer: copyOut.paths names 0 folders, at least 1 is needed. Name the folders that hold results, e.g. ["/workspace/checkpoints"], or a written reason in copyOut.waive.',
      ]);
    });

    test("with a waiver passes, with nothing else or with half a declaration", () => {
      expect(judge(rule, instance({ copyOut: { waive: REASON } }))).toEqual(PASS);
      expect(judge(rule, instance({ copyOut: { waive: REASON, paths: PATHS } }))).toEqual(PASS);
    });

    test("with blanks for a reason is refused", () => {
      expect(judge(rule, unchecked({ waive: " ".repeat(10) })).violations).toHaveLength(2);
    });
  });

  describe("what a preview does not know yet", () => {
    test("is neither refused nor passed when it is the target", () => {
      expect(judge(rule, instance({ copyOut: { target: UNKNOWN, paths: PATHS } }))).toEqual({
        violations: [],
        unknown: [expect.stringContaining(".copyOut.target can't be known during preview")],
      });
    });

    test("is neither refused nor passed when it is all of copyOut, or the reason of a waiver", () => {
      for (const copyOut of [UNKNOWN, { waive: UNKNOWN }]) {
        const { violations, unknown } = judge(rule, instance({ copyOut }));
        expect(violations).toEqual([]);
        expect(unknown).not.toEqual([]);
      }
    });

    test("hides nothing that is known: no path is refused although the target is not known", () => {
      const { violations, unknown } = judge(rule, unchecked({ target: UNKNOWN, paths: [] }));
      expect(violations).toEqual([expect.stringContaining("copyOut.paths names 0 folders")]);
      expect(unknown).toHaveLength(1);
    });

    test("is enough of a target or of a path when it is only a part of it", () => {
      const target = { ...TARGET, bucket: UNKNOWN };
      expect(judge(rule, instance({ copyOut: { target, paths: PATHS } }))).toEqual(PASS);
      expect(judge(rule, unchecked({ target, paths: [UNKNOWN] }))).toEqual(PASS);
    });
  });

  describe("a volume", () => {
    test("with a target or a waiver passes", () => {
      expect(judge(rule, volume())).toEqual(PASS);
      expect(judge(rule, volume({ copyOut: { waive: REASON } }))).toEqual(PASS);
    });

    test("without copyOut, or without a target, is refused", () => {
      expect(judge(rule, volume({ copyOut: undefined })).violations).toEqual([
        "trainer: copyOut is not declared, so nothing would be saved before a destroy. Declare copyOut: { target }, the target of the instance that mounts it, or a written reason in copyOut.waive.",
      ]);
      expect(judge(rule, volume({ copyOut: {} })).violations).toEqual([
        expect.stringContaining("copyOut.target is missing"),
      ]);
    });

    test("whose copyOut is not known yet is neither refused nor passed", () => {
      expect(judge(rule, volume({ copyOut: UNKNOWN }))).toEqual({
        violations: [],
        unknown: [expect.stringContaining(".copyOut can't be known")],
      });
    });
  });
});

describe("copy-out-waived", () => {
  const message = `trainer: copyOut.waive is set: it will be destroyed WITHOUT copying anything out. Reason given: "${REASON}". To have its results copied, remove copyOut.waive and declare copyOut.target.`;

  test("reports a waiver with its reason, whatever else is declared", () => {
    expect(judge(copyOutWaived, instance({ copyOut: { waive: REASON } })).violations).toEqual([message]);
    expect(
      judge(copyOutWaived, instance({ copyOut: { target: TARGET, paths: PATHS, waive: REASON } })).violations,
    ).toEqual([message]);
    expect(judge(copyOutWaived, volume({ copyOut: { waive: REASON } })).violations).toEqual([message]);
  });

  test("reports no waiver where there is none", () => {
    expect(judge(copyOutWaived, instance())).toEqual(PASS);
    expect(judge(copyOutWaived, instance({ copyOut: undefined }))).toEqual(PASS);
    expect(judge(copyOutWaived, volume())).toEqual(PASS);
  });

  test("neither reports nor passes a waiver that is not known yet", () => {
    expect(judge(copyOutWaived, instance({ copyOut: { waive: UNKNOWN } })).unknown).toHaveLength(1);
    expect(judge(copyOutWaived, volume({ copyOut: UNKNOWN })).unknown).toHaveLength(1);
  });
});

test.each([rule, copyOutWaived])("$name takes no config, and says so", (each) => {
  expect(() => judge(each, instance(), { paths: 1 })).toThrow(/is not usable[\s\S]*paths/);
});
