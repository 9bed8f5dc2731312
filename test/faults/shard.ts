import { once } from "node:events";
import { runOn, type ShardOrder } from "./campaign.ts";

/** One process of the campaign: gets its runs from the parent and sends every run's report. */
process.once("disconnect", () => process.exit());
const [order] = (await once(process, "message")) as [ShardOrder];
await runOn({ ...order, onReport: (report) => void process.send?.(report) });
process.disconnect();
