import { expect, test } from "vitest";
import { look, type SeenContracts, spansOf, spentBySource } from "../../../operator/spend/meter.ts";
import type { InstanceRow } from "../../../provider/api/instances.ts";

const DAY_S = 86_400;
const MIDNIGHT_S = Date.UTC(2026, 10, 24) / 1000;
const HOUR_S = 3600;

const row = (different: Partial<InstanceRow> = {}) =>
  ({ id: 7, label: "trainer-worker-0", dph_total: 0.5, start_date: MIDNIGHT_S, ...different }) as InstanceRow;
const charge = (amount: number, source = "instance-7") => ({
  ...{ start: MIDNIGHT_S, end: MIDNIGHT_S, type: "instance", metadata: { label: "trainer-worker-0" } },
  source,
  amount,
});
const day = (nowS: number) => spansOf(nowS).day;
const usdOf = (spent: ReturnType<typeof spentBySource>) => [...spent.values()].reduce((sum, { usd }) => sum + usd, 0);

test("use that the service has not charged yet counts with its price", () => {
  const nowS = MIDNIGHT_S + 4 * HOUR_S;
  const seen = look({}, [row()], nowS);
  expect(usdOf(spentBySource(seen, [], day(nowS), nowS))).toBe(2);
  expect(usdOf(spentBySource(seen, [charge(1.2)], day(nowS), nowS))).toBe(2);
});

test("a charge above the price, as for bandwidth, counts", () => {
  const nowS = MIDNIGHT_S + 4 * HOUR_S;
  expect(usdOf(spentBySource(look({}, [row()], nowS), [charge(3.3)], day(nowS), nowS))).toBe(3.3);
});

test("a contract that is gone counts until it was missed, and when its charges are settled by them alone", () => {
  const seen = look(look({}, [row()], MIDNIGHT_S + 2 * HOUR_S), [], MIDNIGHT_S + 3 * HOUR_S);
  const at = (nowS: number, charges: ReturnType<typeof charge>[]) =>
    usdOf(spentBySource(seen, charges, { fromS: MIDNIGHT_S, toS: nowS }, nowS));
  expect(at(MIDNIGHT_S + 10 * HOUR_S, [])).toBe(1.5);
  expect(at(MIDNIGHT_S + 10 * HOUR_S, [charge(1)])).toBe(1.5);
  expect(at(MIDNIGHT_S + 30 * HOUR_S, [charge(1)])).toBe(1);
});

test("only the hours of the day count on the day", () => {
  const nowS = MIDNIGHT_S + HOUR_S;
  const seen = look({}, [row({ start_date: MIDNIGHT_S - 5 * HOUR_S })], nowS);
  expect(usdOf(spentBySource(seen, [], day(nowS), nowS))).toBe(0.5);
  expect(usdOf(spentBySource(seen, [], spansOf(nowS).month, nowS))).toBe(3);
});

test("a contract that nobody looked at counts with its charge", () => {
  expect(usdOf(spentBySource({}, [charge(4, "instance-9"), charge(1, "volume-3")], day(MIDNIGHT_S), MIDNIGHT_S))).toBe(
    5,
  );
});

test("the dearest price that was seen is the one that counts", () => {
  const nowS = MIDNIGHT_S + HOUR_S;
  const seen = look(look({}, [row({ dph_total: 2 })], MIDNIGHT_S), [row()], nowS);
  expect(usdOf(spentBySource(seen, [], day(nowS), nowS))).toBe(2);
});

test("what is gone for longer than a month is forgotten", () => {
  const gone: SeenContracts = { 7: { label: "w", dph: 1, startS: 0, seenS: 0, goneS: MIDNIGHT_S - 41 * DAY_S } };
  expect(look(gone, [], MIDNIGHT_S)).toEqual({});
});
