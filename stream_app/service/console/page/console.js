// The page's one script. Every value from a record becomes a text node (put, below); the page's policy forbids markup
// from strings (trusted-types 'none'). Rows are changed in place, so that focus and reading position stay.
"use strict";

const MOST_ROWS = 500;
const SAY_EVERY = 10000; // ms between two announcements to a screen reader
const CALM = 40; // changes in one event up to which new rows are tinted
const NOT_TOLD = new Set([
  "schemaVersion", "incidentId", "revision", "activity", "incidentStatus", "incidentTitle", "incidentFirstSeen",
  "incidentLastSeen", "count", "incidentCount", "eventType", "eventSeverity", "eventSeverityCat", "ruleId", "ruleName",
  "phIncidentCategory", "phSubIncidentCategory", "attackTactic", "attackTechnique", "phCustId", "incidentSrc",
  "incidentTarget", "incidentDetail", "triggeringEventList", "incidentClearedTime", "mergedInto",
]);

const $ = (id) => document.getElementById(id);
const rows = new Map(); // id -> {row, line}
const body = $("rows");
const dialog = $("detail");

// ---- text -----------------------------------------------------------------------------------------------------

// What does not print, turns the direction of writing, or looks like nothing: spelt out, so that it can be seen.
const STRANGE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0]|[^\S ]/gu;

function put(element, value, lines = false) {
  const text = String(value);
  const pieces = [];
  let from = 0;
  for (const found of text.matchAll(STRANGE)) {
    if (lines && (found[0] === "\n" || found[0] === "\t")) continue;
    if (found.index > from) pieces.push(text.slice(from, found.index));
    const code = "U+" + found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    pieces.push(make("span", "strange", code));
    from = found.index + found[0].length;
  }
  if (from < text.length) pieces.push(text.slice(from));
  element.classList.add("value");
  element.replaceChildren(...pieces);
  return element;
}

function make(name, kind, text) {
  const element = document.createElement(name);
  if (kind) element.className = kind;
  if (text !== undefined) element.textContent = text;
  return element;
}

const told = (name, kind, value, lines) => put(make(name, kind), value, lines);
const number = (value) => (value === null || value === undefined ? "?" : value.toLocaleString("en"));

function clock(ms) {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? String(ms) : time.toISOString().slice(11, 19);
}

function day(ms) {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? "" : time.toISOString().slice(0, 10);
}

function moment(ms) { // the day only where it is not today's
  return day(ms) === day(Date.now()) ? clock(ms) : `${day(ms).slice(5)} ${clock(ms)}`;
}

function exact(ms) {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? String(ms) : time.toISOString().replace("T", " ");
}

function took(ms) {
  if (ms === null || ms === undefined) return "–";
  return ms < 10000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

// ---- the list -------------------------------------------------------------------------------------------------

function category(row) {
  return ["HIGH", "MEDIUM", "LOW"].includes(row.category) ? row.category : "LOW";
}

function lineOf(row) {
  const line = $("row").content.firstElementChild.cloneNode(true);
  line.dataset.id = row.id;
  const [severity, what, host, count, first, last, status] = line.children;
  const tag = severity.appendChild(make("span"));
  return { row: null, line, tag, title: what.children[0], rule: what.children[1], what: what.children[2],
    host, count, first, last, status: status.appendChild(make("span")) };
}

function fill(one, row) {
  const before = one.row;
  one.row = row;
  if (!before || before.category !== row.category || before.severity !== row.severity) {
    one.tag.className = `tag ${category(row)}`;
    one.tag.textContent = `${category(row)} ${row.severity}`;
  }
  if (!before || before.title !== row.title) put(one.title, row.title || row.rule);
  if (!before || before.host !== row.host) { put(one.host, row.host || "–"); put(one.rule, row.host || row.rule); }
  if (!before || before.what !== row.what) put(one.what, row.what);
  if (!before || before.count !== row.count) one.count.textContent = number(row.count);
  if (!before || before.first !== row.first) one.first.textContent = moment(row.first);
  if (!before || before.last !== row.last) one.last.textContent = moment(row.last);
  if (!before || before.status !== row.status) {
    one.status.textContent = row.status;
    one.status.className = row.status === "open" ? "status-open" : "status-cleared";
  }
}

const newer = (a, b) => a.placed - b.placed || (a.id < b.id ? -1 : 1);

function insert(one) {
  let next = body.firstElementChild;
  while (next && newer(rows.get(next.dataset.id).row, one.row) > 0) next = next.nextElementSibling;
  body.insertBefore(one.line, next);
}

function remove(id) {
  const one = rows.get(id);
  if (!one) return;
  if (one.line.contains(document.activeElement)) move(one.line, one.line.nextElementSibling ? 1 : -1);
  one.line.remove();
  rows.delete(id);
}

function whole(list) {
  const focused = document.activeElement && document.activeElement.closest("#rows tr");
  const at = focused ? focused.dataset.id : null;
  const kept = new Set(list.map((row) => row.id));
  for (const id of [...rows.keys()]) if (!kept.has(id)) rows.delete(id);
  for (const row of list) {
    if (!rows.has(row.id)) rows.set(row.id, lineOf(row));
    fill(rows.get(row.id), row);
  }
  body.replaceChildren(...list.map((row) => rows.get(row.id).line));
  if (at) (rows.has(at) ? rows.get(at).title : $("list")).focus({ preventScroll: true });
}

function changed(event) {
  for (const id of event.gone) remove(id);
  const calm = event.rows.length <= CALM;
  for (const row of event.rows) { // the oldest first
    let one = rows.get(row.id);
    if (one && one.row.placed === row.placed) {
      news(row, one.row);
      fill(one, row);
    } else {
      if (one) remove(row.id);
      one = lineOf(row);
      fill(one, row);
      insert(one);
      rows.set(row.id, one);
      news(row, null);
    }
    one.line.classList.toggle("fresh", calm);
    if (open && open.id === row.id) refresh();
  }
  while (rows.size > MOST_ROWS) remove(body.lastElementChild.dataset.id);
}

let matching = 0;
let folded = 0;
let state = {};
let held = 0; // changes that came while the list was held

function summarise() {
  const shown = rows.size < matching ? `newest ${number(rows.size)} of ${number(matching)} incidents` : `${number(matching)} incident${matching === 1 ? "" : "s"}`;
  const parts = [shown];
  if (paused) parts.unshift(`HELD: ${number(held)} changes wait`);
  if (state.behind > 0) parts.push(`reading what was before: ${number(state.behind)} records to go`);
  if (folded >= CALM) parts.push(`${number(folded)} changes of the last seconds folded into newer ones`);
  if (state.forgotten) parts.push(`${number(state.forgotten)} older ones are not held any more`);
  if (state.unread) parts.push(`${number(state.unread)} records are no incidents`);
  $("summary").textContent = parts.join(" · ");
  $("empty").hidden = rows.size > 0;
}

// ---- keyboard -------------------------------------------------------------------------------------------------

function move(line, steps) {
  let to = line;
  for (let left = Math.abs(steps); left > 0; left -= 1) {
    const next = steps > 0 ? to.nextElementSibling : to.previousElementSibling;
    if (!next) break;
    to = next;
  }
  if (to && rows.has(to.dataset.id)) rows.get(to.dataset.id).title.focus();
}

body.addEventListener("keydown", (event) => {
  const line = event.target.closest("tr");
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -MOST_ROWS, End: MOST_ROWS }[event.key];
  if (line && steps && !event.ctrlKey && !event.altKey && !event.metaKey) {
    event.preventDefault();
    move(line, steps);
  }
});

$("list").addEventListener("keydown", (event) => {
  if (event.target === $("list") && event.key === "ArrowDown" && body.firstElementChild) {
    event.preventDefault();
    rows.get(body.firstElementChild.dataset.id).title.focus();
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !dialog.open && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
    event.preventDefault();
    form.elements.text.focus();
  }
});

body.addEventListener("click", (event) => {
  const line = event.target.closest("tr");
  if (line && !String(getSelection())) show(line.dataset.id);
});

// ---- what is said to a screen reader: at most a sentence each ten seconds ---------------------------------------

const unsaid = { created: 0, cleared: 0, newest: null };

function news(row, before) {
  if (!before && row.activity === "create") { unsaid.created += 1; unsaid.newest = row; }
  if (row.status === "cleared" && (!before || before.status !== "cleared")) unsaid.cleared += 1;
}

setInterval(() => {
  if (!unsaid.created && !unsaid.cleared) return;
  const parts = [];
  if (unsaid.created) parts.push(`${unsaid.created} new`);
  if (unsaid.cleared) parts.push(`${unsaid.cleared} cleared`);
  const newest = unsaid.newest ? `. Newest: ${category(unsaid.newest)}, ${unsaid.newest.title}${unsaid.newest.host ? " on " + unsaid.newest.host : ""}` : "";
  put($("said"), parts.join(", ") + newest);
  Object.assign(unsaid, { created: 0, cleared: 0, newest: null });
}, SAY_EVERY);

// ---- filters and the stream -----------------------------------------------------------------------------------

const form = $("filters");
let source = null;
let paused = false;

function wanted() {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value.trim()) query.set(name, value.trim());
  return query;
}

function link(word, how) {
  $("link").dataset.state = how;
  $("link-word").textContent = word;
}

function connect() {
  if (source) source.close();
  const query = wanted();
  history.replaceState(null, "", query.size ? `/?${query}` : "/");
  const mine = source = new EventSource(`/events?${query}`);
  link("connecting", "waiting");
  const on = (kind, handle) => mine.addEventListener(kind, (event) => { if (mine === source) handle(JSON.parse(event.data)); });
  on("list", (event) => {
    if (paused) { held += event.rows.length + event.gone.length + event.folded; summarise(); return; }
    if (event.whole) whole(event.rows); else changed(event);
    matching = event.matching;
    folded += event.folded;
    summarise();
    link("live", "live");
  });
  on("state", (event) => { state = event; trouble(); summarise(); });
  on("history", (event) => { points.splice(0, points.length, ...event); draw(); });
  on("figures", (event) => { latest = event; points.push(event.point); draw(); });
  on("rules", (event) => { for (const each of event) count(each); listRules(); });
  mine.onerror = () => {
    if (mine !== source) return;
    link("no connection to the console, trying again", "lost");
    if (mine.readyState === EventSource.CLOSED) setTimeout(() => { if (mine === source) again(); }, 1000);
  };
}

async function again() { // the stream was refused: log in again, or try again
  try {
    if ((await fetch("/api/state")).status === 401) { location.reload(); return; }
  } catch { /* no console: below */ }
  connect();
}

let since = null;
function trouble() {
  const box = $("trouble");
  if (state.trouble) {
    since = since || state.now;
    put(box, `${state.trouble[0].toUpperCase()}${state.trouble.slice(1)}. What you see is as of ${clock(since)} UTC; it goes on by itself.`);
    box.hidden = false;
  } else {
    since = null;
    box.hidden = true;
  }
}

// A browser has six connections to a console for all of its pages: one that nobody looks at gives its own back.
let asleep = 0;
document.addEventListener("visibilitychange", () => {
  clearTimeout(asleep);
  if (document.hidden) {
    asleep = setTimeout(() => { source.close(); link("asleep while hidden", "waiting"); }, 60000);
  } else if (source && source.readyState === EventSource.CLOSED) {
    connect();
  }
});

let typing = 0;
form.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(connect, 250); });
form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(typing); connect(); });
form.addEventListener("reset", () => setTimeout(connect, 0));
$("pause").addEventListener("click", () => {
  paused = !paused;
  held = 0;
  $("pause").setAttribute("aria-pressed", String(paused));
  $("pause").textContent = paused ? "Go on" : "Hold";
  if (paused) summarise(); else connect();
});
setInterval(() => { folded = 0; }, SAY_EVERY);
setInterval(() => { $("clock").textContent = clock(Date.now()); }, 1000);

// ---- the detail -----------------------------------------------------------------------------------------------

let open = null; // {id, parts: {name: element that is filled when it is opened}}
let refreshing = 0;

async function ask(path) {
  const answer = await fetch(path);
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw new Error((await answer.text()).trim() || String(answer.status));
  return answer.json();
}

async function show(id) {
  open = { id };
  const fields = make("div");
  const all = make("details");
  all.append(make("summary", "", "All fields"), make("div"));
  $("d-body").replaceChildren(fields, later("evidence", "Evidence: the records behind it", evidence), later("explanation", "Why: what the rule says of these records", explanation), all);
  Object.assign(open, { fields, all: all.lastElementChild });
  const known = rows.get(id);
  put($("d-title"), known ? known.row.title : id);
  if (!dialog.open) dialog.showModal();
  $("d-title").focus();
  $("d-body").scrollTop = 0;
  await fields_();
}

async function fields_() {
  const mine = open;
  try {
    const record = await ask(`/api/incidents/${encodeURIComponent(mine.id)}`);
    if (mine !== open) return;
    mine.fields.replaceChildren(...facts(record));
    mine.all.replaceChildren(list(Object.entries(record)));
  } catch (error) {
    if (mine === open) mine.fields.replaceChildren(told("p", "note", error.message));
  }
}

function refresh() { // the incident that is shown has changed: once a second is enough
  if (!refreshing) refreshing = setTimeout(() => { refreshing = 0; if (open) fields_(); }, 1000);
}

function list(pairs) {
  const dl = make("dl");
  for (const [name, value, kind] of pairs) {
    dl.append(told("dt", "", name), told("dd", kind, Array.isArray(value) ? value.join(", ") : value));
  }
  return dl;
}

function facts(record) {
  const cleared = record.incidentClearedTime;
  const span = `${exact(record.incidentFirstSeen)} to ${exact(record.incidentLastSeen)}`;
  const pairs = [
    ["severity", `${record.eventSeverityCat} ${record.eventSeverity}`],
    ["status", record.mergedInto ? `cleared, now part of ${record.mergedInto}` : cleared ? `cleared since ${exact(cleared)}` : "open"],
    ["seen", span],
    ["count", `${number(record.count)} trigger${record.count === 1 ? "" : "s"} of ${number(record.incidentCount)} event${record.incidentCount === 1 ? "" : "s"}`],
    ["rule", `${record.ruleName} (${record.ruleId})`],
    ["category", [record.phIncidentCategory, record.phSubIncidentCategory].filter(Boolean).join(", ")],
    ["ATT&CK", [...(record.attackTactic || []), ...(record.attackTechnique || [])].join(", ")],
  ];
  const own = Object.entries(record).filter(([name]) => !NOT_TOLD.has(name));
  return [list(pairs.filter(([, value]) => value)), make("h3", "", "Attributes"), own.length ? list(own) : make("p", "note", "none")];
}

function later(what, title, draw_) {
  const box = make("details");
  const inside = make("div");
  box.append(make("summary", "", title), inside);
  box.addEventListener("toggle", async () => {
    if (!box.open || inside.dataset.asked) return;
    inside.dataset.asked = "yes";
    const mine = open;
    const wait = make("p", "note", "reading …");
    wait.setAttribute("role", "status");
    inside.replaceChildren(wait);
    try {
      const found = await ask(`/api/incidents/${encodeURIComponent(mine.id)}/${what}`);
      inside.replaceChildren(...draw_(found));
    } catch (error) {
      delete inside.dataset.asked; // closed and opened, it is asked again
      inside.replaceChildren(told("p", "note", error.message));
    }
  });
  return box;
}

function evidence(found) {
  if (!found.length) return [make("p", "note", "It names no records.")];
  return found.flatMap((each) => {
    const head = told("h3", "", each.place);
    if (each.unread) return [head, told("p", "note", each.unread)];
    const about = `${exact(each.timestamp)}, ${number(each.size)} bytes${each.whole ? "" : ", of which the beginning is shown"}`;
    const text = told("pre", "", pretty(each.text), true);
    text.tabIndex = 0;
    return [head, make("p", "note", about), text];
  });
}

function pretty(text) { // JSON gets lines; nothing is parsed, so that no key, number or escape is lost or changed
  if (!/^\s*[[{]/.test(text)) return text;
  let out = "";
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\[^])*"|[{}[\],]|[^"{}[\],]+|"/g)) {
    const line = (by) => { depth = Math.max(0, depth + by); return `\n${"  ".repeat(Math.min(depth, 20))}`; };
    if (token === "{" || token === "[") out += token + line(1);
    else if (token === "}" || token === "]") out += line(-1) + token;
    else if (token === ",") out += token + line(0);
    else out += token.startsWith('"') ? token : token.replace(/^\s+/, (space) => (/\n\s*$/.test(out) ? "" : space));
  }
  return out;
}

const word = (holds) => make("span", holds ? "yes" : "no", holds ? "true" : "false");
const values = (map) => Object.entries(map || {}).map(([name, value]) => `${name} ${value === null ? "absent" : value}`).join(", ");

function explanation(found) {
  return found.filter((each) => each.matches || each.unread || (each.patterns || []).length).flatMap((each) => {
    const head = told("h3", "", `${each.place}: ${each.unread ? "cannot be read: " + each.unread : each.matches ? "matches" : "no match"}`);
    const tree = make("ul", "tree");
    for (const pattern of each.patterns || []) {
      const item = make("li");
      item.append(told("span", "code", pattern.name), ": ", word(pattern.holds), branch([pattern.filter]));
      if (pattern.holds) item.append(told("span", "seen", `group: ${values(pattern.group) || "nothing"}`));
      tree.append(item);
    }
    return [head, tree, ...(each.standings || []).flatMap(standing)];
  });
}

function branch(parts) {
  const tree = make("ul");
  for (const part of parts) {
    const item = make("li");
    if (part.asked) item.append(word(part.holds), " ", told("code", "", part.joins || part.text));
    else item.append(told("span", "note", `not asked: ${part.text}`));
    for (const seen of part.seen || []) {
      const value = seen.value === null || seen.value === undefined ? "is absent" : `is ${seen.value}${seen.misread ? `, which is not ${seen.misread}` : ""}`;
      item.append(told("span", "seen", `${seen.name} ${value}`));
    }
    if (part.member) item.append(told("span", "seen", `is ${part.member}`));
    if (part.asked && part.parts) item.append(branch(part.parts));
    tree.append(item);
  }
  return tree;
}

function standing(one) {
  const lines = [`${one.verdict}: ${number(one.count)} event${one.count === 1 ? "" : "s"} of this evidence in the window of ${(one.end - one.begin) / 1000} s up to ${exact(one.end)}`];
  const groups = [one.group, ...(one.patterns || []).flatMap((each) => each.groups || [])].filter(Boolean);
  for (const group of groups) lines.push(`${group.constraint} is ${group.holds}: ${values(group.measures)}`);
  for (const way of one.ways || []) if (way.missing && way.missing.length) lines.push(`missing: ${way.missing.join(", ")}`);
  for (const exception of one.exceptions || []) if (exception.holds) lines.push(`exception ${exception.place}: ${exception.reason}`);
  return lines.map((line) => told("p", "note", line));
}

dialog.addEventListener("close", () => { // back to the row, which may have gone meanwhile
  const id = open && open.id;
  open = null;
  if (id && rows.has(id)) rows.get(id).title.focus(); else $("list").focus();
});
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
$("close").addEventListener("click", () => dialog.close());

// ---- charts ---------------------------------------------------------------------------------------------------

const POINTS = 300; // as many as the console keeps, fifteen minutes
const points = [];
let latest = null;

function draw() {
  if (points.length > POINTS) points.splice(0, points.length - POINTS);
  const topics = latest ? Object.keys(latest.point.lag) : [];
  const now = latest ? latest.point : null;
  chart($("lag"), "lag", topics.map((topic, at) => ({
    name: at === 0 ? "records" : "matches", title: topic, values: points.map((point) => point.lag[topic] ?? null),
    now: now ? number(now.lag[topic]) : "?",
  })), number);
  const late = latest ? latest.latency : {};
  chart($("latency"), "latency", [
    { name: "p50", values: points.map((point) => point.p50), now: took(late.p50) },
    { name: "p99", values: points.map((point) => point.p99), now: took(late.p99) },
  ], took);
  chart($("rate"), "rate", [{ name: "now", values: points.map((point) => point.rate), now: now ? number(now.rate) : "?" }], number);
  if (latest) partitions(latest.partitions);
}

function chart(box, what, series, say) {
  const known = series.flatMap((each) => each.values).filter((value) => value !== null);
  const most = Math.max(1, ...known);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${POINTS} 44`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  const minutes = points.length > 1 ? Math.round((points[points.length - 1].at - points[0].at) / 60000) : 0;
  svg.setAttribute("aria-label", `${what} over ${minutes} minutes: ${series.map((each) => `${each.name} ${each.now}`).join(", ")}, at most ${known.length ? say(Math.max(...known)) : "unknown"}`);
  series.forEach((each, at) => {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    let d = "";
    let pen = "M";
    each.values.forEach((value, x) => {
      if (value === null) { pen = "M"; return; }
      d += `${pen}${POINTS - each.values.length + x} ${(42 - (value / most) * 40).toFixed(1)}`;
      if (pen === "M") d += "h.01"; // a lone point is a dot
      pen = "L";
    });
    path.setAttribute("d", d || "M0 0");
    path.setAttribute("class", at ? "two" : "one");
    svg.append(path);
  });
  const numbers = make("p", "numbers");
  series.forEach((each, at) => {
    const one = make("span");
    one.append(make("span", series.length > 1 ? (at ? "key two" : "key one") : "", `${each.name} `), make("b", "", each.now));
    if (each.title) one.title = each.title;
    numbers.append(one);
  });
  numbers.append(make("span", "most", known.length ? `most ${say(Math.max(...known))}` : "nothing yet"));
  box.replaceChildren(svg, numbers);
}

function partitions(lags) {
  const table = make("table");
  table.append(make("caption", "sr", "Lag by topic and partition"));
  const head = make("tr");
  for (const each of ["Topic", "Partition", "Lag"]) head.append(Object.assign(make("th", each === "Topic" ? "" : "n", each), { scope: "col" }));
  table.append(make("thead"));
  table.tHead.append(head);
  const rows_ = table.appendChild(make("tbody"));
  for (const [topic, by] of Object.entries(lags)) {
    for (const [partition, lag] of Object.entries(by)) {
      const line = make("tr");
      line.append(told("td", "", topic), make("td", "n", partition), make("td", "n", number(lag)));
      rows_.append(line);
    }
  }
  $("partitions").replaceChildren(table);
}

// ---- rules ----------------------------------------------------------------------------------------------------

const MOST_RULES = 200; // that are listed at a time
const rules = new Map();
let listing = 0;

function count(each) {
  rules.set(each.rule, { ...(rules.get(each.rule) || { name: "", enabled: null }), ...each });
}

function listRules() { // once a second is enough
  if (!listing) listing = setTimeout(() => { listing = 0; rulesNow(); }, 1000);
}

function rulesNow() {
  if ($("rules").contains(document.activeElement)) { listRules(); return; } // nothing moves under the keyboard
  const asked = $("find").value.trim().toLowerCase();
  const all = [...rules.values()];
  const found = all.filter((each) => !asked || `${each.name} ${each.rule}`.toLowerCase().includes(asked));
  found.sort((a, b) => (b.last ?? -1) - (a.last ?? -1) || (a.name || a.rule).localeCompare(b.name || b.rule));
  $("rules").replaceChildren(...found.slice(0, MOST_RULES).map((each) => {
    const line = make("tr");
    const name = make("td");
    const button = told("button", "open", each.name || each.rule);
    button.type = "button";
    button.title = `show only ${each.rule}`;
    button.addEventListener("click", () => { choose(each.rule); });
    name.append(button);
    const aside = each.enabled === false ? " off" : each.enabled === null ? " not in the folder" : "";
    if (aside) name.append(make("span", "note", aside));
    line.append(name, make("td", "n", number(each.open)), make("td", "n", number(each.incidents)), make("td", "n", each.last === null ? "never" : moment(each.last)));
    return line;
  }));
  const never = all.filter((each) => each.last === null).length;
  const more = found.length > MOST_RULES ? `, the first ${MOST_RULES} are listed` : "";
  $("rules-count").textContent = `${number(all.length)}, ${number(never)} of them not fired yet${more}`;
}

function choose(rule) {
  const select = form.elements.rule;
  if (![...select.options].some((each) => each.value === rule)) select.append(option(rule));
  select.value = rule;
  connect();
  select.focus();
}

function option(rule) {
  const one = rules.get(rule);
  const choice = put(make("option"), (one && one.name) || rule);
  choice.textContent = choice.textContent;
  choice.value = rule;
  return choice;
}

async function readRules() {
  try {
    const found = await ask("/api/rules");
    for (const each of found.rules) count(each);
    put($("rules-trouble"), found.trouble ? `The rules cannot be read; those before are shown. ${found.trouble}` : "");
    $("rules-trouble").hidden = !found.trouble;
    const select = form.elements.rule;
    const chosen = select.value || new URLSearchParams(location.search).get("rule") || "";
    const names = [...rules.values()].sort((a, b) => (a.name || a.rule).localeCompare(b.name || b.rule));
    if (names.length !== select.options.length - 1 && document.activeElement !== select) {
      select.replaceChildren(select.options[0], ...names.map((each) => option(each.rule)));
      select.value = chosen;
    }
    listRules();
  } catch { /* the stream says when the console is away */ }
}

$("find").addEventListener("input", rulesNow);
setInterval(readRules, 30000);

// ---- begin ----------------------------------------------------------------------------------------------------

(async () => {
  const given = new URLSearchParams(location.search);
  await readRules();
  for (const [name, value] of given) if (form.elements[name]) form.elements[name].value = value;
  connect();
})();
