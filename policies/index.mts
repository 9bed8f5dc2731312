import { servePack } from "./pack.ts";

servePack("pulumi-vast");
