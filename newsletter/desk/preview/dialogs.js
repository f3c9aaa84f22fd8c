// What the buttons do that change something: fix the file, send a proof. Each POST holds the token.
import { element } from "./panes.js";

const $ = (id) => document.getElementById(id);
const token = document.querySelector("meta[name=post-token]").content;

async function ask(path, body) {
  try {
    const response = await fetch(path, body && {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Preview-Token": token },
      body: JSON.stringify(body),
    });
    const type = response.headers.get("Content-Type") || "";
    if (type.startsWith("application/json")) return await response.json();
    return { sentence: (await response.text()).trim() };
  } catch {
    return { sentence: "The preview has stopped.", hint: "Start newsletter preview again" };
  }
}

function report(place, answer) {
  const failed = answer.done === undefined;
  place.classList.toggle("failed", failed);
  place.textContent = failed ? [answer.sentence, answer.hint].filter(Boolean).join(". ") : answer.done;
}

let proposed = null;

export async function openFix(issue) {
  const answer = await ask(`fix?issue=${encodeURIComponent(issue)}`);
  proposed = answer.difference ? { issue, hash: answer.hash } : null;
  $("write").hidden = !proposed;
  $("difference").replaceChildren(...(answer.difference || "").split("\n").map((line, index) => {
    const kinds = { "+": "added", "-": "removed", "@": "place" };
    // The first two lines name the file.
    return element("span", line || " ", index < 2 ? "place" : kinds[line[0]] || "");
  }));
  if (answer.difference) $("fixing-result").textContent = "";
  else report($("fixing-result"), answer);
  $("fixing").showModal();
}

$("write").addEventListener("click", async () => {
  $("write").disabled = true;
  const answer = await ask("fix", proposed);
  $("write").disabled = false;
  $("write").hidden = true;
  report($("fixing-result"), answer);
  if (answer.done !== undefined) $("fixing").close();
});

export function setUpProof(issue) {
  $("proof").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!$("to").value.trim()) {
      report($("proof-result"), { sentence: "Write an address first" });
      $("to").focus();
      return;
    }
    $("send").disabled = true;
    $("proof-result").classList.remove("failed");
    $("proof-result").textContent = "Sending …";
    report($("proof-result"), await ask("proof", { issue: issue(), to: $("to").value.trim() }));
    $("send").disabled = false;
  });
}
