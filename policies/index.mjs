import { openPack } from "./open-pack.mjs";

openPack("pulumi-vast");
