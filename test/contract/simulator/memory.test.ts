import { expect, test } from "vitest";
import { bench, isRunning, START } from "./support.ts";

test("of contracts destroyed long ago only the money stays, to the last cent", async () => {
  await using vast = await bench({ keepDestroyed: 2 });
  const destroyed: number[] = [];
  for (let count = 0; count < 4; count += 1) {
    const id = await vast.rent();
    await vast.until(id, isRunning);
    await vast.step(3600);
    await vast.call("DELETE", `/api/v0/instances/${id}/`);
    await vast.step(3600);
    destroyed.push(id);
  }
  const rows = (await vast.admin("GET", "/admin/instances?all=1")).body as { id: number; costUsd: number }[];
  expect(rows.map((row) => row.id)).toEqual(destroyed.slice(2));
  expect((await vast.admin("GET", "/admin/state")).body.counts).toMatchObject({ instances: 0, instancesEver: 4 });

  const bill = (await vast.admin("GET", "/admin/bill")).body;
  const user = (await vast.call("GET", "/api/v0/users/current/")).body;
  expect(bill.totalUsd).toBeCloseTo(user.total_spend, 12);
  expect(bill.totalUsd).toBeCloseTo(1000 - user.credit, 9);
  expect(bill.byAccount[user.id].totalUsd).toBeCloseTo(bill.totalUsd, 12);
  expect(Object.keys(bill.byInstance).map(Number)).toEqual(destroyed.slice(2));
  const remembered = rows.reduce((sum, row) => sum + row.costUsd, 0);
  expect(bill.totalUsd).toBeGreaterThan(remembered);

  const day = JSON.stringify({ day: { gte: START, lte: START + 86_400 } });
  const charges = (await vast.call("GET", `/api/v0/charges/?select_filters=${encodeURIComponent(day)}`)).body;
  expect(charges.results.map((row: { source: string }) => row.source)).toEqual(
    destroyed.slice(2).map((id) => `instance-${id}`),
  );
});
