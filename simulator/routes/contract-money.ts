import { type Call, endpoint } from "../http/endpoint.ts";
import { failure, noSuchInstance, type Reply, success } from "../http/replies.ts";
import { acceptIncrease } from "../world/price-increases.ts";
import type { PriceIncrease } from "../world/records.ts";
import { enjoyedDiscount, prepay } from "../world/reserved.ts";
import { ownContract } from "./instance-access.ts";

function prepayInstance(call: Call): Reply {
  const contract = ownContract(call, call.params.id);
  if (!contract) return failure(400, "invalid_args", "No such instance");
  const amount = Number(call.body.amount);
  if (!(amount > 0) || contract.isBid)
    return failure(400, "invalid_args", "amount must be above 0, for an on-demand instance.");
  if (call.world.ledger.credit(call.account.id, call.now) < amount) {
    return { status: 411, body: { success: false, msg: "Insufficient credit" } };
  }
  const { months, discountRate } = prepay(call.world, contract, amount);
  return success({ timescale: months, discount_rate: discountRate });
}

function balance(call: Call): Reply {
  const contract = ownContract(call, call.params.id);
  if (!contract) return noSuchInstance(call.params.id ?? "");
  return success({
    refundable_deposit: call.world.ledger.remainingDeposit(contract.id, call.now),
    total_discount: enjoyedDiscount(call.world, contract),
    discount_months: contract.prepaid?.months ?? 0,
  });
}

const SECOND = 3600;

function increaseRow(call: Call, increase: PriceIncrease): Record<string, unknown> {
  const contract = call.world.contracts.get(increase.contractId);
  const disk = ((contract?.diskGb ?? 0) * (contract?.storageCost ?? 0)) / 720 / SECOND;
  return {
    pending_price_increase_id: increase.id,
    contract_id: increase.contractId,
    host_id: contract ? call.world.machineOf(contract).hostId : null,
    new_gpu_costpersec: increase.newDphBase / SECOND,
    old_gpu_costpersec: increase.oldDphBase / SECOND,
    new_disk_ram_costpersec: disk,
    old_disk_ram_costpersec: disk,
    new_bwu_cost: contract?.inetUpCostPerGb ?? 0,
    old_bwu_cost: contract?.inetUpCostPerGb ?? 0,
    new_bwd_cost: contract?.inetDownCostPerGb ?? 0,
    old_bwd_cost: contract?.inetDownCostPerGb ?? 0,
    platform_fee: null,
    contract_end_date: contract?.endDate ?? null,
    ask_end_date: increase.askEndDate,
    created_at: increase.createdAt,
  };
}

function own(call: Call): PriceIncrease[] {
  return [...call.world.priceIncreases.values()].filter((increase) => increase.accountId === call.account.id);
}

/** The body carries the id and nothing else (vast-api.md 3.5, price rise). */
function named(call: Call): PriceIncrease | Reply {
  const keys = Object.keys(call.body);
  if (keys.length !== 1 || keys[0] !== "pending_price_increase_id") {
    return failure(400, "invalid_args", 'The body must be {"pending_price_increase_id": n}.');
  }
  const found = own(call).find((increase) => increase.id === Number(call.body.pending_price_increase_id));
  return found ?? failure(404, "no_pending_price_increase", "There is no such pending price increase.");
}

function decide(call: Call, accepts: boolean): Reply {
  const increase = named(call);
  if ("status" in increase) return increase;
  call.world.priceIncreases.delete(increase.id);
  if (accepts) acceptIncrease(call.world, increase);
  else call.world.record("price-increase-rejected", { contract: increase.contractId });
  return success();
}

export const contractMoneyEndpoints = [
  endpoint({
    method: "PUT",
    path: "/api/v0/instances/prepay/{id}/",
    chapter: "3.5, 8.11",
    scope: "instance_write",
    limit: { minIntervalS: 2 },
    coverage: "complete; the discount below one month follows a guessed curve through the document's sample",
    handle: prepayInstance,
  }),
  endpoint({
    method: "GET",
    path: "/api/v0/instances/balance/{id}/",
    chapter: "3.5",
    scope: "instance_read",
    limit: { minIntervalS: 3 },
    coverage: "complete",
    handle: balance,
  }),
  endpoint({
    method: "GET",
    path: "/api/v0/instances/pending-price-increases/",
    chapter: "3.5",
    scope: "instance_read",
    coverage: "complete",
    handle: (call) => {
      const rows = own(call).map((increase) => increaseRow(call, increase));
      return success({ count: rows.length, truncated: false, pending_price_increases: rows });
    },
  }),
  endpoint({
    method: "PUT",
    path: "/api/v0/instances/accept-price-increase/",
    chapter: "3.5",
    scope: "instance_write",
    coverage: "complete: the new price holds from the old end date on",
    handle: (call) => decide(call, true),
  }),
  endpoint({
    method: "PUT",
    path: "/api/v0/instances/reject-price-increase/",
    chapter: "3.5",
    scope: "instance_write",
    coverage: "complete",
    handle: (call) => decide(call, false),
  }),
];
