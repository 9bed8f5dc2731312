import { DeleteUserPolicyCommand, GetUserPolicyCommand, PutUserPolicyCommand } from "@aws-sdk/client-iam";
import { type Aws, isMissing, removal, step } from "./aws.ts";
import { type ResourceType, uniqueName } from "./resource.ts";
import type { Props } from "./wire.ts";

/** Inline policy of a user: the server's IAM service evaluates it on every request, conditions included. */
export const userPolicy: ResourceType = {
  token: "aws:iam/userPolicy:UserPolicy",
  inputs: ["name", "namePrefix", "policy", "user"],
  replaceOn: ["name", "namePrefix", "user"],
  autoName: { property: "name", prefix: "namePrefix", maxLength: 128 },
  documents: ["policy"],

  async create(aws, inputs) {
    const name = String(inputs.name ?? uniqueName(inputs.namePrefix));
    const id = `${inputs.user}:${name}`;
    await step(`creating IAM User Policy (${id})`, () =>
      putUserPolicy(aws, String(inputs.user), name, String(inputs.policy)),
    );
    return { id, outputs: { user: inputs.user, name, policy: inputs.policy } };
  },

  async read(aws, id, _state, inputs) {
    const [userName, name] = split(id);
    const policy = await step(`reading IAM User Policy (${id})`, () => getUserPolicy(aws, userName, name));
    if (policy === undefined) return undefined;
    const current: Props = { ...inputs, user: userName, name, policy };
    const { __defaults, ...outputs } = current;
    return { inputs: inputs.namePrefix ? { ...current, name: undefined } : current, outputs };
  },

  async update(aws, id, state, inputs) {
    const [userName, name] = split(id);
    await step(`updating IAM User Policy (${id})`, () => putUserPolicy(aws, userName, name, String(inputs.policy)));
    return { ...state, policy: inputs.policy };
  },

  async delete(aws, id) {
    const [userName, name] = split(id);
    await removal(`deleting IAM User Policy (${id})`, () => deleteUserPolicy(aws, userName, name));
  },
};

/** Names hold no colon. */
function split(id: string): [user: string, name: string] {
  const [userName = "", name = ""] = id.split(":");
  return [userName, name];
}

export function putUserPolicy(aws: Aws, UserName: string, PolicyName: string, PolicyDocument: string) {
  return aws.iam.send(new PutUserPolicyCommand({ UserName, PolicyName, PolicyDocument }));
}

export function deleteUserPolicy(aws: Aws, UserName: string, PolicyName: string) {
  return aws.iam.send(new DeleteUserPolicyCommand({ UserName, PolicyName }));
}

/** Undefined when user or policy is gone. The API percent-encodes the document. */
export async function getUserPolicy(aws: Aws, UserName: string, PolicyName: string): Promise<string | undefined> {
  try {
    const { PolicyDocument = "" } = await aws.iam.send(new GetUserPolicyCommand({ UserName, PolicyName }));
    return decodeURIComponent(PolicyDocument);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
