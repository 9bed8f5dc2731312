import { randomBytes } from "node:crypto";
import { type Call, endpoint } from "../http/endpoint.ts";
import { failure, ok, type Reply, success } from "../http/replies.ts";
import { addAccount } from "../world/accounts.ts";
import type { Account } from "../world/types.ts";

/** Profile fields that an account may set for itself; each keeps its type. */
const PROFILE: Readonly<Record<string, "string" | "number" | "boolean">> = {
  fullname: "string",
  phone_number: "string",
  billaddress_line1: "string",
  billaddress_line2: "string",
  billaddress_city: "string",
  billaddress_zip: "string",
  billaddress_country: "string",
  paypal_email: "string",
  wise_email: "string",
};

function current(call: Call): Record<string, unknown> {
  const { account, world, now } = call;
  return {
    id: account.id,
    username: account.username,
    email: account.email,
    fullname: account.fullname,
    api_key: call.key.key,
    key_id: call.key.id,
    ssh_key: account.sshKeys[0]?.publicKey ?? null,
    sid: null,
    // The spendable money is credit (vast-api.md 6.1).
    balance: 0,
    credit: world.ledger.credit(account.id, now),
    balance_threshold: account.balanceThreshold ?? 0,
    balance_threshold_enabled: account.balanceThreshold !== null,
    autobill_threshold: account.autobill?.threshold ?? null,
    autobill_amount: account.autobill?.amount ?? null,
    can_pay: true,
    has_billing: account.autobill !== null,
    has_payout: false,
    has_rented: account.hasRented,
    billing_creditonly: 1,
    paid_verified: 0,
    paid_expected: 0,
    billed_verified: 0,
    billed_expected: 0,
    total_spend: world.ledger.spent(account.id, now),
    got_signup_credit: false,
    balance_referrals: 0,
    last4: account.autobill ? "4242" : null,
    billaddress_line1: null,
    billaddress_line2: null,
    billaddress_city: null,
    billaddress_zip: null,
    billaddress_country: null,
    phone_number: null,
    paypal_email: null,
    wise_email: null,
    host_only: account.standing.hostOnly,
    host_agreement_accepted: false,
    email_verified: account.standing.emailVerified,
    password_resettable: true,
    created_at: account.createdAt,
    user: account.username,
    rights: call.key.permissions === null ? "all" : "restricted",
    ...account.profile,
  };
}

function updateProfile(call: Call): Reply {
  for (const [name, value] of Object.entries(call.body)) {
    const type = PROFILE[name];
    if (type !== undefined && typeof value !== type) return failure(400, "invalid_args", `${name} must be a ${type}.`);
  }
  const { balance_threshold, autobill_threshold, autobill_amount } = call.body;
  for (const [name, value] of Object.entries(call.body)) {
    if (PROFILE[name] !== undefined) call.account.profile[name] = value as string;
  }
  if (typeof balance_threshold === "number") call.account.balanceThreshold = balance_threshold;
  if (typeof autobill_threshold === "number" && typeof autobill_amount === "number") {
    call.account.autobill = { threshold: autobill_threshold, amount: autobill_amount };
  }
  return success({ user: current(call) });
}

function createSubaccount(call: Call): Reply {
  const { username, email } = call.body;
  if (typeof username !== "string" || typeof email !== "string") {
    return failure(400, "missing_input", "username and email are required.");
  }
  if ([...call.world.accounts.values()].some((other) => other.email === email || other.username === username)) {
    return failure(409, "user_exists", "A user with that name or email exists already.");
  }
  const apiKey = randomBytes(32).toString("hex");
  const account = addAccount(call.world, { apiKey, creditUsd: 0, parentId: call.account.id, email, username });
  return success({ ...publicRow(account), api_key: apiKey });
}

function publicRow(account: Account): Record<string, unknown> {
  return { id: account.id, username: account.username, email: account.email, fullname: account.fullname };
}

export const accountEndpoints = [
  endpoint({
    method: "GET",
    path: "/api/v0/users/current/",
    chapter: "6.1",
    scope: "user_read",
    coverage: "complete; money moves continuously, not in steps",
    handle: (call) => ok(current(call)),
  }),
  endpoint({
    method: "PUT",
    path: "/api/v0/users/",
    chapter: "6.1",
    scope: "user_write",
    limit: { minIntervalS: 5 },
    coverage: "complete for the profile fields of 6.1",
    handle: updateProfile,
  }),
  endpoint({
    method: "POST",
    path: "/api/v0/users/",
    chapter: "6.3",
    scope: "user_write",
    limit: { minIntervalS: 3 },
    coverage: "complete: subaccounts of the caller; signing up without a key is not covered",
    handle: createSubaccount,
  }),
  endpoint({
    method: "GET",
    path: "/api/v0/subaccounts/",
    chapter: "6.3",
    scope: "user_read",
    limit: { minIntervalS: 2.1 },
    coverage: "complete",
    handle: (call) =>
      ok({
        users: [...call.world.accounts.values()]
          .filter((account) => account.parentId === call.account.id)
          .map(publicRow),
      }),
  }),
  endpoint({
    method: "GET",
    path: "/api/v0/users/me/ipaddrs/",
    chapter: "6.3",
    scope: "user_read",
    limit: { minIntervalS: 2.9 },
    coverage: "complete: everybody comes from loopback",
    handle: (call) =>
      ok({ results: [{ ip: "127.0.0.1", first_seen: call.account.createdAt, first_location: "loopback" }] }),
  }),
  endpoint({
    method: "GET",
    path: "/api/v0/audit_logs/",
    chapter: "6.3",
    scope: "misc",
    coverage: "complete: every write of the account",
    handle: (call) =>
      ok(
        call.world.audit
          .since(Number.NEGATIVE_INFINITY)
          .filter((record) => record.accountId === call.account.id)
          .map(({ at, keyId, ip, route, args }) => ({
            ip_address: ip,
            api_key_id: keyId,
            created_at: at,
            api_route: route,
            args,
          })),
      ),
  }),
];
