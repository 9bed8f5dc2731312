import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterAll, expect } from "vitest";
import { nameOf, recognise } from "../../../simulator/documented-errors.ts";

/** What the tests of one file called and were answered: how many tests used each route and met each documented error. */
export interface Exercised {
  routes: Record<string, number>;
  errors: Record<string, number>;
}

const FOLDER = join(import.meta.dirname, "exercised");
const UPDATE =
  "UPDATE_EXERCISED=1 npx vitest run --project contract test/contract/simulator && node simulator/coverage.ts";

const routes = new Map<string, Set<string>>();
const errors = new Map<string, Set<string>>();

function meet(seen: Map<string, Set<string>>, name: string): void {
  const tests = seen.get(name) ?? new Set();
  seen.set(name, tests.add(expect.getState().currentTestName ?? ""));
}

/** A route counts where it did its work, and the list that is gone where it says so. */
export function noteRoute({ route, status }: { route: string; status: number }): void {
  const didIt = status >= 200 && status < 300;
  if (didIt || (route === "GET /api/v0/instances/" && status === 410)) meet(routes, route);
}

export function noteAnswer(status: number, body: unknown): void {
  for (const error of recognise(status, body)) meet(errors, nameOf(error));
}

/**
 * Each file's record is kept beside it, and the tables of docs/simulator.md are made from them: a test that calls another
 * route fails here until they are made anew.
 */
// biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of fixtures from this pattern.
afterAll(({}, suite) => {
  const file = expect.getState().testPath ?? "";
  if (dirname(file) !== import.meta.dirname) return;
  const record = join(FOLDER, `${basename(file, ".test.ts")}.json`);
  const met: Exercised = { routes: counts(routes), errors: counts(errors) };
  if (process.env.UPDATE_EXERCISED) {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(record, `${JSON.stringify(met, null, 2)}\n`);
    return;
  }
  const kept: Exercised = existsSync(record) ? JSON.parse(readFileSync(record, "utf8")) : { routes: {}, errors: {} };
  // Of a part of the tests nothing follows for the rest.
  const whole = suite.tasks.every((task) => task.result?.state === "pass");
  if (whole) expect(met, UPDATE).toEqual(kept);
});

function counts(seen: Map<string, Set<string>>): Record<string, number> {
  return Object.fromEntries(
    [...seen].map(([name, tests]) => [name, tests.size] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
