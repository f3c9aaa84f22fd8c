// What is shown beside the letter: the file with its findings, the text, the source, the inbox.
const $ = (id) => document.getElementById(id);

export function element(name, text = "", className = "") {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function keepScroll(box, change) {
  const { scrollTop, scrollLeft } = box;
  change();
  box.scrollTo({ top: scrollTop, left: scrollLeft, behavior: "instant" });
}

// Where a sentence begins with a letter, it begins with a capital here.
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const fix = $("fix");

const ofFile = (view, finding) => finding.path === view.path;

export function showFindings(view, open) {
  const found = view.findings || [];
  $("findings-title").textContent = found.length ? `Findings (${found.length})` : "Findings";
  $("findings-none").hidden = found.length > 0 || !view.issue || view.problem !== null;
  const hasFocus = document.activeElement === fix;
  const fixable = found.filter((finding) => finding.fixable);
  $("findings").after(fix);
  $("findings").replaceChildren(...found.map((finding) => {
    const item = element("li", "", finding.severity);
    const here = ofFile(view, finding);
    const link = element(here ? "a" : "div");
    const where = here ? `Line ${finding.line}` : finding.path;
    link.append(element("b", `${where}, ${finding.severity} `), element("code", finding.rule));
    link.append(element("span", capital(finding.message)), element("span", finding.fix, "advice"));
    if (here) {
      link.href = `#line-${finding.line}`;
      link.addEventListener("click", (event) => {
        event.preventDefault();
        open(finding.line);
      });
    }
    item.append(link);
    if (finding.fixable && fixable.length > 1) link.append(element("span", "Can be fixed by the button below.", "advice"));
    if (finding.fixable && fixable.length === 1) item.append(fix);
    return item;
  }));
  fix.hidden = fixable.length === 0;
  fix.textContent = `Fix ${fixable.length === 1 ? "this" : `these ${fixable.length}`} …`;
  if (hasFocus) fix.focus();
}

export function showFile(view) {
  const by = new Map();
  for (const finding of (view.findings || []).filter((one) => ofFile(view, one))) {
    by.set(finding.line, [...(by.get(finding.line) || []), finding]);
  }
  const worst = (all) => ["error", "warning", "hint"].find((kind) => all.some((one) => one.severity === kind));
  $("path").textContent = view.path || "";
  keepScroll($("lines"), () => {
    $("lines").replaceChildren(...(view.source || "").split(/\r\n|\r|\n/).map((text, index) => {
      const item = element("li");
      item.id = `line-${index + 1}`;
      item.tabIndex = -1;
      item.append(element("span", String(index + 1), "number"), element("code", text || " "));
      const said = by.get(index + 1) || [];
      if (said.length) item.className = worst(said);
      said.forEach((one) => item.append(element("span", `${capital(one.severity)}: ${one.message}`, "said")));
      return item;
    }));
  });
}

export function goToLine(line) {
  document.querySelectorAll("#lines .here").forEach((one) => one.classList.remove("here"));
  const item = $(`line-${line}`) || $("lines").lastElementChild;
  if (!item) return;
  item.classList.add("here");
  item.focus({ preventScroll: true });
  item.scrollIntoView({ block: "nearest" });
}

export function showText(letter) {
  keepScroll($("plain"), () => { $("plain").textContent = letter ? letter.text : ""; });
}

export function showSource(letter) {
  keepScroll(document.querySelector(".scroller"), () => {
    $("headers").tBodies[0].replaceChildren(...(letter ? letter.headers : []).map(([name, value]) => {
      const row = element("tr");
      const head = element("th", name);
      head.scope = "row";
      row.append(head, element("td", value));
      return row;
    }));
    $("markup").textContent = letter ? letter.html : "";
    $("email").textContent = letter ? letter.source : "";
  });
}

export function showInbox(letter) {
  const from = letter ? letter.sender.replace(/\s*<[^>]*>$/, "").replace(/^"(.*)"$/, "$1") : "";
  $("inbox").replaceChildren(...(letter ? letter.inbox : []).map((line) => {
    const item = element("li");
    item.append(element("small", line.program), element("span", from, "from"));
    item.append(element("span", line.subject, "subject"), element("span", line.preheader, "words"));
    return item;
  }));
}

export function showSize(letter) {
  const kb = (bytes) => `${(bytes / 1000).toFixed(1).replace(/\.0$/, "")} KB`;
  const meter = $("size");
  meter.hidden = !letter;
  $("size-text").textContent = "";
  if (!letter) return;
  meter.max = letter.limit;
  meter.high = letter.limit * 0.6;
  meter.value = letter.size;
  $("size-text").textContent = `${kb(letter.size)} of HTML. Gmail hides what is beyond ${kb(letter.limit)}.`;
}
