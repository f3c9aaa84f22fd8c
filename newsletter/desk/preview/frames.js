// The frames in which the letter is shown. A new letter takes the place of the old one in the same
// document, so that nothing flashes and each frame keeps its scroll position.
const WIDTHS = { phone: 375, desktop: 800 };
const GAP = 24;
const BOTH = WIDTHS.phone + GAP + 440;
const stage = document.getElementById("letter");
const frames = Object.keys(WIDTHS).map((name) => document.querySelector(`#${name} iframe`));
const places = new Map(); // of each frame that is loaded: where it was scrolled to before
let html = null;
let images = null;
let listener = () => {};

// The parser is the frame's own: what it makes keeps to the policy of the frame, which allows
// inline styles, and not to that of this page.
function put(frame, place) {
  const view = frame.contentWindow;
  const page = frame.contentDocument;
  const fresh = new view.DOMParser().parseFromString(html, "text/html");
  const base = fresh.createElement("base");
  base.target = "_blank";
  fresh.head.prepend(base);
  if (images === "off") {
    // As mail programs do it: a box as high as its words, not as the picture.
    const calm = fresh.createElement("style");
    calm.textContent = "img { aspect-ratio: auto !important; height: auto !important; min-height: 0 !important }";
    fresh.head.append(calm);
  }
  page.replaceChild(page.adoptNode(fresh.documentElement), page.documentElement);
  view.scrollTo(place.x, place.y);
}

const placeOf = (frame) => ({ x: frame.contentWindow.scrollX, y: frame.contentWindow.scrollY });

export function showLetter(text, { isOther }) {
  html = text;
  for (const frame of frames.filter((one) => places.has(one))) {
    put(frame, isOther ? { x: 0, y: 0 } : placeOf(frame));
  }
}

export function clear() {
  html = null;
}

// Which images load is the policy of the frame's document, so that it is loaded again.
export function showImages(which) {
  if (which === images) return;
  images = which;
  for (const frame of frames) {
    if (places.has(frame)) places.set(frame, placeOf(frame));
    frame.src = `frame?images=${which}`;
  }
}

export function onKey(handler) {
  listener = handler;
}

for (const frame of frames) {
  frame.addEventListener("load", () => {
    if (frame.contentDocument.URL === "about:blank") return;
    const place = places.get(frame) || { x: 0, y: 0 };
    places.set(frame, place);
    if (html !== null) put(frame, place);
    frame.contentDocument.addEventListener("keydown", (event) => listener(event));
  });
}

export function hasRoomForBoth() {
  return room() >= BOTH;
}

function room() {
  const style = getComputedStyle(stage);
  return stage.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
}

// Shows each device in its own width, made smaller where there is no room for it.
export function arrange(device) {
  const width = room();
  const both = device === "both" && hasRoomForBoth();
  const shown = both ? Object.keys(WIDTHS) : [device === "desktop" ? "desktop" : "phone"];
  for (const [index, name] of Object.keys(WIDTHS).entries()) {
    const figure = document.getElementById(name);
    figure.hidden = html === null || !shown.includes(name);
    if (figure.hidden) continue;
    const free = both && name === "desktop" ? width - WIDTHS.phone - GAP : width;
    const scale = Math.min(1, free / WIDTHS[name]);
    const percent = scale === 1 ? "" : `, shown at ${Math.round(scale * 100)}%`;
    figure.querySelector("figcaption span").textContent = `${WIDTHS[name]} px${percent}`;
    const view = figure.querySelector(".window");
    view.style.width = `${WIDTHS[name] * scale}px`;
    const frame = frames[index];
    frame.style.width = `${WIDTHS[name]}px`;
    frame.style.height = `${view.clientHeight / scale}px`;
    frame.style.transform = scale === 1 ? "" : `scale(${scale})`;
  }
}

export function setDark(isDark) {
  stage.classList.toggle("dark", isDark);
}
