"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const place = new Map(data.people.map((one, index) => [one.ref, index]));
const wide = window.matchMedia("(min-width: 46.01rem)");
let plain = false;
let shown = null;

const escaped = (value) => value.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
const filled = (pieces, own, as) => pieces.map((p, i) => (i % 2 ? as(own[p] || "") : p)).join("");

function show(index) {
  const one = data.people[index];
  const letter = $("letter");
  document.querySelectorAll("li.here").forEach((li) => li.classList.remove("here"));
  shown = one ? index : null;
  letter.hidden = !one;
  if (!one) return;
  const asText = plain || one.plain;
  $(`r-${one.ref}`).classList.add("here");
  $("to").textContent = one.name ? `To ${one.name}, ${one.email}` : `To ${one.email}`;
  $("frame").hidden = asText;
  $("plain").hidden = !asText;
  $("web").disabled = one.plain;
  $("web").setAttribute("aria-pressed", String(!asText));
  $("text").setAttribute("aria-pressed", String(asText));
  if (asText) {
    $("plain").textContent = filled(data.text, one, (value) => value);
  } else {
    const html = filled(data.html, one, escaped);
    $("frame").srcdoc = html.replace(/<head>/i, '<head><base target="_blank">');
  }
  $("previous").disabled = index === 0;
  $("next").disabled = index === data.people.length - 1;
}

const go = (index) => { location.hash = data.people[index].ref; };
const follow = () => {
  const ref = location.hash.slice(1);
  show(place.has(ref) ? place.get(ref) : wide.matches && !ref ? 0 : -1);
};
$("web").onclick = () => { plain = false; show(shown); };
$("text").onclick = () => { plain = true; show(shown); };
$("narrow").onclick = () => {
  const on = $("frame").classList.toggle("phone");
  $("narrow").setAttribute("aria-pressed", String(on));
};
$("previous").onclick = () => go(shown - 1);
$("next").onclick = () => go(shown + 1);
$("back").onclick = () => { location.hash = "list"; };
$("find").oninput = () => {
  const wanted = $("find").value.trim().toLowerCase();
  for (const li of $("list").children) li.hidden = !li.textContent.toLowerCase().includes(wanted);
};
window.addEventListener("hashchange", follow);
wide.addEventListener("change", follow);
follow();
