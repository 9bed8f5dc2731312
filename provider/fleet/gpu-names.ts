import { closest, distance } from "fastest-levenshtein";

/** GPU names as the API spells them (vast-api.md 2.3). */
export const GPU_NAMES: readonly string[] = [
  "A10",
  "A30",
  "A40",
  "A100 PCIE",
  "A100 SXM4",
  "A100X",
  "B200",
  "GH200 SXM",
  "H100 PCIE",
  "H100 SXM",
  "H100 NVL",
  "H200",
  "H200 NVL",
  "L4",
  "L40",
  "L40S",
  "Tesla T4",
  "Tesla V100",
  "Tesla P100",
  "RTX 2080 Ti",
  "RTX 3060",
  "RTX 3060 Ti",
  "RTX 3070",
  "RTX 3070 Ti",
  "RTX 3080",
  "RTX 3080 Ti",
  "RTX 3090",
  "RTX 3090 Ti",
  "RTX 4060",
  "RTX 4060 Ti",
  "RTX 4070",
  "RTX 4070S",
  "RTX 4070S Ti",
  "RTX 4070 Ti",
  "RTX 4080",
  "RTX 4080S",
  "RTX 4090",
  "RTX 4090D",
  "RTX 5060 Ti",
  "RTX 5070",
  "RTX 5070 Ti",
  "RTX 5080",
  "RTX 5090",
  "RTX A2000",
  "RTX A4000",
  "RTX A4500",
  "RTX A5000",
  "RTX A6000",
  "RTX 4000Ada",
  "RTX 5000Ada",
  "RTX 6000Ada",
  "Q RTX 6000",
  "Q RTX 8000",
  "Titan RTX",
  "RTX PRO 6000 S",
  "RTX PRO 6000 WS",
  "InstinctMI100",
  "InstinctMI250X",
  "RX 7900 XTX",
];

/** A family stands for all its variants: users say A100 and mean either. */
const FAMILIES: Readonly<Record<string, readonly string[]>> = {
  A100: ["A100 PCIE", "A100 SXM4"],
  H100: ["H100 PCIE", "H100 SXM", "H100 NVL"],
  H200: ["H200", "H200 NVL"],
  "RTX PRO 6000": ["RTX PRO 6000 S", "RTX PRO 6000 WS"],
  V100: ["Tesla V100"],
  T4: ["Tesla T4"],
  P100: ["Tesla P100"],
};

/** Underscore names match nothing on the live service, blanks do (vast-api.md 2.2); both are accepted from users. */
const key = (name: string) =>
  name
    .replaceAll(/[_\s-]+/g, " ")
    .trim()
    .toLowerCase();
const byKey = new Map<string, readonly string[]>([
  ...GPU_NAMES.map((name): [string, readonly string[]] => [key(name), [name]]),
  ...Object.entries(FAMILIES).map(([family, names]): [string, readonly string[]] => [key(family), names]),
]);

/** The API's names for what the user wrote, or the nearest names when there is none. */
export function resolveGpu(name: string): { names: readonly string[] } | { nearest: string[] } {
  const names = byKey.get(key(name));
  if (names) return { names };
  const wanted = key(name);
  const ranked = [...byKey.keys()].sort((a, b) => distance(wanted, a) - distance(wanted, b)).slice(0, 3);
  const nearest = new Set([closest(wanted, [...byKey.keys()]), ...ranked]);
  return { nearest: [...nearest].map((k) => byKey.get(k)?.join(" / ") ?? k) };
}
