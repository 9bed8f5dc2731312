import { expect, test } from "vitest";
import { defaultsOf } from "../../stacks/config.ts";

test("image and price cap come from the environment where a profile gives none", () => {
  expect(defaultsOf({ VAST_DEFAULT_IMAGE: "pytorch/pytorch:2.0", VAST_MAX_PRICE: "0.50" })).toEqual({
    image: "pytorch/pytorch:2.0",
    offer: { maxDph: 0.5 },
  });
  expect(defaultsOf({})).toEqual({});
});

test.each(["cheap", "0", "-1"])("a price cap of %s is refused, and not taken for none", (price) => {
  expect(() => defaultsOf({ VAST_MAX_PRICE: price })).toThrow(/VAST_MAX_PRICE must be USD\/h/);
});
