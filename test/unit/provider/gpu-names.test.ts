import { describe, expect, test } from "vitest";
import { GPU_NAMES, resolveGpu } from "../../../provider/fleet/gpu-names.ts";

describe("a GPU name", () => {
  test.for(["RTX 4090", "RTX_4090", "rtx 4090", "RTX-4090", "  RTX   4090 "])(
    'written "%s" is the API\'s RTX 4090',
    (written) => {
      expect(resolveGpu(written)).toEqual({ names: ["RTX 4090"] });
    },
  );

  test("that the API lists is accepted, with blanks and with underscores", () => {
    for (const name of GPU_NAMES) {
      const blank = resolveGpu(name);
      expect("names" in blank && blank.names).toContain(name);
      expect(resolveGpu(name.replaceAll(" ", "_"))).toEqual(blank);
    }
  });

  test("does not stand for a sibling with a suffix", () => {
    expect(resolveGpu("RTX 4070")).toEqual({ names: ["RTX 4070"] });
    expect(resolveGpu("L40")).toEqual({ names: ["L40"] });
  });
});

describe("a GPU family", () => {
  test.for<[string, string[]]>([
    ["A100", ["A100 PCIE", "A100 SXM4"]],
    ["H100", ["H100 PCIE", "H100 SXM", "H100 NVL"]],
    ["h200", ["H200", "H200 NVL"]],
    ["rtx_pro_6000", ["RTX PRO 6000 S", "RTX PRO 6000 WS"]],
    ["V100", ["Tesla V100"]],
  ])("%s stands for all its variants", ([family, names]) => {
    expect(resolveGpu(family)).toEqual({ names });
  });
});

describe("an unknown GPU name", () => {
  test.for<[string, string]>([
    ["RTX 4O90", "RTX 4090"],
    ["RTX4090", "RTX 4090"],
    ["A-100 SXM", "A100 SXM4"],
    ["H 100", "H100 PCIE / H100 SXM / H100 NVL"],
  ])('"%s" is answered with the nearest, %s among them', ([written, meant]) => {
    const found = resolveGpu(written);
    expect("nearest" in found && found.nearest).toContain(meant);
  });

  test("gets a handful of suggestions, none of them twice", () => {
    const found = resolveGpu("banana");
    if (!("nearest" in found)) throw new Error("banana was taken for a GPU");
    expect(found.nearest.length).toBeGreaterThan(0);
    expect(found.nearest.length).toBeLessThanOrEqual(4);
    expect(new Set(found.nearest).size).toBe(found.nearest.length);
  });
});
