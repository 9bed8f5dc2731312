import { z } from "zod";
import type { Instance } from "../resources.ts";
import { defineRule } from "../rule.ts";

const config = z.strictObject({
  countries: z
    .array(z.string().regex(/^[A-Z]{2}$/))
    .default([])
    .describe('two-letter codes of countries that hosts may be in, e.g. ["SE", "NO"]; empty allows all'),
});
type Config = z.output<typeof config>;

function check({ offer }: Instance, { countries }: Config): string | undefined {
  if (countries.length === 0 || offer === undefined) return undefined;
  const allowed = countries.join(", ");
  if (offer.id !== undefined)
    return `offer.id pins offer ${offer.id}, whose country nobody checks; allowed are ${allowed}. Give criteria with offer.countries in place of the id.`;
  if (offer.countries === undefined)
    return `offer.countries is not set, which admits hosts anywhere; allowed are ${allowed}. Set it to ${JSON.stringify(countries)}.`;
  const others = offer.countries.filter((country) => !countries.includes(country));
  if (others.length === 0) return undefined;
  return `offer.countries names ${others.join(", ")}; allowed are ${allowed}. Take ${others.length === 1 ? "it" : "them"} out.`;
}

export const allowedCountries = defineRule({
  name: "allowed-countries",
  pack: "safety",
  description: "Data goes only to hosts in allowed countries.",
  why: "a marketplace host may be anywhere, and data that may not leave a country has left it",
  source: "platform profile, decentralized marketplace of third-party hosts",
  level: "mandatory",
  config,
  checks: { instance: [check] },
  remedy: {
    sets: "offer.countries: those allowed, where none are named",
    instance: ({ offer }, { countries }) =>
      countries.length > 0 && offer !== undefined && offer.id === undefined && offer.countries === undefined
        ? { offer: { countries } }
        : undefined,
  },
});
