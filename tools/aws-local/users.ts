import {
  CreateUserCommand,
  DeleteAccessKeyCommand,
  DeleteUserCommand,
  DeleteUserPolicyCommand,
  GetUserCommand,
  paginateListAccessKeys,
  paginateListUserPolicies,
  TagUserCommand,
  UntagUserCommand,
  UpdateUserCommand,
  type User,
} from "@aws-sdk/client-iam";
import { type Aws, isMissing, removal, step } from "./aws.ts";
import type { ResourceType } from "./resource.ts";
import type { Props } from "./wire.ts";

export const user: ResourceType = {
  token: "aws:iam/user:User",
  inputs: ["name", "path", "forceDestroy", "tags"],
  // AWS can rename a user; here a new name is a new user, because Pulumi's id is the name.
  replaceOn: ["name"],
  autoName: { property: "name", maxLength: 64 },
  defaults: { path: "/", forceDestroy: false },

  async create(aws, inputs) {
    const UserName = String(inputs.name);
    const Tags = tagList(aws.allTags(inputs.tags));
    const created = await step(`creating IAM User (${UserName})`, () =>
      aws.iam.send(new CreateUserCommand({ UserName, Path: String(inputs.path), Tags })),
    );
    return { id: UserName, outputs: outputs(aws, created.User, inputs) };
  },

  async read(aws, id, state, inputs) {
    const found = await step(`reading IAM User (${id})`, () => findUser(aws, id));
    if (!found) return undefined;
    const tags = aws.ownTags(Object.fromEntries((found.Tags ?? []).map(({ Key, Value }) => [Key ?? "", Value ?? ""])));
    const current: Props = {
      forceDestroy: state.forceDestroy ?? false,
      ...inputs,
      name: id,
      path: found.Path,
      tags: Object.keys(tags).length > 0 ? tags : undefined,
    };
    return { inputs: current, outputs: outputs(aws, found, current) };
  },

  async update(aws, id, state, inputs) {
    const what = `updating IAM User (${id})`;
    if (inputs.path !== state.path) {
      await step(what, () => aws.iam.send(new UpdateUserCommand({ UserName: id, NewPath: String(inputs.path) })));
    }
    const wanted = aws.allTags(inputs.tags);
    const dropped = Object.keys((state.tagsAll ?? {}) as object).filter((key) => !(key in wanted));
    if (dropped.length > 0) {
      await step(what, () => aws.iam.send(new UntagUserCommand({ UserName: id, TagKeys: dropped })));
    }
    if (Object.keys(wanted).length > 0) {
      await step(what, () => aws.iam.send(new TagUserCommand({ UserName: id, Tags: tagList(wanted) })));
    }
    return outputs(aws, await step(what, () => findUser(aws, id)), inputs);
  },

  async delete(aws, id, state) {
    if (state.forceDestroy === true) await removal(`emptying IAM User (${id})`, () => strip(aws, id));
    await removal(`deleting IAM User (${id})`, () => aws.iam.send(new DeleteUserCommand({ UserName: id })));
  },
};

function outputs(aws: Aws, found: User | undefined, inputs: Props): Props {
  const { __defaults, ...given } = inputs;
  return { ...given, arn: found?.Arn, uniqueId: found?.UserId, tagsAll: aws.allTags(inputs.tags) };
}

async function findUser(aws: Aws, UserName: string): Promise<User | undefined> {
  try {
    return (await aws.iam.send(new GetUserCommand({ UserName }))).User;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** forceDestroy: keys and policies that no stack knows of go with the user. */
async function strip(aws: Aws, UserName: string): Promise<void> {
  for await (const page of paginateListAccessKeys({ client: aws.iam }, { UserName })) {
    for (const { AccessKeyId } of page.AccessKeyMetadata ?? []) {
      await aws.iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId }));
    }
  }
  for await (const page of paginateListUserPolicies({ client: aws.iam }, { UserName })) {
    for (const PolicyName of page.PolicyNames ?? []) {
      await aws.iam.send(new DeleteUserPolicyCommand({ UserName, PolicyName }));
    }
  }
}

export function tagList(tags: Record<string, string>) {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value: String(Value) }));
}
