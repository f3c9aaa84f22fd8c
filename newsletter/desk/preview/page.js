// The page: what is chosen, what the server says, and what keys do.
import { openFix, setUpProof } from "./dialogs.js";
import * as frames from "./frames.js";
import * as panes from "./panes.js";

const $ = (id) => document.getElementById(id);
const address = new URL(location.href);
const chosen = {
  issue: address.searchParams.get("issue") || document.querySelector("meta[name=first-issue]").content,
  subscriber: address.searchParams.get("subscriber") || "anna",
  pane: "letter",
  device: "both",
  isDark: false,
  images: "local",
};
const REMOTE = /<img\b[^>]*\ssrc="https?:/gi;
let view = null;
let shown = null;
let stream = null;
let asked = 0;
let next = 0;

function say(text, isStopped = false) {
  $("status").textContent = text;
  $("status").classList.toggle("stopped", isStopped);
}

const stopped = () => say("The preview has stopped. Start newsletter preview again.", true);

async function load() {
  const number = ++asked;
  const query = new URLSearchParams({ issue: chosen.issue, subscriber: chosen.subscriber });
  let fresh;
  try {
    const response = await fetch(`view?${query}`);
    if (!response.ok) {
      say((await response.text()).trim(), true);
      return;
    }
    fresh = await response.json();
  } catch {
    stopped();
    return;
  }
  if (number !== asked) return; // a newer answer is on its way
  show(fresh);
}

function show(fresh) {
  const isFirst = view === null;
  view = fresh;
  const isOther = shown !== view.issue;
  shown = view.issue;
  if (view.issue && view.issue !== chosen.issue) {
    chosen.issue = view.issue; // its file was renamed
    listen();
  }
  showChoices();
  showProblem();
  if (view.letter) {
    view.local = view.letter.pictures.reduce(
      (html, name) => html.replaceAll(view.media + name, `media/${name}`), view.letter.html);
    frames.showLetter(view.local, { isOther });
  } else {
    frames.clear();
  }
  $("nothing").hidden = view.letter !== null;
  refresh();
  panes.showFindings(view, openLine);
  panes.showFile(view);
  panes.showText(view.letter);
  panes.showSource(view.letter);
  panes.showInbox(view.letter);
  panes.showSize(view.letter);
  if (isOther) next = 0;
  say(`${isFirst ? "Read" : "Updated"} ${new Date().toLocaleTimeString("en-GB")}`);
  const subject = view.letter ? view.letter.subject : view.issue || "no issue";
  document.title = `${view.problem ? "Error: " : ""}${subject} (preview)`;
}

function showProblem() {
  const { problem } = view;
  $("problem").hidden = problem === null;
  if (!problem) return;
  const put = (id, text) => { if ($(id).textContent !== text) $(id).textContent = text; };
  const ended = (text) => (/(^|[.?!])$/.test(text) ? text : `${text}.`);
  const several = /^\d+ errors, /.test(problem.sentence);
  put("problem-sentence", `${several ? "" : "Error: "}${ended(problem.sentence)}`);
  put("problem-hint", ended(problem.hint));
  put("problem-stale", view.letter ? `Below is the last letter without ${several ? "these errors" : "this error"}.` : "");
}

function showChoices() {
  const groups = new Map();
  for (const one of view.issues) groups.set(one.state, [...(groups.get(one.state) || []), one]);
  const order = ["draft", "scheduled", "without a date", "past"];
  const titles = { draft: "Drafts", scheduled: "Scheduled", past: "Past", "without a date": "Without a date" };
  const made = order.filter((state) => groups.has(state)).map((state) => {
    const group = document.createElement("optgroup");
    group.label = titles[state];
    group.append(...groups.get(state).map((one) => new Option(one.issue, one.issue)));
    return group;
  });
  const known = view.issues.some((one) => one.issue === chosen.issue);
  if (!known && chosen.issue) made.unshift(new Option(chosen.issue, chosen.issue));
  fill($("issue"), made, chosen.issue);
  fill($("subscriber"), view.subscribers.map((one) => new Option(one.label, one.id)), chosen.subscriber);
}

// Leaves an open list alone when nothing in it changed.
function fill(select, items, value) {
  const now = items.map((one) => one.outerHTML).join("");
  if (select.dataset.items !== now) {
    select.dataset.items = now;
    select.replaceChildren(...items);
  }
  select.value = value;
}

function listen() {
  if (stream) stream.close();
  stream = null;
  remember();
  if (document.hidden) return; // a browser allows few connections, so only seen pages keep one
  stream = new EventSource(`events?${new URLSearchParams({ issue: chosen.issue })}`);
  stream.onmessage = (event) => {
    if (!view || Number(event.data) !== view.version || $("status").classList.contains("stopped")) load();
  };
  stream.onerror = load; // says why
}

function remember() {
  address.searchParams.set("issue", chosen.issue);
  address.searchParams.set("subscriber", chosen.subscriber);
  history.replaceState(null, "", address);
}

function choose(change) {
  Object.assign(chosen, change);
  if ("issue" in change) listen();
  if ("issue" in change || "subscriber" in change) {
    remember();
    load();
  }
  frames.showImages(chosen.images);
  frames.setDark(chosen.isDark);
  refresh();
}

function refresh() {
  const roomy = frames.hasRoomForBoth();
  document.querySelector("[data-device=both]").hidden = !roomy;
  const device = chosen.device === "both" && !roomy ? "phone" : chosen.device;
  for (const button of $("panes").children) {
    const isOn = button.dataset.pane === chosen.pane;
    button.setAttribute("aria-pressed", String(isOn));
    $(button.dataset.pane).hidden = !isOn;
  }
  for (const button of $("devices").children) {
    button.setAttribute("aria-pressed", String(button.dataset.device === device));
  }
  document.querySelectorAll(".of-letter").forEach((one) => { one.hidden = chosen.pane !== "letter"; });
  const remote = view && view.letter ? (view.local.match(REMOTE) || []).length : 0;
  $("remote-count").textContent = `${remote} ${remote === 1 ? "image is" : "images are"} on the web.`;
  if (!remote || chosen.images !== "local") $("remote").hidden = true;
  $("dark").setAttribute("aria-pressed", String(chosen.isDark));
  $("pictures").setAttribute("aria-pressed", String(chosen.images === "off"));
  frames.arrange(chosen.device);
}

function openLine(line) {
  choose({ pane: "file" });
  panes.goToLine(line);
}

function nextFinding() {
  const here = (view.findings || []).filter((one) => one.path === view.path);
  if (!here.length) return;
  openLine(here[next % here.length].line);
  next = (next + 1) % here.length;
}

function step(select, by, name) {
  const values = [...select.options].map((one) => one.value);
  const value = values[select.selectedIndex + by] ?? (name === "subscriber" ? values[0] : undefined);
  if (value !== undefined) choose({ [name]: value });
}

const keys = {
  1: () => choose({ pane: "letter" }),
  2: () => choose({ pane: "text" }),
  3: () => choose({ pane: "file" }),
  4: () => choose({ pane: "source" }),
  b: () => choose({ device: "both", pane: "letter" }),
  p: () => choose({ device: "phone", pane: "letter" }),
  d: () => choose({ device: "desktop", pane: "letter" }),
  k: () => $("dark").click(),
  i: () => $("pictures").click(),
  s: () => step($("subscriber"), 1, "subscriber"),
  "[": () => step($("issue"), -1, "issue"),
  "]": () => step($("issue"), 1, "issue"),
  n: nextFinding,
  f: () => $("fix").hidden || $("fix").click(),
  m: () => $("to").focus(),
  "?": () => $("help").showModal(),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (document.querySelector("dialog[open]") || !$("keys").checked || !view) return;
  if (event.target.closest && event.target.closest("input, select, textarea")) return;
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

$("panes").addEventListener("click", (event) => {
  if (event.target.dataset.pane) choose({ pane: event.target.dataset.pane });
});
$("devices").addEventListener("click", (event) => {
  if (event.target.dataset.device) choose({ device: event.target.dataset.device });
});
$("dark").addEventListener("click", () => choose({ isDark: !chosen.isDark }));
$("pictures").addEventListener("click", () => choose({ images: chosen.images === "off" ? "local" : "off" }));
$("remote-button").addEventListener("click", () => choose({ images: "remote" }));
$("issue").addEventListener("change", () => choose({ issue: $("issue").value }));
$("subscriber").addEventListener("change", () => choose({ subscriber: $("subscriber").value }));
$("help-button").addEventListener("click", () => $("help").showModal());
$("fix").addEventListener("click", () => openFix(view.issue));
document.addEventListener("keydown", onKey);
frames.onKey(onKey);
setUpProof(() => view.issue);
new ResizeObserver(refresh).observe($("letter"));
document.addEventListener("visibilitychange", () => (document.hidden ? stream && stream.close() : listen()));
frames.showImages(chosen.images);
refresh();
listen();
