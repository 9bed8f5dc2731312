import { isVastError, VastError } from "../../api/errors.ts";
import { attachSshKey, type InstanceRow, type RentRequest, rentOffer } from "../../api/instances.ts";
import { allInDph, type Offer } from "../../api/offers.ts";
import { type Context, homeOf } from "../../context.ts";
import { openBucket } from "../../copy-out/bucket.ts";
import { volumeUsed } from "../../copy-out/volume-record.ts";
import { wrapOnstart } from "../../fleet/image.ts";
import { candidates, misfit, type Need, offerQuery, usd } from "../../fleet/place.ts";
import { MARK_VARIABLE, markOf, rowsWithMark } from "../mark.ts";
import { mayHaveRun } from "./condition.ts";
import { type InstanceInputs, inputsSchema, needOf } from "./inputs.ts";
import { factsOf, type RentalRecord } from "./outputs.ts";
import { plain } from "./read.ts";
import { DudError, freshRow, waitUntilReady, waitUntilRunning } from "./wait.ts";

/** A lost answer's contract shows in the list within this time, seconds; until then nothing else is accepted. */
const LOST_ANSWER_S = 90;
const LOOK_S = 10;
/** Prices are read back with the service's own rounding. */
const PRICE_TOLERANCE = 1e-4;

export interface Created {
  id: string;
  outs: Record<string, unknown>;
}

interface Rental {
  row: InstanceRow;
  record: RentalRecord;
  /** Rented by this very call: until it ran there is nothing of value on its disk. */
  fresh: boolean;
}

/**
 * Rents one machine for the resource, whatever goes wrong: a contract that already carries the resource's mark is taken
 * up instead, a lost answer is resolved by looking for the mark, and nothing is ever accepted twice (design.md,
 * "VastInstance", create). Throws with `id` and `properties` once a contract exists, so that the engine keeps it.
 */
export async function createInstance(context: Context, rawInputs: Record<string, unknown>): Promise<Created> {
  const { __provider, ...given } = rawInputs;
  const inputs = inputsSchema.parse(given);
  // Whose the machine will be has to be known before it is rented: its state records it.
  await homeOf(context);
  try {
    return await rentAndBringUp(context, inputs);
  } catch (error) {
    throw error instanceof StrandedError ? partially(error, __provider) : error;
  }
}

/** A contract exists that could neither be brought up nor destroyed: the engine has to keep it in the state. */
class StrandedError extends Error {
  readonly rental: Rental;
  /** As they hold for the contract; others than the program's where the contract is of an earlier program. */
  readonly inputs: InstanceInputs;

  constructor(cause: unknown, inputs: InstanceInputs, rental: Rental) {
    super(cause instanceof Error ? cause.message : String(cause));
    this.rental = rental;
    this.inputs = inputs;
  }
}

async function rentAndBringUp(context: Context, inputs: InstanceInputs): Promise<Created> {
  const name = inputs.label;
  let rental = inputs.adopt === undefined ? await takeUp(context, inputs) : await adopt(context, inputs, inputs.adopt);
  const avoid = new Set<number>();
  for (let attempt = 1; ; attempt += 1) {
    rental ??= await rentOne(context, inputs, avoid);
    try {
      return await bringUp(context, inputs, rental);
    } catch (error) {
      // What an earlier run rented may have worked for hours: only a machine of this very call is given up unasked.
      if (!(error instanceof DudError) || !rental.fresh) throw new StrandedError(error, inputs, rental);
      const { row } = rental;
      avoid.add(row.machine_id);
      await discardOrKeep(context, inputs, rental, `${name}: machine ${row.machine_id}: ${error.message}`);
      if (!error.elsewhere)
        throw new VastError("refused", `${name}: ${error.message}; contract ${row.id} was destroyed`, {
          fix: "check `image` and `imageLogin`",
        });
      if (attempt >= inputs.maxTries) {
        throw new VastError(
          "refused",
          `${name}: ${attempt} machines in a row did not start; the last one: ${error.message}. All of them were destroyed`,
          {
            fix: "raise `bootTimeout` or `minReliability`, use a smaller image, or run `pulumi up` again later",
          },
        );
      }
      rental = undefined;
    }
  }
}

/** A contract of ours from an earlier try whose answer, engine or state was lost. */
async function takeUp(context: Context, inputs: InstanceInputs): Promise<Rental | undefined> {
  // Contracts of this run's earlier resources do not matter here, so all creates of a run share one listing.
  const found = rowsWithMark((await context.sweeper.atMost(60)).rows, inputs.mark);
  const [row] = found;
  if (!row) return undefined;
  context.log(
    `${inputs.label}: contract ${row.id} already carries this resource's mark (an earlier run was cut short): taken up, nothing rented`,
  );
  if (found.length > 1) await removeDuplicates(context, inputs, found);
  const record = await newRecord(context, undefined, 0);
  const everRan = mayHaveRun(row);
  const rental = { row, record: { ...record, everRan }, fresh: false };
  const problem = mismatch(inputs, needOf(inputs), row);
  if (problem === undefined) return rental;
  const what = `it is of an earlier program and not what is asked for now (${problem}); \`pulumi up\` will replace it`;
  throw new StrandedError(new VastError("blocked", what), inputsOf(inputs, row), rental);
}

async function adopt(context: Context, inputs: InstanceInputs, id: number): Promise<Rental> {
  const row = (await context.sweeper.since(context.clock.elapsedS())).rows.get(id);
  if (!row)
    throw new VastError("not-found", `${inputs.label}: adopt: contract ${id} is not in this account`, {
      fix: "check the id in the Vast console",
    });
  const mark = markOf(row);
  if (mark !== undefined && mark !== inputs.mark) {
    throw new VastError(
      "refused",
      `${inputs.label}: adopt: contract ${id} belongs to another resource (its mark is ${mark})`,
      { fix: "remove it from that stack first" },
    );
  }
  const problem = misfit({ ...needOf(inputs), diskGb: row.disk_space, bid: undefined }, rentedMachine(row));
  if (problem)
    throw new VastError("refused", `${inputs.label}: adopt: contract ${id} does not meet the criteria: ${problem}`);
  context.log(`${inputs.label}: contract ${id} taken into management, nothing rented`);
  return { row, record: { ...(await newRecord(context, undefined, 0)), everRan: true }, fresh: false };
}

async function newRecord(context: Context, offerId: number | undefined, alternatives: number): Promise<RentalRecord> {
  return { home: await homeOf(context), alternatives, offerId, everRan: false };
}

/** Search, choose, accept: until one offer is ours. Offers taken meanwhile are passed over. */
async function rentOne(context: Context, inputs: InstanceInputs, avoid: ReadonlySet<number>): Promise<Rental> {
  const need = needOf(inputs);
  const refused: string[] = [];
  for (let tries = 0; tries < inputs.maxTries * 3; tries += 1) {
    const { offer, alternatives } = await choose(context, inputs, need, avoid, refused);
    const price = allInDph(offer, inputs.disk, inputs.bid);
    context.log(
      `${inputs.label}: renting offer ${offer.id}: ${offer.num_gpus}x ${offer.gpu_name} on machine ${offer.machine_id}, ${usd(price)}/h all-in (${alternatives} more match)`,
    );
    try {
      const record = await newRecord(context, offer.id, alternatives);
      const id = await accept(context, inputs, offer, record);
      if (id === undefined) continue;
      return await readBack(context, inputs, need, { row: unreadRow(inputs, offer, id), record, fresh: true });
    } catch (error) {
      context.market.release(inputs.mark);
      if (!(error instanceof DudError)) throw error;
      refused.push(error.message);
      context.market.taken(offer.id);
    }
  }
  throw new VastError(
    "refused",
    `${inputs.label}: no offer could be rented as shown: ${[...new Set(refused)].join("; ") || "all were taken meanwhile"}`,
    {
      fix: "widen `offer`, raise `maxDph`, or run `pulumi up` again",
    },
  );
}

async function choose(
  context: Context,
  inputs: InstanceInputs,
  need: Need,
  avoid: ReadonlySet<number>,
  refused: string[],
): Promise<{ offer: Offer; alternatives: number }> {
  if ("id" in inputs.offer)
    return { offer: await pinnedOffer(context, inputs, inputs.offer.id, refused), alternatives: 0 };
  const offers = await context.market.offers(offerQuery(need));
  const listed = [...(await context.sweeper.atMost(600)).rows.values()];
  const rented = listed.filter((row) => markOf(row) !== undefined).map((row) => row.machine_id);
  // From here to the claim nothing may wait: workers of one run choose side by side.
  const claimed = context.market.claimedByOthers(inputs.mark);
  const open = offers.filter((offer) => !claimed.offers.has(offer.id));
  const spread =
    need.machineId === undefined ? candidates(need, open, new Set([...avoid, ...claimed.machines, ...rented])) : [];
  // A fleet larger than the matching machines shares them rather than staying short.
  const fitting = spread.length > 0 ? spread : candidates(need, open, avoid);
  const [offer] = fitting;
  if (!offer) {
    const why =
      offers.length === 0
        ? "no offer on the market matches"
        : `${offers.length} offers came back, none fits (${firstMisfits(need, offers)})`;
    throw new VastError(
      "refused",
      `${inputs.label}: ${why}${refused.length > 0 ? `; tried before: ${[...new Set(refused)].join("; ")}` : ""}`,
      {
        fix: "widen `offer` (gpu, maxDph, minReliability, countries …) or wait; nothing was rented",
      },
    );
  }
  context.market.claim(offer, inputs.mark);
  return { offer, alternatives: fitting.length - 1 };
}

function firstMisfits(need: Need, offers: readonly Offer[]): string {
  const reasons = offers.map((offer) => misfit(need, offer) ?? "taken by another worker of this run");
  return [...new Set(reasons)].slice(0, 3).join("; ");
}

/** `ask_contract_id` selects one offer; a filter on `id` matches nothing (vast-api.md 2.2). */
async function pinnedOffer(context: Context, inputs: InstanceInputs, id: number, refused: string[]): Promise<Offer> {
  const query = offerQuery(needOf(inputs));
  const offers =
    refused.length > 0 ? [] : await context.market.offers({ ...query, filters: { ask_contract_id: { eq: id } } });
  const [offer] = offers;
  if (!offer)
    throw new VastError(
      "refused",
      `${inputs.label}: the pinned offer ${id} is not on the market${refused.length > 0 ? ` any more (${refused.join("; ")})` : ""}`,
      { fix: "pin another offer, or give criteria" },
    );
  const problem = misfit({ ...needOf(inputs), criteria: { ...needOf(inputs).criteria, count: offer.num_gpus } }, offer);
  if (problem) throw new VastError("refused", `${inputs.label}: the pinned offer ${id} does not do: ${problem}`);
  return offer;
}

/** The id of the contract, or undefined when the offer was gone and nothing was rented. */
async function accept(
  context: Context,
  inputs: InstanceInputs,
  offer: Offer,
  record: RentalRecord,
): Promise<number | undefined> {
  // A provider that outlived its engine would rent a machine that no state ever knows (pulumi-notes.md, SIGKILL).
  if (!(await context.engineIsAlive())) {
    throw new VastError("blocked", `${inputs.label}: the Pulumi engine is gone; nothing was rented`, {
      fix: "run `pulumi cancel`, then `pulumi up`",
    });
  }
  try {
    return await context.transport.call(rentOffer, offer.id, rentRequest(inputs));
  } catch (error) {
    if (isVastError(error, "offer-gone")) {
      await discardFailed(context, inputs, offer, record, error);
      context.market.taken(offer.id);
      context.market.release(inputs.mark);
      context.log(`${inputs.label}: offer ${offer.id} was taken meanwhile; going on to the next`);
      return undefined;
    }
    if (isVastError(error, "unsure", "unexpected")) return lostAnswer(context, inputs, error);
    if (isVastError(error)) await discardFailed(context, inputs, offer, record, error);
    throw error;
  }
}

/** An error that carries a contract id: the machine was rented all the same, stopped, and bills its disk (vast-api.md 3.1). */
async function discardFailed(
  context: Context,
  inputs: InstanceInputs,
  offer: Offer,
  record: RentalRecord,
  error: VastError,
): Promise<void> {
  if (error.contractId === undefined) return;
  const rental = { row: unreadRow(inputs, offer, error.contractId), record, fresh: true };
  const why = `${inputs.label}: the service refused ("${error.message}") and still made contract ${error.contractId}`;
  await discardOrKeep(context, inputs, rental, why);
}

/** What is known of a contract before the list has shown it: what was asked for. */
function unreadRow(inputs: InstanceInputs, offer: Offer, id: number): InstanceRow {
  const { machine_id, host_id, gpu_name, num_gpus, gpu_ram, dph_base, storage_cost } = offer;
  return {
    ...{ id, machine_id, host_id, gpu_name, num_gpus, gpu_ram, storage_cost },
    actual_status: null,
    extra_env: [[MARK_VARIABLE, inputs.mark]],
    is_bid: inputs.bid !== undefined,
    dph_base: inputs.bid ?? dph_base,
    dph_total: allInDph(offer, inputs.disk, inputs.bid),
    disk_space: inputs.disk,
  };
}

/** The answer to an accept is lost: the mark tells whether a contract came of it. It is never sent again. */
async function lostAnswer(context: Context, inputs: InstanceInputs, cause: VastError): Promise<number> {
  const { clock } = context;
  context.log(`${inputs.label}: the answer to the rental was lost; looking for its contract`);
  const deadline = clock.elapsedS() + LOST_ANSWER_S;
  for (;;) {
    const [row] = rowsWithMark((await context.sweeper.since(clock.elapsedS())).rows, inputs.mark);
    if (row) return row.id;
    if (clock.elapsedS() > deadline) {
      throw new VastError(
        "unsure",
        `${inputs.label}: the answer to the rental was lost and no contract with this resource's mark appeared in ${LOST_ANSWER_S} s; nothing else was rented`,
        {
          fix: "run `pulumi up` again: it looks for the contract first",
          cause,
        },
      );
    }
    await clock.sleep(LOOK_S);
  }
}

/** Compares what was rented with what was asked: price, kind and disk (user-pains 8, 10, 25). A mismatch is destroyed. */
async function readBack(context: Context, inputs: InstanceInputs, need: Need, rental: Rental): Promise<Rental> {
  let kept = rental;
  try {
    const row = await freshRow(context, rental.row.id);
    kept = { ...rental, row };
    const same = rowsWithMark((await context.sweeper.atMost(60)).rows, inputs.mark);
    if (same.length > 1) kept = takenUp(await removeDuplicates(context, inputs, same, row.id), kept);
  } catch (error) {
    throw new StrandedError(error, inputs, kept);
  }
  const problem = mismatch(inputs, need, kept.row);
  if (problem === undefined) return kept;
  const what = `${inputs.label}: contract ${kept.row.id} is not what was asked for: ${problem}`;
  if (!kept.fresh) throw new StrandedError(new VastError("blocked", what), inputsOf(inputs, kept.row), kept);
  await discardOrKeep(context, inputs, kept, what);
  throw new DudError(problem, true);
}

/** The rental, when the contract is the one of this very call; else one whose past is not known. */
function takenUp(row: InstanceRow, rental: Rental): Rental {
  if (row.id === rental.row.id) return { ...rental, row };
  const record = { ...rental.record, offerId: undefined, everRan: mayHaveRun(row) };
  return { row, record, fresh: false };
}

/** The inputs with which a contract of an earlier program was rented, as far as it shows: the next diff then replaces it. */
function inputsOf(inputs: InstanceInputs, row: InstanceRow): InstanceInputs {
  const { gpu_name, num_gpus } = row;
  const machine = gpu_name && num_gpus && "gpu" in inputs.offer ? { gpu: [gpu_name], count: num_gpus } : {};
  return {
    ...inputs,
    disk: row.disk_space,
    bid: row.is_bid ? row.dph_base : undefined,
    offer: { ...inputs.offer, ...machine } as InstanceInputs["offer"],
  };
}

function mismatch(inputs: InstanceInputs, need: Need, row: InstanceRow): string | undefined {
  if (row.is_bid !== (inputs.bid !== undefined))
    return row.is_bid ? "it is interruptible, on demand was asked" : "it is billed on demand, a bid was given";
  if (row.disk_space < inputs.disk) return `its disk is ${row.disk_space} GB instead of ${inputs.disk}`;
  const cap = need.criteria.maxDph;
  if (cap !== undefined && row.dph_total > cap + PRICE_TOLERANCE)
    return `it costs ${usd(row.dph_total)}/h all-in, over maxDph ${usd(cap)}/h`;
  return "id" in inputs.offer
    ? undefined
    : misfit({ ...need, criteria: { ...need.criteria, maxDph: undefined, minReliability: 0 } }, rentedMachine(row));
}

export function rentedMachine(
  row: InstanceRow,
): Partial<Offer> & Pick<Offer, "dph_base" | "storage_cost" | "machine_id"> {
  return {
    machine_id: row.machine_id,
    dph_base: row.dph_base,
    storage_cost: row.storage_cost,
    ...(row.host_id == null ? {} : { host_id: row.host_id }),
    ...(row.gpu_name == null ? {} : { gpu_name: row.gpu_name }),
    ...(row.num_gpus == null ? {} : { num_gpus: row.num_gpus }),
    ...(row.gpu_ram == null ? {} : { gpu_ram: row.gpu_ram }),
    reliability2: row.reliability2,
    verification: row.verification,
    cuda_max_good: row.cuda_max_good,
    geolocation: row.geolocation,
    inet_up_cost: row.inet_up_cost,
    inet_down_cost: row.inet_down_cost,
  };
}

/**
 * Two contracts with one mark: an earlier provider outlived its engine and rented at the same moment. The older one is
 * kept by everybody who sees both, so that two processes cannot each destroy the other's.
 */
async function removeDuplicates(
  context: Context,
  inputs: InstanceInputs,
  rows: InstanceRow[],
  rentedJustNow?: number,
): Promise<InstanceRow> {
  const [oldest, ...others] = rows;
  if (!oldest) throw new VastError("unexpected", `${inputs.label}: no contract with its mark`);
  for (const row of others) {
    if (mayHaveRun(row) && row.id !== rentedJustNow) {
      throw new VastError(
        "blocked",
        `${inputs.label}: contracts ${oldest.id} and ${row.id} both carry this resource's mark and ${row.id} may have run already (it is ${row.actual_status}); both are kept`,
        {
          fix: `look at both and destroy one in the Vast console, then run \`pulumi up\` again`,
        },
      );
    }
    await discard(
      context,
      row.id,
      `${inputs.label}: contract ${row.id} is a duplicate of ${oldest.id} with nothing on it`,
    );
  }
  return oldest;
}

/** Destroys a contract on which nothing ever ran. */
async function discard(context: Context, id: number, why: string): Promise<void> {
  context.log(`${why}; destroying it`);
  await context.destroyer.destroy(id);
}

/** What cannot be destroyed goes on billing: it must not be forgotten. */
async function discardOrKeep(context: Context, inputs: InstanceInputs, rental: Rental, why: string): Promise<void> {
  try {
    await discard(context, rental.row.id, why);
  } catch (error) {
    throw new StrandedError(error, inputs, rental);
  }
}

async function bringUp(context: Context, inputs: InstanceInputs, rental: Rental): Promise<Created> {
  let { row } = rental;
  const target = inputs.copyOut?.target;
  if (inputs.volume && target) await volumeUsed(openBucket(target), target, inputs.volume.id, row.id);
  for (const key of inputs.sshKeys) await context.transport.call(attachSshKey, row.id, key);
  if (inputs.waitFor !== "created" && inputs.state === "running") {
    row = await waitUntilRunning(context, row.id, inputs, inputs.label);
    await waitUntilReady(context, row.id, inputs, inputs.label);
  }
  const facts = factsOf(row, rental.record);
  context.log(
    `${inputs.label}: contract ${row.id} is ${facts.status} at ${usd(facts.dph)}/h${facts.sshCommand ? `; ${facts.sshCommand}` : ""}`,
  );
  return { id: String(row.id), outs: plain({ ...inputs, ...facts }) };
}

/** The engine keeps a resource whose create fails after the rental, with the reason, and the next up goes on with it. */
function partially({ message, inputs, rental }: StrandedError, provider: unknown): Error {
  const properties = { ...inputs, ...factsOf(rental.row, rental.record), __provider: provider };
  const failure = new VastError(
    "blocked",
    `${inputs.label}: contract ${rental.row.id} is rented and kept in the state, but not finished: ${message}`,
  );
  return Object.assign(failure, {
    id: String(rental.row.id),
    properties: JSON.parse(JSON.stringify(properties)) as unknown,
    reasons: [message],
  });
}

export function rentRequest(inputs: InstanceInputs): RentRequest {
  return {
    image: inputs.image,
    imageLogin: inputs.imageLogin,
    diskGb: inputs.disk,
    env: containerEnv(inputs),
    onstart: inputs.onstart === undefined ? undefined : wrapOnstart(inputs.onstart).text,
    runtype: inputs.runtype,
    label: inputs.label,
    bid: inputs.bid ?? null,
    state: inputs.state,
    volume: inputs.volume === undefined ? undefined : { id: inputs.volume.id, mountPath: inputs.volume.mountPath },
  };
}

/** The user's variables, the mark, and ports as Docker flags (vast-api.md 3.1). */
export function containerEnv(inputs: InstanceInputs): Record<string, string> {
  const ports = inputs.ports.map((port): [string, string] => {
    const [number, protocol] = String(port).split("/");
    return [`-p ${number}:${number}${protocol === "udp" ? "/udp" : ""}`, "1"];
  });
  return { ...inputs.env, [MARK_VARIABLE]: inputs.mark, ...Object.fromEntries(ports) };
}
