import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { AdminContext } from "../app.ts";
import { overview } from "./overview.ts";

/**
 * The page itself holds no data and needs no token: its script asks /admin/overview with the one in the URL's
 * fragment, which browsers keep to themselves.
 */
export function registerPage({ app, world, api }: AdminContext): void {
  const { html, contentSecurityPolicy } = assemble();
  app.get("/", (c) =>
    c.html(html, 200, {
      "content-security-policy": contentSecurityPolicy,
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    }),
  );
  app.get("/admin/overview", (c) =>
    c.json(
      overview(world, api, {
        instances: { text: c.req.query("filter") ?? "", destroyed: c.req.query("destroyed") === "1" },
        events: { market: c.req.query("market") === "1" },
      }),
    ),
  );
}

/** One document out of three files, so that it works offline and each of them can be checked as what it is. */
function assemble(): { html: string; contentSecurityPolicy: string } {
  const style = read("page.css");
  const script = read("page.js");
  const html = read("page.html")
    .replace("<style></style>", () => `<style>${style}</style>`)
    .replace('<script type="module"></script>', () => `<script type="module">${script}</script>`);
  // Labels are other people's text: even if one got past the escaping, nothing but this script would run.
  const contentSecurityPolicy = [
    "default-src 'none'",
    `style-src '${hash(style)}'`,
    `script-src '${hash(script)}'`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return { html, contentSecurityPolicy };
}

function read(name: string): string {
  return readFileSync(new URL(name, import.meta.url), "utf8");
}

function hash(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
