import fc from "fast-check";
import { expect, test } from "vitest";
import { type Column, sortedBy } from "../../../simulator/world/query.ts";

interface Row {
  id: number;
  price: number | null;
  name: string;
}

const COLUMNS: Record<string, Column<Row>> = {
  price: { type: "number", get: (row) => row.price },
  name: { type: "string", get: (row) => row.name },
};

const rows = fc.array(
  fc.record({
    id: fc.nat(),
    price: fc.option(fc.integer({ min: 0, max: 20 }), { nil: null }),
    name: fc.constantFrom("a", "b", "c"),
  }),
  { maxLength: 300 },
);
const key = fc.record({ column: fc.constantFrom("price", "name", "unknown"), descending: fc.boolean() });

test("the first rows of an order are those a full sort begins with, ties included", () => {
  fc.assert(
    fc.property(rows, fc.array(key, { maxLength: 3 }), fc.integer({ min: 1, max: 350 }), (list, keys, limit) => {
      expect(sortedBy(list, keys, COLUMNS, limit)).toEqual(sortedBy(list, keys, COLUMNS).slice(0, limit));
    }),
  );
});

test("null sorts last in both directions", () => {
  const list = [null, 2, 1].map((price, id) => ({ id, price, name: "a" }));
  const prices = (descending: boolean) =>
    sortedBy(list, [{ column: "price", descending }], COLUMNS).map((row) => row.price);
  expect(prices(false)).toEqual([1, 2, null]);
  expect(prices(true)).toEqual([2, 1, null]);
});
