import { createRequire, registerHooks } from "node:module";

/**
 * Makes Pulumi's SDK cost less of every preview, for the engine waits for the pack: at its start, and at every resource. To be
 * called before the SDK is loaded. Both are savings only: where the SDK has changed on the inside, it is as slow as it was.
 */
export function leanSdk(): void {
  leaveOut([
    // Loaded to serialize functions, of which a pack has none: npm's own installer, a fifth of the pack's start.
    "/@npmcli/arborist/lib/index.js",
    // A pack drives no engine.
    "/@pulumi/pulumi/automation/index.js",
  ]);
  decodeOnce();
}

function leaveOut(files: readonly string[]): void {
  registerHooks({
    load: (url, context, nextLoad) =>
      files.some((file) => url.endsWith(file))
        ? { format: "commonjs", source: "", shortCircuit: true }
        : nextLoad(url, context),
  });
}

interface Struct {
  toJavaScript(): object;
}

/**
 * `@pulumi/policy` decodes the properties of a resource anew for every rule, and those of the whole stack for every rule about
 * it. From here on it copies what was decoded for the first one.
 */
function decodeOnce(): void {
  const ofPolicy = createRequire(import.meta.resolve("@pulumi/policy"));
  const ofPulumi = createRequire(ofPolicy.resolve("@pulumi/pulumi"));
  const { Struct } = ofPulumi("google-protobuf/google/protobuf/struct_pb.js") as { Struct: { prototype: Struct } };
  const decode = Struct.prototype.toJavaScript;
  const decoded = new WeakMap<Struct, object>();
  Struct.prototype.toJavaScript = function (this: Struct) {
    const known = decoded.get(this) ?? decode.call(this);
    decoded.set(this, known);
    return known;
  };
}
