import { Random, type RandomStream } from "../../simulator/world/random.ts";

export type Draws = RandomStream;

/** The same draws for the same name in every run, so that two runs measure the same calls. */
export function drawsOf(name: string): Draws {
  return new Random("bench").once(name);
}
