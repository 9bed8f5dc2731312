import { HOURS_PER_MONTH } from "pulumi-vast/internal/api/assumptions";
import type { InstanceRow } from "pulumi-vast/internal/api/instances";
import { conditionOf } from "pulumi-vast/internal/lifecycle/instance/condition";

const COMPUTE_BILLS = new Set(["running", "stopping", "crashed"]);

/**
 * USD/h that a contract bills at this moment: its disk in every state but offline, its GPUs only while the container is
 * there (vast-api.md 8). Bandwidth comes on top.
 */
export function billedDph(row: InstanceRow): number {
  const condition = conditionOf(row);
  if (condition === "offline") return 0;
  return COMPUTE_BILLS.has(condition) ? row.dph_total : (row.disk_space * row.storage_cost) / HOURS_PER_MONTH;
}
