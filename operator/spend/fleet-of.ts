/** Whose a label is: of `zeb` and `zeb-large`, a `zeb-large-worker-0` is of the longer one. Undefined: of no fleet. */
export function fleetOf(label: string, fleets: readonly string[]): string | undefined {
  return fleets
    .filter((fleet) => label === fleet || label.startsWith(`${fleet}-`))
    .toSorted((a, b) => b.length - a.length)[0];
}
