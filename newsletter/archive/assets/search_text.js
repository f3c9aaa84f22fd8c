// Words, sentences and excerpts: the same as in analysis.py and search_excerpt.py, which explain them.
"use strict";
var searchText = (() => {
  const SIGN = "[\\p{L}\\p{N}\\u0300-\\u036f'’]";
  const CHUNK = new RegExp(`${SIGN}+(?:[-‐‑]${SIGN}+)*`, "gu");
  const PART = new RegExp(`${SIGN}+`, "gu");
  const ACCENT = /[\u0300-\u036f]/g;
  const APOSTROPHE = /(?<=[a-z0-9])(?:n['’]t|['’][a-z]{0,2})$/;
  const LETTERS = { ß: "ss", æ: "ae", œ: "oe", ø: "o", ł: "l", đ: "d", ð: "d", þ: "th", ı: "i" };
  const BETWEEN = /(?:(?<=[.!?…])|(?<=[.!?…]["'”’»)])) (?![a-z])/;
  const TEXTS = "p, li, h2, h3, blockquote, summary, figcaption";
  const NO_TEXTS = ".button, .links, .label, .ask";
  const BEFORE = 12;
  const LONGEST = 36;

  function fold(text) {
    const plain = text.normalize("NFKD").replace(ACCENT, "").toLowerCase();
    return plain.replace(/[ßæœøłđðþı]/g, (letter) => LETTERS[letter]);
  }

  function words(part) {
    return fold(part).replace(APOSTROPHE, "").replace(/['’]/g, "").match(/[a-z0-9]+/g) ?? [];
  }

  const isWord = (word) => word.length >= 2 && word.length < 36;

  function tokens(text) {
    const found = [];
    for (const chunk of text.matchAll(CHUNK)) {
      let joined = "";
      let parts = 0;
      for (const part of chunk[0].matchAll(PART)) {
        const start = chunk.index + part.index;
        for (const word of words(part[0])) {
          joined += word;
          parts += 1;
          if (isWord(word)) {
            found.push({ word, start, end: start + part[0].length, isWhole: false });
          }
        }
      }
      if (parts > 1 && isWord(joined)) {
        const end = chunk.index + chunk[0].length;
        found.push({ word: joined, start: chunk.index, end, isWhole: true });
      }
    }
    return found;
  }

  function sentences(text) {
    const spaced = text.replace(/[ \t\r\n\u00a0]+/g, " ").replace(/^ | $/g, "");
    return spaced.split(BETWEEN).filter(Boolean);
  }

  // The sentences of an issue's page, as search_documents.py has them.
  function sentencesOf(page) {
    const text = page.querySelector("[data-sentences]");
    if (!text) return [];
    for (const space of text.querySelectorAll("br")) space.replaceWith(" ");
    return [...text.querySelectorAll(TEXTS)]
      .filter((one) => !one.querySelector(TEXTS) && !one.closest(NO_TEXTS))
      .flatMap((one) => sentences(one.textContent));
  }

  function marks(text, known) {
    const found = [];
    for (const token of tokens(text)) {
      if (!known.has(token.word)) continue;
      while (found.length && found.at(-1)[0] >= token.start) found.pop();
      found.push([token.start, token.end]);
    }
    return found;
  }

  function value(sentence, known) {
    const found = new Set(tokens(sentence).map((token) => token.word));
    let queryWords = 0;
    let quality = 0;
    for (const word of found) {
      if (!known.has(word)) continue;
      queryWords |= known.get(word).queryWords;
      quality += known.get(word).quality;
    }
    for (let bits = queryWords; bits; bits >>= 1) quality += 1000 * (bits & 1);
    return quality;
  }

  function excerpt(texts, known) {
    let best = "";
    let most = 0;
    for (const text of texts) {
      const one = value(text, known);
      if (one > most) [best, most] = [text, one];
    }
    const parts = best.split(" ");
    if (parts.length <= LONGEST) return best;
    const place = best.slice(0, marks(best, known)[0][0]).split(" ").length - 1;
    const start = Math.min(Math.max(0, place - BEFORE), parts.length - LONGEST);
    const end = start + LONGEST;
    const shown = parts.slice(start, end).join(" ");
    return (start ? "… " : "") + shown + (end < parts.length ? " …" : "");
  }

  return { tokens, sentencesOf, marks, excerpt };
})();
