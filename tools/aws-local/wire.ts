import type { Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import structs from "google-protobuf/google/protobuf/struct_pb.js";

/** Property bags as Pulumi sends them, with its marks for secrets and for values that a preview does not know yet. */
export type Props = Record<string, unknown>;

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
export const ASSET = "c44067f5952c0a294b673a41bacd8c17";

/** Marks an output as secret: the engine encrypts it in the state and never prints it. */
export function secret(value: string): Props {
  return { [SIGNATURE]: SECRET, value };
}

export function isAsset(value: unknown): value is Props {
  return isProps(value) && value[SIGNATURE] === ASSET;
}

export function isProps(value: unknown): value is Props {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function decode(struct: Struct | undefined): Props {
  return struct ? (withoutSecrets(struct.toJavaScript()) as Props) : {};
}

export function encode(props: Props): Struct {
  // A Struct has no undefined: a property without a value is a property that is not there.
  return structs.Struct.fromJavaScript(JSON.parse(JSON.stringify(props)));
}

function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (!isProps(value)) return value;
  if (value[SIGNATURE] === SECRET) return withoutSecrets(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutSecrets(inner)]));
}
