import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import { isVastError, VastError } from "../api/errors.ts";
import type { Patience } from "../api/transport.ts";
import type { Context } from "../context.ts";
import { checkInputs } from "../lifecycle/check.ts";
import type {
  AccountInfo,
  ConnectionInfo,
  InstanceInfo,
  InstancesQuery,
  OfferInfo,
  OffersQuery,
  VolumeInfo,
} from "../lifecycle/look-up.ts";
import type { InputsOf } from "./args.ts";

export type { AccountInfo, ConnectionInfo, InstanceInfo, InstancesQuery, OfferInfo, OffersQuery, VolumeInfo };

/** The offers that a VastInstance with these criteria would choose from, best first; prices all-in for `disk`. */
export async function getOffers(query: OffersQuery): Promise<OfferInfo[]> {
  const { lookUpOffers, offersQuerySchema } = await lookUps();
  return ask("getOffers", async (context) => lookUpOffers(context, checked(offersQuerySchema, query)));
}

/** The contracts of the account, whoever rented them. */
export async function getInstances(query: InstancesQuery = {}): Promise<InstanceInfo[]> {
  const { instancesQuerySchema, lookUpInstances } = await lookUps();
  return ask("getInstances", async (context) => lookUpInstances(context, checked(instancesQuerySchema, query)));
}

/** The volumes of the account, whoever rented them. */
export async function getVolumes(): Promise<VolumeInfo[]> {
  return ask("getVolumes", (await lookUps()).lookUpVolumes);
}

/** The account that the key belongs to, and its credit. */
export async function getAccount(): Promise<AccountInfo> {
  return ask("getAccount", (await lookUps()).lookUpAccount);
}

/** The cloud connections of the account, as CloudSyncTarget takes them. */
export async function getConnections(): Promise<ConnectionInfo[]> {
  return ask("getConnections", (await lookUps()).lookUpConnections);
}

export const getOffersOutput = (query: InputsOf<OffersQuery>): pulumi.Output<OfferInfo[]> =>
  pulumi.output(query).apply((known) => getOffers(known as OffersQuery));
export const getInstancesOutput = (query: InputsOf<InstancesQuery> = {}): pulumi.Output<InstanceInfo[]> =>
  pulumi.output(query).apply((known) => getInstances(known as InstancesQuery));
export const getVolumesOutput = (): pulumi.Output<VolumeInfo[]> => pulumi.output(getVolumes());
export const getAccountOutput = (): pulumi.Output<AccountInfo> => pulumi.output(getAccount());
export const getConnectionsOutput = (): pulumi.Output<ConnectionInfo[]> => pulumi.output(getConnections());

// Loaded when first asked for: a program that only declares resources needs neither HTTP client nor schemas.
const lookUps = () => import("../lifecycle/look-up.ts");

const contexts = new Map<Patience | undefined, Promise<Context>>();

/** One for all questions of a program that are asked with the same patience, so that they share pacing and the listing. */
function sharedContext(patience: Patience | undefined): Promise<Context> {
  const known = contexts.get(patience);
  if (known) return known;
  const context = (async () => {
    const [{ readConfig }, { createContext }] = await Promise.all([import("../config.ts"), import("../context.ts")]);
    const log = (line: string) => void pulumi.log.info(line);
    return createContext(readConfig(stackConfig), { log, ...(patience && { patience }) });
  })();
  contexts.set(patience, context);
  return context;
}

/** `vast:apiUrl` and its like from the stack config; a secret is decrypted, and stays inside this process. */
function stackConfig(key: string): string | undefined {
  const [namespace = "", name = ""] = key.split(":");
  return new pulumi.Config(namespace).get(name);
}

/** What goes wrong here is the user's to put right: the message without a call stack, and the code for those who branch. */
export async function ask<T>(
  name: string,
  question: (context: Context) => Promise<T>,
  patience?: Patience,
): Promise<T> {
  try {
    return await question(await sharedContext(patience));
  } catch (error) {
    if (!isVastError(error)) throw error;
    throw Object.assign(new pulumi.RunError(`${name}: ${error.message}`), { code: error.code, cause: error });
  }
}

function checked<Shape extends z.ZodRawShape>(schema: z.ZodObject<Shape>, query: object): z.output<z.ZodObject<Shape>> {
  const { inputs, failures } = checkInputs(schema, query as Record<string, unknown>, () => []);
  if (failures.length === 0) return inputs as z.output<z.ZodObject<Shape>>;
  throw new VastError("config", failures.map(({ property, reason }) => `${property} ${reason}`).join("; "));
}
