/** A change of the code that StrykerJS tried. */
export interface Mutant {
  file: string;
  line: number;
  /** What is on that line, without its indentation. */
  code: string;
  original: string;
  replacement: string;
  hasSurvived: boolean;
}

/** A mutant that may survive, by what it is and not by where: lines move. */
export interface Justified extends Pick<Mutant, "file" | "code" | "original" | "replacement"> {
  reason: string;
}

export interface Verdict {
  mutants: number;
  /** Survivors that nobody has justified. */
  open: Mutant[];
  justified: number;
  /** Justifications of what no longer survives, or is not in the code any more. */
  stale: Justified[];
}

/** Each justification is good for one mutant: of two alike, the second has to be looked at as well. */
export function judge(mutants: readonly Mutant[], justifications: readonly Justified[]): Verdict {
  const files = new Set(mutants.map(({ file }) => file));
  const stale = justifications.filter(({ file }) => files.has(file));
  const survivors = mutants.filter(({ hasSurvived }) => hasSurvived);
  const open = survivors.filter((mutant) => {
    const found = stale.findIndex((justification) => isAbout(justification, mutant));
    if (found >= 0) stale.splice(found, 1);
    return found < 0;
  });
  return { mutants: mutants.length, open, justified: survivors.length - open.length, stale };
}

function isAbout(justification: Justified, mutant: Mutant): boolean {
  return (["file", "code", "original", "replacement"] as const).every((key) => justification[key] === mutant[key]);
}
