import type { World } from "../world/world.ts";
import type { TemplateValues } from "./create-request.ts";

/** The template a create names; null when it names none, undefined when there is no such template. */
export function findTemplate(
  world: World,
  hashId: string | null | undefined,
  id: number | null | undefined,
): TemplateValues | null | undefined {
  if (!hashId && !id) return null;
  for (const template of world.templates.values()) {
    if (template.hashId !== hashId && template.id !== id) continue;
    return { ...template, image: template.tag ? `${template.image}:${template.tag}` : template.image };
  }
  return undefined;
}
