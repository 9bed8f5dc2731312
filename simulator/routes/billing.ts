import { type Call, endpoint } from "../http/endpoint.ts";
import { failure, type Reply, success } from "../http/replies.ts";
import { type ChargeRow, type ChargeSource, chargeRows } from "../world/charges.ts";
import type { Payment } from "../world/ledger.ts";
import { type Column, conditionTest, QueryError, type SortKey, sortedBy, type Test } from "../world/query.ts";
import { decodeToken, encodeToken, InvalidTokenError, pageAfter } from "./keyset.ts";

const CHARGE_COLUMNS: Readonly<Record<string, Column<ChargeRow>>> = {
  start: { type: "number", get: (row) => row.start },
  source: { type: "string", get: (row) => row.source },
};

const PAYMENT_COLUMNS: Readonly<Record<string, Column<Payment>>> = {
  paid_on: { type: "number", get: (payment) => payment.at },
  when: { type: "number", get: (payment) => payment.at },
  amount_cents: { type: "number", get: (payment) => Math.round(payment.amount * 100) },
  id: { type: "number", get: (payment) => payment.id },
};

const PAYMENT_SERVICE: Column<Payment> = { type: "string", get: (payment) => payment.service };

function filtersOf(call: Call): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(call.query.get("select_filters") ?? "{}");
    return parsed !== null && typeof parsed === "object" ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function spanOf(condition: unknown): { from: number; to: number } | undefined {
  if (condition === null || typeof condition !== "object") return undefined;
  const { gte, lte } = condition as { gte?: unknown; lte?: unknown };
  const from = Number(gte);
  const to = Number(lte);
  return gte === undefined || lte === undefined || Number.isNaN(from) || Number.isNaN(to) ? undefined : { from, to };
}

function limitOf(call: Call, fallback: number, most: number): number {
  const limit = Number(call.query.get("limit") ?? fallback);
  return Number.isInteger(limit) && limit > 0 ? Math.min(limit, most) : fallback;
}

function page<T>(
  call: Call,
  rows: T[],
  order: SortKey[],
  columns: Readonly<Record<string, Column<T>>>,
  limit: number,
): { page: T[]; token: string | null } {
  const token = call.query.get("after_token");
  const after = token ? decodeToken(token, order) : null;
  const { page: found, more } = pageAfter(rows, order, after, limit, columns);
  const last = found.at(-1);
  return { page: found, token: more && last ? encodeToken(last, order, columns, { os_page: 0 }) : null };
}

function charges(call: Call): Reply {
  const filters = filtersOf(call);
  const span = spanOf(filters.day);
  if (!span) {
    const msg = "Must provide both 'day' gte and lte filters for instance charges";
    return { status: 400, body: { success: false, msg } };
  }
  const wanted = (filters.type as { in?: unknown } | undefined)?.in;
  const sources = (["instance", "volume"] as const).filter(
    (source): source is ChargeSource => !Array.isArray(wanted) || wanted.includes(source),
  );
  const latest = call.query.get("latest_first") === "true";
  const order: SortKey[] = [
    { column: "start", descending: latest },
    { column: "source", descending: latest },
  ];
  const rows = chargeRows(call.world, call.account.id, span, sources);
  if (latest) rows.reverse();
  try {
    const { page: found, token } = page(call, rows, order, CHARGE_COLUMNS, limitOf(call, 100, 500));
    const results = found.map((row) => ({ ...row, items: row.items.map(({ quantity, rate, ...item }) => item) }));
    return success({ count: results.length, total: rows.length, next_token: token, results });
  } catch (error) {
    if (error instanceof InvalidTokenError) return failure(400, "invalid_token", "Invalid pagination token");
    throw error;
  }
}

function invoices(call: Call): Reply {
  const { when, service } = filtersOf(call);
  const span = spanOf(when);
  if (!span) {
    // 6.5: a business failure as HTTP 200.
    const body = { success: false, error: "Invalid date range", count: 0, total: 0, results: [], next_token: null };
    return { status: 200, body };
  }
  let ofService: Test<Payment>;
  let order: SortKey[];
  try {
    ofService = conditionTest("service", PAYMENT_SERVICE, service ?? {});
    order = invoiceOrder(call);
  } catch (error) {
    if (error instanceof QueryError) return failure(400, "invalid_request", error.message);
    throw error;
  }
  const found = call.world.ledger
    .payments(call.account.id)
    .filter((payment) => payment.at >= span.from && payment.at <= span.to && ofService(payment));
  const rows = sortedBy(found, order, PAYMENT_COLUMNS);
  try {
    const { page: shown, token } = page(call, rows, order, PAYMENT_COLUMNS, limitOf(call, 60, 500));
    const results = shown.map(invoiceRow);
    return success({ count: results.length, total: rows.length, next_token: token, results });
  } catch (error) {
    if (error instanceof InvalidTokenError) return failure(400, "invalid_token", "Invalid pagination token");
    throw error;
  }
}

/** order_by as the list of instances takes it, on paid_on, amount_cents or when; latest_first without one. */
function invoiceOrder(call: Call): SortKey[] {
  const latest = call.query.get("latest_first") === "true";
  const text = call.query.get("order_by");
  if (!text) return ["when", "id"].map((column) => ({ column, descending: latest }));
  const keys = parseOrder(text).map(({ col, dir }) => ({ column: String(col), descending: dir === "desc" }));
  const unknown = keys.find(({ column }) => !["paid_on", "amount_cents", "when"].includes(column));
  if (unknown) throw new QueryError("order_by", `${unknown.column} is not a valid sort key`);
  return [...keys, { column: "id", descending: latest }];
}

function parseOrder(text: string): { col?: unknown; dir?: unknown }[] {
  try {
    const parsed: unknown = JSON.parse(text);
    if (Array.isArray(parsed))
      return parsed.map((key: unknown) => (key !== null && typeof key === "object" ? key : {}));
  } catch {
    // Not even JSON: the same to the caller.
  }
  throw new QueryError("order_by", "not a list");
}

/** Money that comes in is negative, as in the document's sample. */
function invoiceRow(payment: Payment): Record<string, unknown> {
  return {
    start: payment.at,
    end: payment.at,
    type: payment.kind,
    source: `invoice-${payment.id}`,
    description: payment.service,
    amount: -Math.round(payment.amount * 100) / 100,
    metadata: { invoice_id: payment.id, service: payment.service },
    items: [],
  };
}

/** The older list: numbers as text, one row per item. */
function legacyInvoices(call: Call): Reply {
  const from = Number(call.query.get("sdate") ?? call.now - 86_400);
  const to = Number(call.query.get("edate") ?? call.now);
  const rows: Record<string, unknown>[] = [];
  let total = 0;
  if (call.query.get("inc_charges") === "true") {
    for (const row of chargeRows(call.world, call.account.id, { from, to }, ["instance", "volume"])) {
      for (const item of row.items) {
        total += item.amount;
        rows.push({
          description: `${row.description}: ${item.type}`,
          quantity: item.quantity.toFixed(3),
          rate: item.rate.toFixed(5),
          amount: item.amount.toFixed(3),
          timestamp: item.end,
          type: "charge",
          instance_id: row.type === "instance" ? Number(row.source.split("-")[1]) : null,
        });
      }
    }
  }
  for (const payment of call.world.ledger.payments(call.account.id)) {
    if (payment.at < from || payment.at > to) continue;
    rows.push({
      description: payment.service,
      quantity: "1",
      rate: payment.amount.toFixed(2),
      amount: payment.amount.toFixed(2),
      timestamp: payment.at,
      type: "payment",
      instance_id: null,
    });
  }
  const credit = call.world.ledger.credit(call.account.id, call.now);
  return { status: 200, body: { invoices: rows, current: { charges: total, service_fee: 0, total, credit } } };
}

function contracts(call: Call): Reply {
  const { label, contract_ids } = call.body;
  const wanted = Array.isArray(contract_ids) ? new Set(contract_ids.map(Number)) : undefined;
  const found = [...call.world.contracts.values()].filter(
    (contract) =>
      contract.accountId === call.account.id &&
      (wanted === undefined || wanted.has(contract.id)) &&
      (typeof label !== "string" || contract.label === label),
  );
  return {
    status: 200,
    body: { contracts: found.map(({ id, label: name, startDate }) => ({ id, label: name, start_date: startDate })) },
  };
}

export const billingEndpoints = [
  endpoint({
    method: "GET",
    path: "/api/v0/charges/",
    chapter: "6.5",
    scope: "billing_read",
    limit: { minIntervalS: 1 },
    coverage: "complete for instances and volumes; tree and table are the same; serverless is always empty",
    handle: charges,
  }),
  endpoint({
    method: "GET",
    path: "/api/v1/invoices/",
    chapter: "6.5",
    scope: "billing_read",
    limit: { minIntervalS: 3 },
    coverage: "complete",
    handle: invoices,
  }),
  endpoint({
    method: "GET",
    path: "/api/v0/users/me/invoices/",
    chapter: "6.5",
    scope: "billing_read",
    coverage: "complete",
    handle: legacyInvoices,
  }),
  endpoint({
    method: "POST",
    path: "/api/v0/contracts/fetch/",
    chapter: "6.5",
    scope: "billing_read",
    coverage: "simplified: id, label and start_date (only id is documented)",
    handle: contracts,
  }),
];
