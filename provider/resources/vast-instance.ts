import * as pulumi from "@pulumi/pulumi";
import type { Criteria } from "../lifecycle/instance/criteria.ts";
import type { RawInstanceInputs } from "../lifecycle/instance/inputs.ts";
import type { InstanceFacts } from "../lifecycle/instance/outputs.ts";
import { type InputsOf, stackMark } from "./args.ts";
import { DynamicResource } from "./dynamic-resource.ts";

type Raw = Omit<RawInstanceInputs, "mark" | "resource" | "label" | "offer">;

/** What the offer must be like, or one offer by its id. Prices USD/h all-in, sizes GB. */
export type OfferArgs = (Pick<RawCriteria, "gpu"> & Partial<RawCriteria>) | { id: number; maxDph?: number };
type RawCriteria = Omit<{ [Key in keyof Criteria]: Criteria[Key] }, "gpu"> & { gpu: string | string[] };

/** Inputs of a VastInstance; see docs/resources/vast-instance.md. */
export interface VastInstanceArgs extends InputsOf<Raw> {
  offer: InputsOf<OfferArgs>;
  /** Shown in the Vast console; default: the resource's name. */
  label?: pulumi.Input<string>;
}

type Output = Exclude<keyof VastInstance & keyof InstanceFacts, keyof VastInstanceArgs>;

/**
 * Every output name not given as input must be declared, or the SDK would not fill it in. What only the provider needs is not:
 * the SDK notes four stacks for each, which makes a fleet slow to declare.
 */
const OUTPUTS: Record<Output, undefined> = {
  contractId: undefined,
  machineId: undefined,
  hostId: undefined,
  gpu: undefined,
  interruptible: undefined,
  dph: undefined,
  dphCompute: undefined,
  dphStorage: undefined,
  inetUpCost: undefined,
  inetDownCost: undefined,
  status: undefined,
  statusMessage: undefined,
  sshCommand: undefined,
  sshProxyCommand: undefined,
  portMap: undefined,
  startDate: undefined,
  endDate: undefined,
  expiry: undefined,
  alternatives: undefined,
  offerId: undefined,
  gpuTaken: undefined,
  restorePending: undefined,
};

/**
 * A GPU instance rented on Vast.ai: one contract, recognised by its mark whatever happens, and destroyed only after its
 * results are verified in S3.
 */
export class VastInstance extends DynamicResource {
  static readonly __pulumiType = "pulumi-nodejs:dynamic/vast:Instance";

  declare readonly label: pulumi.Output<string>;
  declare readonly contractId: pulumi.Output<number>;
  declare readonly machineId: pulumi.Output<number>;
  declare readonly hostId: pulumi.Output<number | undefined>;
  /** e.g. `1x RTX 4090` */
  declare readonly gpu: pulumi.Output<string>;
  /** Rented with a bid; false too where the program bids and `fallback` had to rent on demand. */
  declare readonly interruptible: pulumi.Output<boolean>;
  /** USD/h, all-in: compute (or bid) plus disk. */
  declare readonly dph: pulumi.Output<number>;
  declare readonly dphCompute: pulumi.Output<number>;
  declare readonly dphStorage: pulumi.Output<number>;
  /** USD/GB sent. */
  declare readonly inetUpCost: pulumi.Output<number | undefined>;
  /** USD/GB received. */
  declare readonly inetDownCost: pulumi.Output<number | undefined>;
  declare readonly status: pulumi.Output<string>;
  declare readonly statusMessage: pulumi.Output<string>;
  declare readonly sshCommand: pulumi.Output<string>;
  declare readonly sshProxyCommand: pulumi.Output<string>;
  declare readonly portMap: pulumi.Output<Record<string, string>>;
  /** Epoch seconds of the rental. */
  declare readonly startDate: pulumi.Output<number | undefined>;
  /** Epoch seconds after which the host may end it. */
  declare readonly endDate: pulumi.Output<number | undefined>;
  /** Epoch seconds after which it shall not run any more; see `expiresAt` and `maxDurationHours`. */
  declare readonly expiry: pulumi.Output<number | undefined>;
  /** Offers that matched besides the chosen one, when it was rented. */
  declare readonly alternatives: pulumi.Output<number>;
  /** The offer it was rented from; undefined for one that was adopted. */
  declare readonly offerId: pulumi.Output<number | undefined>;
  /** Its last start was refused, its GPU being rented to another: only until it runs again. */
  declare readonly gpuTaken: pulumi.Output<true | undefined>;
  /** `restoreFrom` asks for files that the `up` which rented it did not come to bring: the next one does. */
  declare readonly restorePending: pulumi.Output<true | undefined>;

  constructor(name: string, args: VastInstanceArgs, opts: pulumi.CustomResourceOptions = {}) {
    const { env, imageLogin, ...rest } = args;
    const props = {
      label: name,
      ...rest,
      ...(env === undefined ? {} : { env: pulumi.secret(env) }),
      ...(imageLogin === undefined ? {} : { imageLogin: pulumi.secret(imageLogin) }),
      mark: stackMark("Instance", name),
      resource: name,
      ...OUTPUTS,
    };
    const secrets = ["env", "imageLogin", ...(opts.additionalSecretOutputs ?? [])];
    super("instance", "Instance", name, props, { ...opts, additionalSecretOutputs: secrets });
  }
}
