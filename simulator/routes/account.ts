import { type Call, endpoint } from "../http/endpoint.ts";
import { ok } from "../http/replies.ts";

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
    balance: 0,
    credit: world.ledger.credit(account.id, now),
    balance_threshold: account.balanceThreshold ?? 0,
    balance_threshold_enabled: account.balanceThreshold !== null,
    autobill_threshold: account.autobill?.threshold ?? null,
    autobill_amount: account.autobill?.amount ?? null,
    can_pay: true,
    has_billing: account.autobill !== null,
    has_payout: false,
    has_rented: [...world.contracts.values()].some((contract) => contract.accountId === account.id),
    billing_creditonly: 1,
    paid_verified: 0,
    paid_expected: 0,
    billed_verified: 0,
    billed_expected: 0,
    total_spend: world.ledger.spent(account.id, now),
    got_signup_credit: false,
    balance_referrals: 0,
    last4: null,
    billaddress_line1: null,
    billaddress_line2: null,
    billaddress_city: null,
    billaddress_zip: null,
    billaddress_country: null,
    phone_number: null,
    paypal_email: null,
    wise_email: null,
    host_only: false,
    host_agreement_accepted: false,
    email_verified: true,
    password_resettable: true,
    created_at: account.createdAt,
    user: account.username,
    rights: "all",
    ...account.profile,
  };
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
];
