import { type Account, currentUser } from "./api/account.ts";
import { createDestroyer, type Destroyer } from "./api/destroyer.ts";
import { VastError } from "./api/errors.ts";
import { createMarket, type Market } from "./api/market.ts";
import { sharedPacer } from "./api/pacing.ts";
import { createSweeper, type Sweeper } from "./api/sweep.ts";
import { createTransport, type Patience, type Transport } from "./api/transport.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { ProviderConfig } from "./config.ts";
import { engineIsAlive } from "./engine.ts";

/** Everything handlers act through; one for all resources of an engine run, so that reads and pacing are shared. */
export interface Context {
  config: ProviderConfig;
  clock: Clock;
  transport: Transport;
  sweeper: Sweeper;
  market: Market;
  destroyer: Destroyer;
  parking: Parking;
  /** Targets that an instance of this run has seen to (copy-out/canary.ts). */
  canaries: Set<string>;
  account(): Promise<Account>;
  engineIsAlive(): Promise<boolean>;
  /** A line the user sees in `pulumi up`, under the run's diagnostics. */
  log(line: string): void;
}

/** Contracts on hosts that are offline (`onOffline: "park"`). */
export interface Parking {
  /** Asked for by a diff of this run: a delete cannot tell a replacement, which may park, from a destroy, which may not. */
  readonly wanted: Set<number>;
  /** Done in this run. */
  readonly done: Set<number>;
  /** Those on record, read once a run for each target. */
  readonly recorded: Map<string, Promise<ReadonlySet<number>>>;
}

export function createContext(
  config: ProviderConfig,
  overrides: Partial<Pick<Context, "log" | "clock" | "engineIsAlive" | "transport">> & { patience?: Patience } = {},
): Context {
  // A transport's sweeps are dated by its own clock.
  const clock = overrides.clock ?? overrides.transport?.clock ?? systemClock(config.clockScale);
  const transport = overrides.transport ?? pacedTransport(config, clock, overrides.patience);
  const sweeper = createSweeper(transport);
  let account: Promise<Account> | undefined;
  return {
    config,
    clock,
    transport,
    sweeper,
    market: createMarket(transport),
    destroyer: createDestroyer(transport, sweeper),
    parking: { wanted: new Set(), done: new Set(), recorded: new Map() },
    canaries: new Set(),
    account: () => {
      account ??= transport.call(currentUser).catch((error: unknown) => {
        account = undefined;
        throw error;
      });
      return account;
    },
    engineIsAlive: overrides.engineIsAlive ?? engineIsAlive,
    log: overrides.log ?? ((line) => console.log(line)),
  };
}

function pacedTransport(config: ProviderConfig, clock: Clock, patience: Patience = {}): Transport {
  const pacer = sharedPacer(config, clock);
  return createTransport({ baseUrl: config.endpoint, apiKey: config.apiKey, clock, pacer, ...patience });
}

/** Where a resource lives, as its state records it. */
export interface Home {
  endpoint: string;
  accountId: number;
}

export async function homeOf(context: Context): Promise<Home> {
  return { endpoint: context.config.endpoint, accountId: (await context.account()).id };
}

/**
 * Refuses to judge a resource of another account or endpoint: with a wrong key everything would look gone
 * (design.md, "Identity"; user-pains 1 and 7).
 */
export async function assertHome(context: Context, recorded: Home | undefined, what: string): Promise<void> {
  if (recorded === undefined) return;
  const here = await homeOf(context);
  if (here.endpoint !== recorded.endpoint) {
    throw new VastError(
      "config",
      `${what} lives at ${recorded.endpoint}, but ${context.config.source.endpoint} says ${here.endpoint}; its state is kept as it is`,
      {
        fix: "set `vast:apiUrl` back, or unset VAST_URL",
      },
    );
  }
  if (here.accountId !== recorded.accountId) {
    throw new VastError(
      "config",
      `${what} belongs to Vast.ai account ${recorded.accountId}, but the key in ${context.config.source.apiKey} is of account ${here.accountId}; its state is kept as it is`,
      { fix: "use the key of that account; nothing was concluded about the machine" },
    );
  }
}
