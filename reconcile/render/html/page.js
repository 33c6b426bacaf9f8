"use strict";
// Everything foreign becomes a text node by `make`; nothing is ever parsed as markup.
const byId = (id) => document.getElementById(id);
const plan = JSON.parse(byId("plan").textContent);

const FIRST = 150;        // rows shown at once
const NEXT = 300;         // rows added as the end of the list comes near, or in a pause
const PRINTED = 2000;     // rows that are printed at most
const LONGEST = 500;      // characters of a name or reason in a row
const LONGEST_VALUE = 20000;
const EFFECTS = {"+": ["add", "to add"], "~": ["change", "to change"], "-": ["remove", "to remove"]};
const SIGNS = Object.keys(EFFECTS);
const PLAIN_ACTIONS = new Set(["create", "update", "delete"]);
const PAIRS = new Set(["grant", "membership"]);
const STATUS = /^(status|departed)(_|$)/;   // the fields of a user that a sentence stands for
// Control characters, marks that turn the direction of text, and characters without any width.
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

function visible(text, longest = LONGEST) {
  const cut = text.length > longest ? `${text.slice(0, longest)}… (${text.length} characters)` : text;
  return cut.replace(HIDDEN, (char) => {
    const code = char.codePointAt(0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
  });
}

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

const number = (value) => value.toLocaleString("en");
const plural = (kind) => `${kind}s`;
const capitalised = (text) => `${text[0].toUpperCase()}${text.slice(1)}`;

// ---- what stands above the lists

function showHeader() {
  const refused = plan.violations.some((part) => part.refused);
  const accepted = plan.violations.length > 0;
  const [verdict, text] = refused ? ["refused", "Refused by the guards"]
    : accepted ? ["accepted", "Accepted violations"]
    : plan.changes.length ? ["ready", "No violations"] : ["", ""];
  byId("verdict").hidden = !text;
  byId("verdict").className = verdict;
  byId("verdict").textContent = text;
  byId("redacted").hidden = !plan.redacted;
  byId("redacted").textContent = plan.redacted;
  for (const [label, value] of plan.facts) {
    byId("facts").append(make("div", "", make("dt", "", label), make("dd", "", visible(value, 1000))));
  }
  for (const part of plan.violations) {
    const items = part.items.map(([code, detail]) =>
      make("li", "", make("code", "", visible(code, 3000)), visible(detail, 3000)));
    byId("violations").append(make("div", `card ${part.refused ? "refused" : "accepted"}`,
      make("h2", "", visible(part.title, 1000)), make("ul", "", ...items),
      part.refused ? make("p", "note", plan.wayOut) : null));
  }
}

function showChart() {
  const most = Math.max(...plan.chart.map(({numbers}) => numbers[0] + numbers[1] + numbers[2]));
  for (const {kind, numbers} of plan.chart) {
    const track = make("div", "track");
    const counts = make("span", "counts");
    const total = numbers[0] + numbers[1] + numbers[2];
    track.style.width = `${Math.max(2, 100 * total / most)}%`;
    SIGNS.forEach((sign, at) => {
      const [effect, words] = EFFECTS[sign];
      counts.append(make("span", numbers[at] ? effect : "", numbers[at] ? `${sign === "-" ? "−" : sign}${number(numbers[at])}` : ""));
      if (!numbers[at]) return;
      const segment = make("button", effect);
      segment.type = "button";
      segment.style.flexGrow = numbers[at];
      segment.title = `${number(numbers[at])} ${plural(kind)} ${words}`;
      segment.setAttribute("aria-label", `${segment.title}: show only these`);
      segment.addEventListener("click", () => choose({kind, sign}));
      track.append(segment);
    });
    byId("chart").append(make("div", "kind", make("span", "name", plural(kind)), track, counts));
  }
  const table = byId("numbers").querySelector("table");
  for (const cells of plan.numbers) {
    const isHead = cells.slice(1).every((cell) => !/^\d+$/.test(cell));
    table.append(make("tr", "", ...cells.map((cell) => make(isHead ? "th" : "td", "", visible(cell)))));
  }
  byId("numbers").hidden = !plan.numbers.length;
  byId("overview").hidden = !plan.chart.length && !plan.numbers.length;
}

// ---- a change

const place = (item) => (plan.several ? `${item.workspace}/${item.source}` : item.source);

function flat(fields) {
  const values = new Map();
  for (const [name, value] of Object.entries(fields || {})) {
    if (value === null || typeof value !== "object") { values.set(name, value); continue; }
    for (const [inner, text] of Object.entries(value)) {
      values.set(`${name}.${inner}`, name === "groups" && text === "" ? "by hand" : text);
    }
  }
  return values;
}

function differences(change) {
  const before = flat(change.before);
  const after = flat(change.after);
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((name) => [name, before.get(name), after.get(name)])
    .filter(([, old, now]) => old || now);
}

function value(text, className) {
  return text === null || text === undefined || text === ""
    ? make("span", "none", text === "" ? "empty" : "none") : make(className === "before" ? "del" : "ins", className, visible(text, LONGEST_VALUE));
}

function changeBody(change, position) {
  const list = make("dl");
  let status = plan.statuses[position];
  for (const [name, old, now] of differences(change)) {
    if (change.kind === "user" && change.after && STATUS.test(name)) {
      if (status) list.append(make("dt", "", "status"), make("dd", "", visible(status)));
      status = "";
      continue;
    }
    const cell = make("dd");
    if (change.before) cell.append(value(old, "before"));
    if (change.before && change.after) cell.append(make("span", "arrow", " → "));
    if (change.after) cell.append(value(now, "after"));
    list.append(make("dt", "", visible(name)), cell);
  }
  // A row shows its reason already, unless it is long.
  if (change.reason.length > LONGEST) list.append(make("dt", "", "reason"), make("dd", "", visible(change.reason, LONGEST_VALUE)));
  return make("div", "body", list);
}

function changeRow(position) {
  const change = plan.changes[position];
  const sign = plan.signs[position];
  const [effect, words] = EFFECTS[sign];
  const mark = make("span", "sign", sign === "-" ? "−" : sign);
  mark.setAttribute("aria-label", words);
  const action = PLAIN_ACTIONS.has(change.action) ? null : make("span", "tag act", change.action);
  const what = make("span", "what", make("span", "label", change.kind), make("span", "key", visible(change.key)), action);
  const fields = change.before && change.after && !PAIRS.has(change.kind) && PLAIN_ACTIONS.has(change.action)
    ? visible([...flat({...change.before, ...change.after}).keys()].filter((name) => !(change.kind === "user" && STATUS.test(name))).join(", "), 80) : "";
  const status = change.before && plan.statuses[position] ? visible(plan.statuses[position]) : "";
  const why = make("span", "why", visible([fields, status, change.reason].filter(Boolean).join(" · ")));
  const row = make("details", `row ${effect}`, make("summary", "", mark, what, why, make("span", "where", visible(place(change)))));
  row.fill = () => { if (row.childElementCount < 2) row.append(changeBody(change, position)); };
  row.addEventListener("toggle", () => row.open && row.fill());
  return row;
}

// ---- departments, skips, notices

function below(at) {
  const positions = new Set();
  for (let next = at; next < plan.departments.length; next++) {
    if (next > at && plan.departments[next].depth <= plan.departments[at].depth) break;
    for (const position of plan.departments[next].changes) positions.add(position);
  }
  return positions;
}

function departmentRow(at) {
  const node = plan.departments[at];
  const moves = make("span", "moves",
    node.joining ? make("span", "add", `+${number(node.joining)} joining`) : null,
    node.leaving ? make("span", "remove", `−${number(node.leaving)} leaving`) : null);
  const effect = node.sign ? EFFECTS[node.sign][0] : "";
  const row = make("button", `node ${effect}`, make("span", "sign", node.sign === "-" ? "−" : node.sign),
    make("span", "key", visible(node.becomes ? `${node.title} → ${node.becomes}` : node.title)), moves);
  row.type = "button";
  row.style.paddingInlineStart = `${1 + 1.4 * Math.min(node.depth, 12)}rem`;
  row.addEventListener("click", () => { chosen.department = at; open("changes"); });
  return row;
}

function skipRow(at) {
  const skip = plan.skips[at];
  return make("div", "item",
    make("p", "head", make("span", "key", visible(skip.who)), make("code", "", skip.code),
      skip.exists ? make("span", "tag held", "existing user") : null, make("span", "tag", visible(place(skip)))),
    make("p", "", visible(skip.why, 3000)),
    skip.dn ? make("p", "dn mono", visible(skip.dn)) : null,
    plan.remedies[skip.code] && make("p", "remedy", ...plan.remedies[skip.code].split("`").map((part, index) => index % 2 ? make("code", "", part) : part)));
}

function noticeRow(at) {
  const notice = plan.notices[at];
  const where = [notice.place, notice.path].filter(Boolean).join(": ");
  return make("div", "item", make("p", "head", make("code", "", notice.code), make("span", "dn mono", visible(where))),
    make("p", "", visible(notice.text, 3000)));
}

// ---- the lists: which there are, what is chosen of them, and their rows

const everything = (items) => items.map((_, at) => at);
const LISTS = {
  changes: {title: "Changes", items: plan.changes, row: changeRow, text: (change) => `${change.kind} ${change.action} ${change.key} ${change.reason} ${place(change)} ${values(change.before)} ${values(change.after)}`},
  departments: {title: "Departments", items: plan.departments, row: departmentRow, text: (node) => node.title},
  skips: {title: "Skipped", items: plan.skips, row: skipRow, text: (skip) => `${skip.code} ${skip.who} ${skip.dn} ${skip.why} ${place(skip)}`},
  notices: {title: "Notices", items: plan.notices, row: noticeRow, text: (notice) => `${notice.code} ${notice.place} ${notice.path} ${notice.text}`},
};

function values(fields) {
  let text = "";
  for (const [name, field] of flat(fields)) text += `${name} ${field ?? ""} `;
  return text;
}

const chosen = {list: "changes", department: null};
const list = byId("list");
let rows = [];      // what is to be shown: positions, or headings
let at = 0;         // how many of them are in the page
let run = 0;        // an older rendering stops when a newer one begins

function haystack(of) {
  return of.hay ??= of.items.map((item) => of.text(item).toLowerCase());
}

function matching() {
  const of = LISTS[chosen.list];
  const words = byId("text").value.toLowerCase().split(/\s+/).filter(Boolean);
  const hay = words.length ? haystack(of) : null;
  const isWanted = chosen.list === "changes" ? wantedChange() : chosen.list === "skips" ? wantedSource() : () => true;
  return everything(of.items).filter((position) =>
    isWanted(position) && words.every((word) => hay[position].includes(word)));
}

function wantedChange() {
  const [kind, sign, action, source] = ["kind", "sign", "action", "source"].map((id) => byId(id).value);
  const within = chosen.department === null ? null : below(chosen.department);
  return (position) => {
    const change = plan.changes[position];
    return (!kind || change.kind === kind) && (!sign || plan.signs[position] === sign)
      && (!action || change.action === action) && (!source || place(change) === source)
      && (!within || within.has(position));
  };
}

function wantedSource() {
  const source = byId("source").value;
  return (position) => !source || place(plan.skips[position]) === source;
}

const GROUPS = {
  changes: plan.changes.map((change, position) => plan.signs[position] === "-" ? "Losses" : capitalised(plural(change.kind))),
  skips: plan.skips.map((skip) => skip.group),
};

// Losses under a heading of their own, then a heading for each kind; skips by whether they need action. They come in this order.
function grouped(positions) {
  const groups = GROUPS[chosen.list];
  if (!groups) return positions;
  const counts = new Map();
  for (const position of positions) counts.set(groups[position], (counts.get(groups[position]) || 0) + 1);
  const withHeadings = [];
  let last = null;
  for (const position of positions) {
    const name = groups[position];
    if (name !== last) withHeadings.push(`${name}: ${number(counts.get(name))}`);
    last = name;
    withHeadings.push(position);
  }
  return withHeadings;
}

function add(count) {
  const part = document.createDocumentFragment();
  const end = Math.min(at + count, rows.length);
  for (; at < end; at++) {
    part.append(typeof rows[at] === "string"
      ? make("h2", `group${rows[at].startsWith("Losses") ? " remove" : ""}`, rows[at])
      : LISTS[chosen.list].row(rows[at]));
  }
  list.append(part);
  byId("all").hidden = at >= rows.length;
}

function render() {
  run++;
  const of = LISTS[chosen.list];
  const positions = matching();
  rows = grouped(positions);
  at = 0;
  list.replaceChildren();
  add(FIRST);
  if (!rows.length) list.append(make("p", "empty", of.items.length ? "Nothing matches the filter." : "Nothing here."));
  showFilters();
  const total = of.items.length;
  byId("count").textContent = positions.length === total ? `${number(total)} ${of.title.toLowerCase()}`
    : `${number(positions.length)} of ${number(total)} ${of.title.toLowerCase()}`;
}

function whenIdle(action) {
  if (window.requestIdleCallback) requestIdleCallback(action, {timeout: 100}); else setTimeout(action, 20);
}

// In pauses, so that the page can be used meanwhile.
function addAll() {
  const mine = run;
  const next = () => {
    if (mine !== run) return;
    add(NEXT);
    if (at < rows.length) whenIdle(next);
  };
  next();
}

// ---- filters and tabs

function options(id, all, names) {
  const select = byId(id);
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) || 0) + 1);
  select.replaceChildren(new Option(all, ""));
  for (const [name, count] of counts) {
    const words = id === "sign" ? EFFECTS[name][1] : visible(name, 60);
    select.append(new Option(`${words} (${number(count)})`, name));
  }
  select.useful = counts.size > 1;
}

function showFilters() {
  const isChanges = chosen.list === "changes";
  for (const id of ["kind", "sign", "action", "source"]) {
    const select = byId(id);
    const isHere = isChanges || (id === "source" && chosen.list === "skips");
    select.hidden = !isHere || !select.useful;
    select.classList.toggle("set", Boolean(select.value));
  }
  const department = byId("department");
  department.hidden = !isChanges || chosen.department === null;
  if (chosen.department !== null) {
    department.textContent = `In ${visible(plan.departments[chosen.department].title, 60)} ✕`;
    department.setAttribute("aria-label", `Only in ${visible(plan.departments[chosen.department].title, 60)}: show all departments`);
  }
  const isFiltered = byId("text").value || chosen.department !== null
    || ["kind", "sign", "action", "source"].some((id) => byId(id).value);
  byId("clear").hidden = !isFiltered;
}

function clear() {
  byId("filters").reset();
  chosen.department = null;
}

function choose({kind, sign}) {
  clear();
  byId("kind").value = kind;
  byId("sign").value = sign;
  open("changes");
  byId("bar").scrollIntoView({block: "start"});
}

function open(name) {
  chosen.list = name;
  for (const tab of byId("tabs").children) {
    const isChosen = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", isChosen);
    tab.tabIndex = isChosen ? 0 : -1;
  }
  list.setAttribute("aria-labelledby", `tab-${name}`);
  render();
}

function showTabs() {
  for (const [name, {title, items}] of Object.entries(LISTS)) {
    if (!items.length && name !== "changes") continue;
    const tab = make("button", "", title, make("span", "", number(items.length)));
    tab.id = `tab-${name}`;
    tab.type = "button";
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", "list");
    tab.addEventListener("click", () => open(name));
    byId("tabs").append(tab);
  }
}

byId("tabs").addEventListener("keydown", (event) => {
  const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
  if (!step) return;
  const tabs = [...byId("tabs").children];
  const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  next.focus();
  next.click();
});
byId("text").addEventListener("input", render);
for (const select of byId("filters").querySelectorAll("select")) select.addEventListener("change", render);
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("clear").addEventListener("click", (event) => { event.preventDefault(); clear(); render(); });
byId("department").addEventListener("click", () => { chosen.department = null; render(); });
byId("all").addEventListener("click", addAll);
new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && at < rows.length && add(NEXT),
  {rootMargin: "1500px"}).observe(byId("end"));

// ---- keys

const FOCUSABLE = ".row > summary, .node";

function move(step) {
  const current = document.activeElement.closest(".row, .node");
  let next = current ? (step > 0 ? current.nextElementSibling : current.previousElementSibling) : list.firstElementChild;
  while (next && !next.matches(".row, .node")) next = step > 0 ? next.nextElementSibling : next.previousElementSibling;
  if (next) (next.matches(FOCUSABLE) ? next : next.querySelector(FOCUSABLE)).focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = /^(INPUT|SELECT)$/.test(document.activeElement.tagName);
  if (event.key === "Escape" && isTyping) { clear(); render(); document.activeElement.blur(); }
  if (isTyping) return;
  if (event.key === "/") { event.preventDefault(); byId("text").focus(); }
  if (event.key === "j") move(1);
  if (event.key === "k") move(-1);
});

// ---- print: what is filtered, opened

let opened = [];
let counted = "";

function filterInWords() {
  const words = ["kind", "sign", "action", "source"].map((id) => byId(id)).filter((select) => select.value && !select.hidden)
    .map((select) => select.selectedOptions[0].text.replace(/ \([\d,]+\)$/, ""));
  if (chosen.department !== null && chosen.list === "changes") words.push(`in ${visible(plan.departments[chosen.department].title)}`);
  if (byId("text").value) words.push(`“${byId("text").value}”`);
  return words.join(", ");
}

addEventListener("beforeprint", () => {
  counted = byId("count").textContent;
  add(Math.max(0, PRINTED - at));
  opened = [...list.querySelectorAll(".row:not([open])")].slice(0, PRINTED);
  for (const row of opened) { row.fill(); row.open = true; }
  const filter = filterInWords();
  if (filter) byId("count").textContent += `: ${filter}`;
  if (at < rows.length) byId("count").textContent += `; the first ${number(PRINTED)} are printed: filter to print fewer`;
});
addEventListener("afterprint", () => {
  for (const row of opened) row.open = false;
  byId("count").textContent = counted;
});

showHeader();
showChart();
options("kind", "Every kind", plan.changes.map((change) => change.kind));
options("sign", "Every effect", [...plan.signs]);
options("action", "Every action", plan.changes.map((change) => change.action));
options("source", "Every source", [...plan.changes, ...plan.skips].map(place));
list.classList.toggle("alone", !byId("source").useful);
showTabs();
byId("lists").hidden = Object.values(LISTS).every(({items}) => !items.length);
byId("keys").hidden = byId("lists").hidden;
open(plan.changes.length || !plan.skips.length ? "changes" : "skips");
performance.mark("rows");
whenIdle(() => haystack(LISTS.changes));
