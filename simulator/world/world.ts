import type { Logger } from "pino";
import { type ClockStatus, VirtualClock } from "./clock.ts";
import type { CopyJob } from "./copier.ts";
import { Disks } from "./disks.ts";
import { EventLog, type WorldEvent } from "./event-log.ts";
import type { Scheduled } from "./event-queue.ts";
import { FaultBook } from "./faults.ts";
import { Ledger } from "./ledger.ts";
import type { LocalCopyDoor } from "./local-copy.ts";
import { type Choices, DEFAULT_CHOICES, type SimulatorOptions } from "./options.ts";
import { Random } from "./random.ts";
import type { AuditRecord, PriceIncrease, ScheduledJob } from "./records.ts";
import { ResultStore } from "./results.ts";
import { Sleepers } from "./sleepers.ts";
import type { Template } from "./templates.ts";
import type { Account, ApiKey, Connection, Contract, Machine, Offer, Volume } from "./types.ts";
import type { RunningWorkload, WorkloadRule } from "./workloads.ts";

/** First numbers of each kind: far apart, so that an id of one kind never passes for another. */
const FIRST_ID = { machine: 12_000, host: 51_000, offer: 11_600_000, contract: 36_700_000, volume: 38_100_000 };

/**
 * How many destroyed contracts, and deleted volumes, are remembered with their charges, files and last row. Of older ones
 * only the money stays, in sums of their account.
 */
const KEPT_DESTROYED = 5000;

/** Everything there is. Rules live in the modules beside this one; they take the world and change it. */
export class World {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly choices: Choices;
  readonly ledger = new Ledger();
  readonly disks: Disks;
  readonly faults: FaultBook;
  readonly results = new ResultStore();
  readonly sleepers: Sleepers;
  readonly log: Logger;
  readonly bootFactor: number;
  readonly events = new EventLog<WorldEvent>(200_000);
  readonly accounts = new Map<number, Account>();
  readonly keys = new Map<string, { account: Account; key: ApiKey }>();
  /** Filled only where their answer differs from that to a stranger's key. */
  readonly deletedKeys = new Set<string>();
  readonly machines = new Map<number, Machine>();
  readonly offers = new Map<number, Offer>();
  /** Machine by the id of its volume offer. */
  readonly volumeAsks = new Map<number, Machine>();
  readonly contracts = new Map<number, Contract>();
  readonly volumes = new Map<number, Volume>();
  readonly connections = new Map<number, Connection>();
  readonly workloadRules: WorkloadRule[] = [];
  /** What runs in containers now, by contract. */
  readonly workloads = new Map<number, RunningWorkload>();
  /** Copies under way or waiting, by contract, in order. */
  readonly copies = new Map<string, CopyJob[]>();
  readonly templates = new Map<number, Template>();
  readonly jobs = new Map<number, ScheduledJob>();
  readonly priceIncreases = new Map<number, PriceIncrease>();
  readonly audit = new EventLog<AuditRecord>(20_000);
  /** Copies between disks under way, by the side that receives. */
  readonly directCopies = new Map<string, Set<AbortController>>();
  /** Opens a host for a copy with the client's own disk; null: no SSH is served. */
  localCopies: LocalCopyDoor | null = null;
  readonly creditEvents = new Map<number, Scheduled>();
  readonly hostIds: number[] = [];
  /** Told of every change of a contract's state: SSH doors, the live page. */
  readonly followers: ((contract: Contract) => void)[] = [];
  /** Second number of the loopback addresses on which instances answer; null: no SSH is served. */
  readonly loopbackBlock: number | null;
  readonly #liveOfAccount = new Map<number, Map<number, Contract>>();
  readonly #liveOfMachine = new Map<number, Map<number, Contract>>();
  readonly #counters = new Map<string, number>();
  readonly #destroyed: number[] = [];
  readonly #deleted: number[] = [];
  readonly #keepDestroyed: number;
  contractsEver = 0;
  #eventSequence = 0;

  constructor(options: SimulatorOptions, dataDir: string, log: Logger, loopbackBlock: number | null) {
    this.log = log;
    this.random = new Random(options.seed ?? 1);
    this.choices = { ...DEFAULT_CHOICES, ...options.choices };
    this.bootFactor = options.bootFactor ?? 1;
    this.#keepDestroyed = options.keepDestroyed ?? KEPT_DESTROYED;
    this.loopbackBlock = loopbackBlock;
    this.clock = new VirtualClock({
      startAt: options.startAt ?? Date.now() / 1000,
      speed: options.speed ?? 1,
      paused: options.paused ?? false,
      onError: (error, event) => log.error({ err: error, event }, "a simulated event failed"),
    });
    this.sleepers = new Sleepers(this);
    this.disks = new Disks(dataDir);
    this.faults = new FaultBook(this.random.stream("faults"));
  }

  get now(): number {
    return this.clock.now();
  }

  clockStatus(): ClockStatus {
    return this.clock.status();
  }

  record(kind: string, details: Record<string, unknown>): void {
    this.#eventSequence += 1;
    const event = { sequence: this.#eventSequence, at: this.now, kind, ...details };
    this.events.add(event);
    this.log.debug(event, kind);
  }

  changed(contract: Contract): void {
    for (const follow of this.followers) follow(contract);
  }

  /** Ids go up by small uneven steps, as on a service that others use too. */
  nextId(kind: keyof typeof FIRST_ID): number {
    const step = 1 + Math.floor(this.random.stream(`ids/${kind}`).next() * 9);
    const next = (this.#counters.get(kind) ?? FIRST_ID[kind]) + step;
    this.#counters.set(kind, next);
    return next;
  }

  /** Small ids that count from 1: accounts' keys, connections, jobs. */
  nextNumber(kind: string): number {
    const next = (this.#counters.get(kind) ?? 0) + 1;
    this.#counters.set(kind, next);
    return next;
  }

  addContract(contract: Contract): void {
    this.contractsEver += 1;
    this.contracts.set(contract.id, contract);
    group(this.#liveOfAccount, contract.accountId).set(contract.id, contract);
    group(this.#liveOfMachine, contract.machineId).set(contract.id, contract);
    this.machineOf(contract).rentedDiskGb += contract.diskGb;
  }

  /** A destroyed contract leaves its machine at once, and its owner's list some seconds later. */
  leaveMachine(contract: Contract): void {
    if (!this.#liveOfMachine.get(contract.machineId)?.delete(contract.id)) return;
    this.machineOf(contract).rentedDiskGb -= contract.diskGb;
  }

  leaveList(contract: Contract): void {
    this.#liveOfAccount.get(contract.accountId)?.delete(contract.id);
    this.#destroyed.push(contract.id);
    for (const id of this.#destroyed.splice(0, Math.max(0, this.#destroyed.length - this.#keepDestroyed))) {
      this.contracts.delete(id);
      this.disks.forget(id);
      this.ledger.fold("instance", id);
    }
  }

  /** A volume that is deleted: its record goes when many later ones have followed it. */
  retireVolume(volume: Volume): void {
    this.#deleted.push(volume.id);
    for (const id of this.#deleted.splice(0, Math.max(0, this.#deleted.length - this.#keepDestroyed))) {
      this.volumes.delete(id);
      this.ledger.fold("volume", id);
    }
  }

  /** Contracts an account can list, lowest id first. */
  listed(accountId: number): Contract[] {
    return [...(this.#liveOfAccount.get(accountId)?.values() ?? [])];
  }

  onMachine(machineId: number): Contract[] {
    return [...(this.#liveOfMachine.get(machineId)?.values() ?? [])];
  }

  machineOf(subject: { machineId: number }): Machine {
    const machine = this.machines.get(subject.machineId);
    if (!machine) throw new Error(`machine ${subject.machineId} is unknown`);
    return machine;
  }

  account(accountId: number): Account {
    const account = this.accounts.get(accountId);
    if (!account) throw new Error(`account ${accountId} is unknown`);
    return account;
  }

  liveVolume(volumeId: number): Volume | undefined {
    const volume = this.volumes.get(volumeId);
    return volume && volume.deletedAt === null ? volume : undefined;
  }
}

function group<T>(groups: Map<number, Map<number, T>>, id: number): Map<number, T> {
  let members = groups.get(id);
  if (!members) {
    members = new Map();
    groups.set(id, members);
  }
  return members;
}
