import { type Call, endpoint } from "../http/endpoint.ts";
import { failure, ok, type Reply, success } from "../http/replies.ts";
import {
  INSTANCE_COLUMNS,
  type InstanceView,
  instanceRow,
  instanceView,
  STORED_COLUMNS,
  selectedRow,
} from "../world/instance-columns.ts";
import { conditionTest, QueryError, type SortKey, sortedBy, type Test } from "../world/query.ts";
import { isId, ownContract } from "./instance-access.ts";
import { decodeToken, encodeToken, InvalidTokenError, pageAfter } from "./keyset.ts";

const MAX_PAGE = 25;
const PAGE_OF_NONSENSE = 5;

interface ListQuery {
  limit: number;
  order: SortKey[];
  columns: string[];
  tests: Test<InstanceView>[];
  after: unknown[] | null;
}

function parseList(call: Call): ListQuery {
  const order = parseOrder(jsonParameter(call, "order_by") ?? []);
  const token = call.query.get("after_token");
  return {
    limit: parseLimit(call.query.get("limit")),
    order,
    columns: parseColumns(jsonParameter(call, "select_cols") ?? ["*"]),
    tests: parseFilters(jsonParameter(call, "select_filters") ?? {}),
    after: token ? decodeToken(token, order) : null,
  };
}

class BadQuery extends Error {}

function jsonParameter(call: Call, name: string): unknown {
  const text = call.query.get(name);
  if (text === null || text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new BadQuery(`Error in query parameters: ${name} is not valid JSON`);
  }
}

/** vast-api.md 1.5: at most 25 a page; zero and less count as 5. */
function parseLimit(text: string | null): number {
  if (text === null || text === "") return MAX_PAGE;
  const limit = Number(text);
  if (!Number.isInteger(limit)) throw new BadQuery("Error in query parameters: limit is not an integer");
  return limit <= 0 ? PAGE_OF_NONSENSE : Math.min(limit, MAX_PAGE);
}

function parseOrder(value: unknown): SortKey[] {
  if (!Array.isArray(value)) throw new BadQuery("Error in query parameters: order_by is not a list");
  const keys = value.map((entry: unknown) => {
    const col = entry !== null && typeof entry === "object" && "col" in entry ? String(entry.col) : "";
    if (!Object.hasOwn(INSTANCE_COLUMNS, col))
      throw new BadQuery(`Error in query parameters: ${col} is not a valid sort key`);
    const dir = (entry as { dir?: unknown }).dir;
    return { column: col, descending: dir === "desc" };
  });
  return keys.some((key) => key.column === "id") ? keys : [...keys, { column: "id", descending: false }];
}

function parseColumns(value: unknown): string[] {
  if (!Array.isArray(value)) throw new BadQuery("Error in query parameters: select_cols is not a list");
  return value.map(String);
}

function parseFilters(value: unknown): Test<InstanceView>[] {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new BadQuery("Error in query parameters: select_filters is not a dictionary");
  }
  return Object.entries(value).map(([name, condition]) => {
    const column = Object.hasOwn(STORED_COLUMNS, name) ? STORED_COLUMNS[name] : undefined;
    if (!column) throw new BadQuery(`Error in query parameters: ${name} is not a valid search key`);
    return conditionTest(name, column, condition);
  });
}

function list(call: Call): Reply {
  try {
    const query = parseList(call);
    const stale = call.world.faults.strike(["GET /api/v1/instances/"], ["stale-list"], { account: call.account.id });
    const views = (stale ? staleContracts(call, stale.snapshot) : listable(call)).map((contract) =>
      instanceView(call.world, contract),
    );
    const found = views.filter((view) => query.tests.every((test) => test(view)));
    const matching = sortedBy(found, query.order, INSTANCE_COLUMNS);
    const { page, more } = pageAfter(matching, query.order, query.after, query.limit, INSTANCE_COLUMNS);
    const whole = query.columns.includes("*");
    const last = page.at(-1);
    return success({
      instances_found: page.length,
      total_instances: matching.length,
      label_counts: labelCounts(matching),
      next_token: more && last ? encodeToken(last, query.order, INSTANCE_COLUMNS) : null,
      instances: page.map((view) => (whole ? instanceRow(view, true) : selectedRow(view, query.columns))),
    });
  } catch (error) {
    if (error instanceof InvalidTokenError) return failure(400, "invalid_token", "Invalid pagination token");
    if (error instanceof BadQuery) return failure(400, "invalid_request", error.message);
    if (error instanceof QueryError)
      return failure(400, "invalid_request", `Error in query parameters: ${error.message}`);
    throw error;
  }
}

/** A living instance that a fault hides stays out of every page of the fault's duration. */
function listable(call: Call) {
  return call.world.listed(call.account.id).filter((contract) => {
    const target = { instanceId: contract.id, label: contract.label, account: call.account.id };
    return !call.world.faults.strike(["GET /api/v1/instances/"], ["omit-from-list"], target);
  });
}

/** The ids that existed when the fault was set, destroyed ones included, later ones not. */
function staleContracts(call: Call, snapshot: unknown) {
  const ids = Array.isArray(snapshot) ? new Set(snapshot.map(Number)) : new Set<number>();
  return [...call.world.contracts.values()].filter(
    (contract) => ids.has(contract.id) && contract.accountId === call.account.id,
  );
}

function labelCounts(views: readonly InstanceView[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { contract } of views) {
    const label = contract.label ?? "";
    counts[label] = (counts[label] ?? 0) + 1;
  }
  return counts;
}

function show(call: Call): Reply {
  const { id } = call.params;
  if (!isId(id)) return failure(400, "invalid_args", "error 400/1782: Invalid args: invalid instance_id");
  const contract = ownContract(call, id);
  if (!contract) return ok({ instances: null });
  const target = { instanceId: contract.id, label: contract.label, account: call.account.id };
  // 3.2: null was seen for living instances too.
  if (call.world.faults.strike(["GET /api/v0/instances/{id}/"], ["null-instance"], target))
    return ok({ instances: null });
  return ok({ instances: instanceRow(instanceView(call.world, contract), false) });
}

function filters(call: Call): Reply {
  const seen = new Map<string, object>();
  for (const contract of call.world.listed(call.account.id)) {
    const machine = call.world.machineOf(contract);
    const row = {
      actual_status: contract.actual,
      verification: machine.verification,
      gpu_name: machine.model.name,
    };
    seen.set(JSON.stringify(row), row);
  }
  return ok({ filters: [...seen.values()] });
}

export const instanceReadEndpoints = [
  endpoint({
    method: "GET",
    path: "/api/v1/instances/",
    chapter: "1.5, 3.3",
    scope: "instance_read",
    limit: { minIntervalS: 1 },
    pages: true,
    coverage: "complete",
    handle: list,
  }),
  endpoint({
    method: "GET",
    path: "/api/v0/instances/",
    chapter: "3.3",
    scope: "instance_read",
    coverage: "complete",
    handle: () =>
      failure(410, "deprecated_endpoint", "/api/v0/instances/ is deprecated. Use /api/v1/instances/ instead."),
  }),
  endpoint({
    method: "GET",
    path: "/api/v0/instances/filters/",
    chapter: "3.3",
    scope: "instance_read",
    coverage: "complete",
    handle: filters,
  }),
  endpoint({
    method: "GET",
    path: "/api/v0/instances/{id}/",
    chapter: "3.2",
    scope: "instance_read",
    limit: { minIntervalS: 2 },
    coverage: "complete",
    handle: show,
  }),
];
