export { cloudSyncTarget, configure, instance, volume } from "./handlers.ts";
