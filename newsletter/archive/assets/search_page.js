// The search form of the static archive, which does what the app does at /issues/search.
//
// Forms with role="search" are shown: without scripts they would do nothing. They lead to a page with
//   <section data-search-index="search-index.js" data-issue="SLUG.html">
// where SLUG stands for that of an issue. In it is what will be shown, all of it hidden: elements
// with data-search="hits" (its only child is a hit: an a, a time and a p), "corrected" (a b is for the
// words), "none" (an li with an a is for a theme) and "failed". The page of an issue has its
// sentences in the element with data-sentences.
"use strict";
(() => {
  const HITS = 10;

  // A page from a disk may not read another one: then its preheader is shown.
  async function excerptOf(hit, address, words) {
    if (location.protocol === "file:") return hit.preheader;
    try {
      const answer = await fetch(address);
      const page = new DOMParser().parseFromString(answer.ok ? await answer.text() : "", "text/html");
      return searchText.excerpt(searchText.sentencesOf(page), words) || hit.preheader;
    } catch {
      return hit.preheader;
    }
  }

  function mark(element, text, words) {
    let last = 0;
    element.replaceChildren();
    for (const [start, end] of searchText.marks(text, words)) {
      const marked = document.createElement("mark");
      marked.textContent = text.slice(start, end);
      element.append(text.slice(last, start), marked);
      last = end;
    }
    element.append(text.slice(last));
  }

  function itemOf(model, hit, address, words) {
    const item = model.cloneNode(true);
    const [link, time, excerpt] = ["a", "time", "p"].map((name) => item.querySelector(name));
    link.href = address.replace("SLUG", encodeURIComponent(hit.slug));
    mark(link, hit.title, words);
    time.dateTime = hit.day;
    time.textContent = new Date(hit.day).toLocaleDateString(document.documentElement.lang, {
      day: "numeric", month: "long", year: "numeric", timeZone: "UTC",
    });
    excerptOf(hit, link.href, words).then((text) => mark(excerpt, text, words));
    return item;
  }

  function suggestionOf(model, theme) {
    const item = model.cloneNode(true);
    const link = item.querySelector("a");
    link.textContent = theme;
    link.href = `?${new URLSearchParams({ q: theme })}`;
    return item;
  }

  function show(section, answer) {
    const [hits, corrected, none] = ["hits", "corrected", "none"].map((name) =>
      section.querySelector(`[data-search="${name}"]`));
    corrected.querySelector("b").textContent = answer.corrected;
    corrected.hidden = !answer.corrected;
    const model = hits.firstElementChild;
    hits.replaceChildren(...answer.hits.map((hit) =>
      itemOf(model, hit, section.dataset.issue, answer.words)));
    hits.hidden = !answer.hits.length;
    const theme = none.querySelector("li");
    theme.parentElement.replaceChildren(...answer.suggestions.map((one) => suggestionOf(theme, one)));
    none.hidden = answer.hits.length > 0;
  }

  const forms = document.querySelectorAll('form[role="search"]');
  for (const form of forms) form.hidden = false;
  const section = document.querySelector("[data-search-index]");
  const query = new URLSearchParams(location.search).get("q");
  if (!section || query === null) return;
  for (const form of forms) form.elements.q.value = query;
  const index = document.createElement("script");
  index.src = section.dataset.searchIndex;
  index.onload = () => show(section, archiveSearch.search(query, HITS));
  index.onerror = () => { section.querySelector('[data-search="failed"]').hidden = false; };
  document.head.append(index);
})();
