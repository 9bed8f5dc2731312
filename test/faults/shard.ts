import { once } from "node:events";
import { runOn } from "./campaign.ts";
import type { ShardMessage, ShardOrder } from "./spread.ts";

/** One process of the campaign: gets its runs from the parent and sends every run's report. */
process.once("disconnect", () => process.exit());
const [order] = (await once(process, "message")) as [ShardOrder];
const tell = (message: ShardMessage): void => void process.send?.(message);
await runOn({ ...order, onBegin: (begun) => tell({ begun }), onReport: (report) => tell({ report }) });
process.disconnect();
