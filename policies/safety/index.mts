import { openPack } from "../open-pack.ts";

openPack("pulumi-vast-safety", "safety");
