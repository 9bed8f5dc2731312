import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import type { Session } from "../session.ts";

const addressesSchema = z.record(z.string(), z.object({ address: z.string(), seenS: z.number() }));
/** What `mesh discover` found last, by contract id. */
export type MeshAddresses = z.output<typeof addressesSchema>;

const fileOf = ({ record }: Pick<Session, "record">): string => record.file.replace(/\.jsonl$/, ".mesh.json");

/** A file that cannot be understood is as good as none: addresses are found again. */
export function readAddresses(session: Pick<Session, "record">): MeshAddresses {
  const file = fileOf(session);
  if (!existsSync(file)) return {};
  try {
    return addressesSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return {};
  }
}

export function writeAddresses(session: Pick<Session, "record">, addresses: MeshAddresses): void {
  const file = fileOf(session);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify(addresses, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}
