import { openPack } from "../open-pack.ts";

openPack("pulumi-vast-storage", "storage");
