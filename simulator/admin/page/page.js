const POLL_MS = 1000;
const ANSWER_TIMEOUT_MS = 30_000;
const SPEEDS = [1, 10, 60, 300, 600, 3600, 21_600, 86_400];

const $ = (selector, within = document) => within.querySelector(selector);
const count = (value) => value.toLocaleString("en-US");
const cents = (usd) => `$${usd.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
const mills = (usd) => `$${usd.toLocaleString("en-US", { minimumFractionDigits: 3, maximumFractionDigits: 3 })}`;
const dollars = (usd) => usd.toFixed(2);
const dateTime = (at) => new Date(at * 1000).toISOString().slice(0, 19).replace("T", " ");

function duration(seconds) {
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [Math.floor(seconds) % 60, "s"],
  ];
  const first = Math.max(
    0,
    parts.findIndex(([value]) => value > 0),
  );
  const shown = seconds < 1 ? [[0, "s"]] : parts.slice(first, first + 2);
  return shown.map(([value, unit]) => `${value}${unit}`).join(" ");
}

/** Strings become text nodes: nothing that came from the API is ever read as markup. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const text = (className, content) => element("span", { class: className }, String(content));

const TONES = {
  running: "good",
  accepted: "busy",
  loading: "busy",
  created: "busy",
  rebooting: "busy",
  recycling: "busy",
  outbid: "warn",
  "waiting for GPU": "warn",
  frozen: "warn",
  offline: "bad",
  unknown: "bad",
};

function statusCell({ status, gpuFault }) {
  const shown = element("span", { class: "status", "data-tone": TONES[status] }, status);
  return gpuFault ? [shown, element("br"), text("bad", `GPU ${gpuFault}`)] : [shown];
}

function shareBar({ gpusRented, gpus }) {
  const bar = element("span", { class: "bar" });
  bar.style.setProperty("--share", `${Math.round((100 * gpusRented) / gpus)}%`);
  return bar;
}

const alarm = (value, className) => (value > 0 ? [text(className, count(value))] : ["0"]);
const number = { class: "number" };
const fixed = { class: "fixed" };

/** Columns of each table: name, attributes of its cells, and what a row shows there. The first one names the row. */
const TABLES = {
  instances: {
    key: (row) => row.id,
    none: "No instances.",
    columns: [
      [
        "Instance",
        { "data-wide": "" },
        (row) => [text("label", row.label ?? "(no label)"), " ", text("quiet", row.id)],
      ],
      ["Status", {}, statusCell],
      ["GPU", { "data-name": "GPU" }, (row) => [row.gpu, ...(row.isBid ? [" ", text("quiet", "bid")] : [])]],
      ["Machine", { "data-name": "Machine" }, (row) => [String(row.machineId)]],
      ["$/h", { "data-name": "$/h", ...number }, (row) => [mills(row.dphNow)]],
      ["Uptime", { "data-name": "Uptime", ...number }, (row) => [row.uptimeS === null ? "–" : duration(row.uptimeS)]],
      ["Cost", { "data-name": "Cost", ...number }, (row) => [mills(row.costUsd)]],
      ["Message", { "data-full": "" }, messageCell],
    ],
  },
  events: {
    key: (row) => row.sequence,
    none: "Nothing has happened yet.",
    columns: [
      ["Time", fixed, (row) => [dateTime(row.at).slice(5)]],
      ["Event", { class: "word" }, (row) => [row.kind]],
      ["About", {}, (row) => [text("", row.subject), " ", text("quiet", row.text)]],
    ],
  },
  market: {
    key: (row) => row.gpu,
    none: "No offers.",
    columns: [
      ["GPU", { class: "word" }, (row) => [row.gpu]],
      ["Open offers", number, (row) => [`${count(row.open)}/${count(row.offers)}`]],
      ["GPUs rented", number, (row) => [`${count(row.gpusRented)}/${count(row.gpus)}`, shareBar(row)]],
      ["Online", number, onlineCell],
      ["$/h per GPU", number, (row) => [row.lowest === null ? "–" : `${dollars(row.lowest)}–${dollars(row.highest)}`]],
    ],
  },
  requests: {
    key: (row) => row.route,
    none: "No requests yet.",
    columns: [
      ["Endpoint", {}, (row) => [row.route]],
      ["Calls", number, (row) => [count(row.calls)]],
      ["429", number, (row) => alarm(row.limited, "warn")],
      ["4xx", number, (row) => [count(row.refused)]],
      ["5xx, cut", number, (row) => alarm(row.failed, "bad")],
      ["ms", number, (row) => [(row.totalMs / row.calls).toFixed(1)]],
    ],
  },
  bill: {
    key: (row) => row.name,
    none: "",
    columns: [
      ["For", {}, (row) => [text(row.name === "Total" ? "total" : "", row.name)]],
      ["USD", number, (row) => [text(row.name === "Total" ? "total" : "", mills(row.usd))]],
    ],
  },
  accounts: {
    key: (row) => row.id,
    none: "No accounts.",
    columns: [
      ["Account", {}, (row) => [row.username || String(row.id)]],
      ["Credit", number, (row) => [row.credit < 0 ? text("bad", cents(row.credit)) : cents(row.credit)]],
      ["Spent", number, (row) => [cents(row.spent)]],
      ["$/h", number, (row) => [mills(row.dphNow)]],
    ],
  },
  volumes: {
    key: (row) => row.id,
    none: "No volumes.",
    columns: [
      ["Volume", {}, (row) => [text("label", row.label ?? `V.${row.id}`), " ", text("quiet", row.id)]],
      ["GB", number, (row) => [count(row.sizeGb)]],
      ["On", {}, (row) => [row.instances.length > 0 ? row.instances.join(", ") : `machine ${row.machineId}`]],
      ["$/h", number, (row) => [mills(row.dphNow)]],
      ["Cost", number, (row) => [mills(row.costUsd)]],
    ],
  },
  faults: {
    key: (row) => row.id,
    none: "None are set.",
    columns: [
      ["Fault", fixed, (row) => [text("quiet", row.id), " ", row.kind]],
      ["Where", {}, (row) => [row.endpoint, " ", text("quiet", faultDetail(row))]],
      ["Struck", number, (row) => [row.times === null ? count(row.struck) : `${row.struck} of ${row.times}`]],
    ],
  },
};

/** What a running instance says is always the same; of the others it is worth reading. */
function messageCell({ message, status }) {
  if (!message) return [];
  const className = status === "running" ? "quiet one-line" : "whole";
  return [element("span", { class: className, title: message }, message)];
}

function onlineCell({ machinesOnline, machines }) {
  const share = `${count(machinesOnline)}/${count(machines)}`;
  return [machinesOnline < machines ? text("warn", share) : share];
}

function faultDetail({ match, status, seconds, probability }) {
  const details = Object.entries(match ?? {}).map(([name, value]) => `${name} ${value}`);
  if (status !== undefined) details.push(`status ${status}`);
  if (seconds !== undefined) details.push(`${seconds} s`);
  if (probability < 1) details.push(`${Math.round(probability * 100)} % of the time`);
  return details.join(", ");
}

// Roles are spelled out because the phone's layout changes what the rows are displayed as.
function prepareTable(name) {
  const table = $(`#${name} table`);
  const heads = TABLES[name].columns.map(([head, { class: className }]) =>
    element("th", { scope: "col", role: "columnheader", class: className }, head),
  );
  table.setAttribute("role", "table");
  table.setAttribute("aria-labelledby", `${name}-title`);
  table.append(
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...heads)),
    element("tbody", { role: "rowgroup" }),
  );
}

function tableRow(columns, row) {
  const cells = columns.map(([, attributes, cell], index) => {
    const [tag, scope, role] = index === 0 ? ["th", "row", "rowheader"] : ["td", undefined, "cell"];
    return element(tag, { scope, role, ...attributes }, ...cell(row));
  });
  return element("tr", { role: "row" }, ...cells);
}

/** Changes only what differs, so that a selection, the focus and the scroll position stay. */
function showTable(name, rows, note = "") {
  const { columns, key, none } = TABLES[name];
  const body = $(`#${name} tbody`);
  setText($(`#${name} small`), note);
  const before = new Map([...body.children].map((line) => [line.dataset.key, line]));
  const wanted = rows.map((row) => {
    const line = tableRow(columns, row);
    line.dataset.key = key(row);
    return line;
  });
  if (rows.length === 0 && none) {
    const cell = element("td", { colspan: columns.length, class: "quiet", role: "cell", "data-full": "" }, none);
    wanted.push(element("tr", { role: "row", "data-key": "none" }, cell));
  }
  const kept = new Set();
  for (const [index, line] of wanted.entries()) {
    const old = before.get(line.dataset.key);
    const shown = old ?? line;
    kept.add(shown);
    if (old) updateCells(old, line);
    if (body.children[index] !== shown) body.insertBefore(shown, body.children[index] ?? null);
  }
  for (const line of before.values()) if (!kept.has(line)) line.remove();
}

function updateCells(old, line) {
  const cells = [...line.children];
  for (const [index, cell] of [...old.children].entries()) {
    if (!cell.isEqualNode(cells[index])) cell.replaceWith(cells[index]);
  }
}

function setText(target, content) {
  if (target.textContent !== content) target.textContent = content;
}

function showClock({ now, speed, paused, pendingEvents, nextEventAt }) {
  setText($("#now"), `${dateTime(now)} UTC`);
  $("#now").dateTime = new Date(now * 1000).toISOString();
  const next = nextEventAt === null ? "nothing is due" : `next event in ${duration(Math.max(0, nextEventAt - now))}`;
  setText($("#pace"), `${paused ? "paused" : `running ×${count(speed)}`} · ${next}, ${count(pendingEvents)} planned`);
  setText($("#pause"), paused ? "Resume" : "Pause");
  $("#pause").dataset.order = paused ? "resume" : "pause";
  const select = $("#speed");
  if (document.activeElement === select) return;
  const speeds = SPEEDS.includes(speed) ? SPEEDS : [...SPEEDS, speed].sort((a, b) => a - b);
  if (select.options.length !== speeds.length || select.value !== String(speed)) {
    select.replaceChildren(...speeds.map((value) => element("option", { value }, `×${count(value)}`)));
    select.value = String(speed);
  }
}

const total = (rows, field) => rows.reduce((sum, row) => sum + row[field], 0);

function showSummary({ accounts, bill, market, instances, requests, faults }) {
  const { running = 0, ...others } = instances.byStatus;
  const [machines, online] = [total(market, "machines"), total(market, "machinesOnline")];
  const [gpus, rented] = [total(market, "gpus"), total(market, "gpusRented")];
  const calls = total(requests, "calls");
  const states = Object.entries(others).map(([status, instancesThere]) => `${count(instancesThere)} ${status}`);
  const figures = [
    ["Spent", cents(bill.totalUsd), `${mills(total(accounts, "dphNow"))}/h now`],
    ["Credit", cents(total(accounts, "credit")), accounts.length === 1 ? "1 account" : `${accounts.length} accounts`],
    ["Instances", `${count(running)} running`, states.join(", ") || "none in another state"],
    ["Machines", `${count(online)} online`, `${count(machines - online)} offline`],
    ["Open offers", count(total(market, "open")), `of ${count(total(market, "offers"))}`],
    ["GPUs rented", `${Math.round((100 * rented) / Math.max(1, gpus))} %`, `${count(rented)} of ${count(gpus)}`],
    [
      "Requests",
      count(calls),
      `${count(total(requests, "limited"))} × 429, ${count(total(requests, "failed"))} failed`,
    ],
    ["Faults", `${faults.length} set`, `struck ${count(total(faults, "struck"))} times`],
  ];
  const boxes = figures.map(([name, figure, detail]) =>
    element("div", {}, element("dt", {}, name), element("dd", { class: "figure" }, figure), element("dd", {}, detail)),
  );
  const list = $("#summary");
  if (list.children.length === 0) list.append(...boxes);
  else for (const [index, box] of boxes.entries()) updateCells(list.children[index], box);
  document.title = `${count(running)} running · vast-simulator`;
}

const ITEMS = { gpu: "Compute", disk: "Disk", volume: "Volumes", bwu: "Upload", bwd: "Download" };

function show(view) {
  const { instances, volumes, market, requests, bill } = view;
  showClock(view.clock);
  showSummary(view);
  const part = instances.found > instances.rows.length ? `the newest ${instances.rows.length} of ` : "";
  showTable("instances", instances.rows, `${part}${count(instances.found)}`);
  showTable("events", view.events);
  showTable("market", market, `${market.length} GPU models`);
  showTable("requests", requests, `${requests.length} endpoints`);
  const items = Object.entries(ITEMS).map(([kind, name]) => ({ name, usd: bill.byKind[kind] }));
  showTable("bill", [...items, { name: "Total", usd: bill.totalUsd }]);
  showTable("accounts", view.accounts);
  showTable("volumes", volumes.rows, count(volumes.total));
  showTable("faults", view.faults);
}

const token = () => new URLSearchParams(location.hash.slice(1)).get("token");

class WrongToken extends Error {}

async function ask(path, order) {
  const headers = { authorization: `Bearer ${token()}` };
  const question = { headers, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) };
  const answer = await fetch(path, order ? { headers, method: "POST", body: JSON.stringify(order) } : question);
  if (answer.status === 401) throw new WrongToken();
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error);
  return body;
}

function query() {
  return new URLSearchParams({
    filter: $("#filter").value,
    destroyed: $("#destroyed").checked ? "1" : "0",
    market: $("#market-events").checked ? "1" : "0",
  });
}

let timer;
let asking = false;
let askAgain = false;
/** Why the last order was not carried out: stays until one is. */
let refusal = "";

/** One question at a time; the next one a second after its answer, so that a busy simulator is not pressed. */
async function refresh() {
  clearTimeout(timer);
  if (asking) {
    askAgain = true;
    return;
  }
  asking = true;
  const goOn = token() ? await look() : signIn("");
  asking = false;
  if (askAgain) {
    askAgain = false;
    void refresh();
  } else if (goOn && !document.hidden) {
    timer = setTimeout(refresh, POLL_MS);
  }
}

/** Answers whether to look again. */
async function look() {
  try {
    show(await ask(`/admin/overview?${query()}`));
    setVisible(true);
    setText($("#notice"), refusal);
    return true;
  } catch (error) {
    if (error instanceof WrongToken) return signIn("This is not the admin token of this simulator.");
    setText($("#notice"), `The simulator does not answer (${error.message}). Trying again …`);
    return true;
  }
}

function signIn(why) {
  setVisible(false);
  setText($("#notice"), why);
  return false;
}

function setVisible(signedIn) {
  $("main").hidden = !signedIn;
  $("#clock").hidden = !signedIn;
  $("#sign-in").hidden = signedIn;
}

let orders = Promise.resolve();

/** One after the other: a step over weeks takes its time, and its buttons stay where the keyboard's focus is. */
function order(clock) {
  const controls = $(".controls");
  controls.ariaBusy = "true";
  const turn = orders.then(() => carryOut(clock));
  orders = turn;
  void turn.then(() => {
    if (orders === turn) controls.ariaBusy = "false";
  });
}

async function carryOut(clock) {
  try {
    await ask("/admin/clock", clock);
    refusal = "";
  } catch (error) {
    refusal = error.message;
  }
  await refresh();
}

for (const name of Object.keys(TABLES)) prepareTable(name);
$("#pause").addEventListener("click", ({ target }) => order({ [target.dataset.order]: true }));
$("#jump").addEventListener("click", () => order({ jump: true }));
$("#speed").addEventListener("change", ({ target }) => order({ speed: Number(target.value) }));
for (const button of document.querySelectorAll("[data-step]")) {
  button.addEventListener("click", () => order({ step: Number(button.dataset.step) }));
}
for (const control of ["#filter", "#destroyed", "#market-events"]) $(control).addEventListener("input", refresh);
$("#sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  location.hash = new URLSearchParams({ token: $("#token").value }).toString();
  void refresh();
});
addEventListener("hashchange", refresh);
document.addEventListener("visibilitychange", refresh);
void refresh();
