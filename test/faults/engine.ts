import type { Context } from "../../provider/context.ts";
import { checkInputs } from "../../provider/lifecycle/check.ts";
import * as target from "../../provider/lifecycle/cloud-sync-target.ts";
import { createInstance } from "../../provider/lifecycle/instance/create.ts";
import { crossChecks } from "../../provider/lifecycle/instance/cross-checks.ts";
import { deleteInstance } from "../../provider/lifecycle/instance/delete.ts";
import { diffInstance } from "../../provider/lifecycle/instance/diff.ts";
import { inputsSchema } from "../../provider/lifecycle/instance/inputs.ts";
import { readInstance } from "../../provider/lifecycle/instance/read.ts";
import { updateInstance } from "../../provider/lifecycle/instance/update.ts";
import * as volume from "../../provider/lifecycle/volume.ts";
import { volumeInputsSchema, volumeProblems } from "../../provider/lifecycle/volume-inputs.ts";
import type { Life } from "./life.ts";
import type { SteppedClock } from "./stepped-clock.ts";

export type Props = Record<string, unknown>;
export type Kind = "target" | "volume" | "instance";

/** What a program declares; inputs may follow from the outputs of what it depends on. */
export interface Declared {
  name: string;
  kind: Kind;
  needs: string[];
  inputs: (outputsOf: (name: string) => Props) => Props;
}

export interface Kept {
  name: string;
  kind: Kind;
  id: string;
  outputs: Props;
  needs: string[];
  /** Created only partially: the next up updates it whatever its diff says. */
  initErrors: boolean;
}

const HANDLERS = {
  target: {
    check: (news: Props) => checkInputs(target.targetInputsSchema, news, () => []),
    create: target.createTarget,
    read: target.readTarget,
    diff: target.diffTarget,
    update: target.updateTarget,
    delete: target.removeTarget,
  },
  volume: {
    check: (news: Props) => checkInputs(volumeInputsSchema, news, volumeProblems),
    create: volume.createVolume,
    read: volume.readVolume,
    diff: volume.diffVolume,
    update: volume.updateVolume,
    delete: volume.removeVolume,
  },
  instance: {
    check: (news: Props) => checkInputs(inputsSchema, news, crossChecks),
    create: createInstance,
    read: readInstance,
    diff: diffInstance,
    update: updateInstance,
    delete: deleteInstance,
  },
} as const;

/** The engine was killed, or the provider process died under it: the operation ends here. */
export class Crash extends Error {}

/** Something that a resource depends on, or that depends on it, has failed. */
export class SkippedError extends Error {}

export interface Only {
  targets: ReadonlySet<string>;
  /** Replaced whatever their diff says. */
  replace: ReadonlySet<string>;
}

export interface Process {
  context: Context;
  life: Life;
}

/**
 * What the Pulumi engine does with the handlers, and what it keeps: state that a create or an update returned
 * or threw, state that stays when they throw without one, or a delete does, nothing at all of a create that was cut short.
 */
export class Engine {
  readonly state = new Map<string, Kept>();
  /** Creates of which no end was seen, with their inputs: the engine notes them before it asks for them. */
  readonly begun = new Map<string, { kind: Kind; inputs: Props }>();
  readonly #clock: SteppedClock;
  /** Every message a user would have seen. */
  messages: string[] = [];
  /** What went on in processes that outlived their engine. */
  readonly orphans: Promise<unknown>[] = [];

  constructor(clock: SteppedClock) {
    this.#clock = clock;
  }

  /** The errors of an update, by resource; with `only`, of `--target` and `--replace` of these names. */
  async up(process: Process, program: readonly Declared[], only?: Only): Promise<Map<string, Error>> {
    const errors = new Map<string, Error>();
    const done = new Map<string, Promise<void>>();
    for (const declared of program.filter(({ name }) => only?.targets.has(name) ?? true)) {
      const work = async (): Promise<void> => {
        for (const name of declared.needs) await done.get(name);
        if (declared.needs.some((name) => errors.has(name)))
          return void errors.set(declared.name, new SkippedError("skipped"));
        await this.#apply(process, declared, only?.replace.has(declared.name)).catch((error: Error) =>
          errors.set(declared.name, this.#seen(error)),
        );
      };
      done.set(declared.name, work());
    }
    await Promise.all(done.values());
    if (errors.size > 0) return errors;
    const gone = [...this.state.keys()].filter(
      (name) => (only?.targets.has(name) ?? true) && !program.some((declared) => declared.name === name),
    );
    return this.#deleteAll(process, gone);
  }

  async refresh(process: Process): Promise<Map<string, Error>> {
    const errors = new Map<string, Error>();
    const one = async (kept: Kept): Promise<void> => {
      const result = await this.#run(process, () =>
        HANDLERS[kept.kind].read(process.context, kept.id, structuredClone(kept.outputs)),
      );
      if (result.id === undefined) this.state.delete(kept.name);
      else Object.assign(kept, { outputs: result.props ?? kept.outputs, initErrors: false });
    };
    await Promise.all(
      [...this.state.values()].map((kept) =>
        one(kept).catch((error: Error) => errors.set(kept.name, this.#seen(error))),
      ),
    );
    return errors;
  }

  destroy(process: Process): Promise<Map<string, Error>> {
    return this.#deleteAll(process, [...this.state.keys()]);
  }

  async #deleteAll(process: Process, names: readonly string[]): Promise<Map<string, Error>> {
    const errors = new Map<string, Error>();
    const done = new Map<string, Promise<void>>();
    const dependants = (name: string) => [...this.state.values()].filter((kept) => kept.needs.includes(name));
    const work = async (kept: Kept): Promise<void> => {
      for (const dependant of dependants(kept.name)) await one(dependant);
      if (dependants(kept.name).length > 0) return void errors.set(kept.name, new SkippedError("skipped"));
      await this.#delete(process, kept).catch((error: Error) => errors.set(kept.name, this.#seen(error)));
    };
    const one = (kept: Kept): Promise<void> => {
      const known = done.get(kept.name) ?? work(kept);
      done.set(kept.name, known);
      return known;
    };
    await Promise.all(names.flatMap((name) => this.state.get(name) ?? []).map(one));
    return errors;
  }

  async #apply(process: Process, declared: Declared, forced = false): Promise<void> {
    const outputsOf = (name: string): Props => this.state.get(name)?.outputs ?? {};
    const { inputs: news, failures } = HANDLERS[declared.kind].check(declared.inputs(outputsOf));
    if (failures.length > 0) throw new Error(`the campaign declares what check refuses: ${JSON.stringify(failures)}`);
    const kept = this.state.get(declared.name);
    if (!kept) return this.#create(process, declared, news);
    const handlers = HANDLERS[kept.kind];
    const olds = structuredClone(kept.outputs);
    const diff = await this.#run(process, () => handlers.diff(process.context, kept.id, olds, news));
    if (forced || (diff.replaces?.length ?? 0) > 0) {
      await this.#delete(process, kept);
      return this.#create(process, declared, news);
    }
    if (!diff.changes && !kept.initErrors) return;
    try {
      const { outs } = await this.#run(process, () => handlers.update(process.context, kept.id, olds, news));
      Object.assign(kept, { outputs: structuredClone(outs), initErrors: false });
    } catch (error) {
      const { properties } = error as { properties?: Props };
      if (properties !== undefined) Object.assign(kept, { outputs: structuredClone(properties), initErrors: true });
      throw error;
    }
  }

  async #create(process: Process, { name, kind, needs }: Declared, news: Props): Promise<void> {
    this.begun.set(name, { kind, inputs: structuredClone(news) });
    try {
      const { id, outs } = await this.#run(process, () =>
        HANDLERS[kind].create(process.context, structuredClone(news)),
      );
      this.state.set(name, { name, kind, id, needs, outputs: structuredClone(outs), initErrors: false });
      this.begun.delete(name);
    } catch (error) {
      if (!(error instanceof Crash)) this.begun.delete(name);
      const { id, properties } = error as { id?: string; properties?: Props };
      if (id !== undefined && properties !== undefined)
        this.state.set(name, { name, kind, id, needs, outputs: structuredClone(properties), initErrors: true });
      throw error;
    }
  }

  async #delete(process: Process, kept: Kept): Promise<void> {
    await this.#run(process, () => HANDLERS[kept.kind].delete(process.context, kept.id, structuredClone(kept.outputs)));
    this.state.delete(kept.name);
  }

  /** One call of a handler, as far as the engine sees it. */
  async #run<T>({ life }: Process, handler: () => Promise<T>): Promise<T> {
    const crash = Promise.race([life.died, life.engineGone]).then(() => Promise.reject(new Crash("crashed")));
    if (life.dead || !life.engineAlive) return crash;
    const work = this.#clock.during(life, handler);
    crash.catch(() => this.orphans.push(Promise.race([work.catch(() => undefined), life.died])));
    return Promise.race([work, crash]);
  }

  #seen(error: Error): Error {
    this.messages.push(error.stack?.includes(error.message) ? error.stack : `${error.message}\n${error.stack}`);
    return error;
  }
}
