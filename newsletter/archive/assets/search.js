// Searching: the same answers as search_query.py and search_relations.py, which explain how.
// The index is a script that calls archiveSearch.open; search_index.py says what is in it.
"use strict";
var archiveSearch = (() => {
  const [PART, LONGEST, MOST] = [4, 200, 8];
  const [SAME, FORM, WHOLE, DERIVED, CORRECTED] = [4, 3, 2, 1, 2];
  const [PAST, VERBAL] = [["te", "ten", "de", "den"], ["t", "d"]];
  const dutch = new DutchStemmer();
  const english = new EnglishStemmer();
  let index;

  function open(file) {
    index = { ...file, words: new Map(), spellings: [], dutch: new Map(), english: new Map() };
    for (const name of ["stop", "before", "prefixes", "short", "endings", "simple"]) {
      index[name] = new Set(file[name]);
    }
    index.irregular = {};
    for (const [language, forms] of Object.entries(file.irregular)) {
      index.irregular[language] = new Map(Object.entries(forms));
    }
    index.postings = file.postings.split(" ");
    index.wholes = relation(file.wholes);
    index.derived = relation(file.derived);
    for (const coded of rows(file.words)) addWord(coded);
  }

  const rows = (coded) => (coded ? coded.split(" ") : []);

  function addWord(coded) {
    const [shared, ...stems] = coded.split(":");
    const number = index.spellings.length;
    const before = index.spellings[number - 1] ?? "";
    const word = before.slice(0, parseInt(shared[0], 36)) + shared.slice(1);
    index.words.set(word, number);
    index.spellings.push(word);
    if (!stems.length) addStem(index.dutch, word, number);
    for (const stem of stems) {
      const [table, at] = stem[0] === "=" ? [index.english, 1] : [index.dutch, 0];
      const kept = word.length - parseInt(stem[at], 36);
      addStem(table, word.slice(0, kept) + stem.slice(at + 1), number);
    }
  }

  function addStem(table, stem, number) {
    const numbers = table.get(stem);
    if (numbers) numbers.push(number);
    else table.set(stem, [number]);
  }

  // Each number is coded as what it is more than the one before it.
  function relation(coded) {
    let number = 0;
    return new Map(rows(coded).map((row) => {
      const [step, ...steps] = row.split(",").map((one) => parseInt(one, 36));
      let other = 0;
      number += step;
      return [number, steps.map((more) => (other += more))];
    }));
  }

  // [issue, weight] of each issue that has a word.
  function postings(number) {
    let issue = -1;
    return [...index.postings[number].matchAll(/([0-9a-z]+)([.A-H])/g)].map(([, skip, weight]) => {
      issue += 1 + parseInt(skip, 36);
      return [issue, ".ABCDEFGH".indexOf(weight) + 1];
    });
  }

  function dutchStem(word) {
    const firstForms = index.irregular.nl;
    let first = firstForms.get(word) ?? word;
    for (let length = 2; length <= 6; length++) {
      const [before, rest] = [word.slice(0, length), word.slice(length)];
      if (index.before.has(before) && firstForms.has(rest)) first = before + firstForms.get(rest);
    }
    return dutch.stemWord(first);
  }

  const englishStem = (word) => english.stemWord(index.irregular.en.get(word) ?? word);

  const without = (word, ending) =>
    word.endsWith(ending) ? word.slice(0, word.length - ending.length) : word;

  function isPart(word) {
    if (index.stop.has(word)) return false;
    return index.short.has(word) || (word.length >= PART && index.words.has(word));
  }

  function firstPart(text, links = ["", ...index.links]) {
    const firsts = links.filter((link) => text.endsWith(link)).map((link) => without(text, link));
    return firsts.find((one) => isPart(one) && !index.prefixes.has(one.slice(0, -1)));
  }

  function cut(word) {
    if (index.simple.has(word)) return [];
    const lasts = [];
    for (let at = word.length - 3; at >= 3; at--) lasts.push(word.slice(at));
    for (const links of [[""], index.links]) {
      for (const last of lasts) {
        if (!isPart(last) || index.endings.has(last)) continue;
        const first = firstPart(without(word, last), links);
        if (first) return [first, last];
      }
    }
    for (const suffix of index.suffixes) {
      const rest = without(word, suffix);
      const first = rest !== word && (firstPart(rest) ?? firstPart(rest + "n"));
      if (first) return [first];
    }
    return [];
  }

  function adjectives(rest) {
    const hard = rest.replace(/z$/, "s").replace(/v$/, "f");
    const vowel = /[^aeiouy]([aeou])[^aeiouy]$/.exec(hard);
    if (!vowel) return [hard];
    return [hard, hard.slice(0, vowel.index + 1) + vowel[1] + hard.slice(vowel.index + 1)];
  }

  function furtherStems(word) {
    const isVerb = (stem) => index.dutch.get(stem).some((one) => index.spellings[one].endsWith("en"));
    const found = [...PAST, ...VERBAL].filter((ending) => {
      const rest = without(word, ending);
      return rest !== word && index.dutch.has(rest) && (PAST.includes(ending) || isVerb(rest));
    }).map((ending) => without(word, ending));
    if (word.endsWith("e")) {
      found.push(...adjectives(word.slice(0, -1)).filter((one) => index.dutch.has(one)));
    }
    return found.filter((stem) => stem.length >= PART);
  }

  function inflected(word, stem) {
    const endings = word.endsWith("en") ? [...PAST, ...VERBAL] : PAST;
    return stem.length >= PART ? endings.map((ending) => stem + ending) : [];
  }

  function matchesOf(word) {
    const found = new Map();
    const add = (number, quality) => found.has(number) || found.set(number, quality);
    const stem = dutchStem(word);
    if (index.words.has(word)) add(index.words.get(word), SAME);
    for (const one of [stem, word, ...furtherStems(word)]) {
      for (const number of index.dutch.get(one) ?? []) add(number, FORM);
    }
    for (const form of inflected(word, stem)) {
      if (index.words.has(form)) add(index.words.get(form), FORM);
    }
    for (const number of index.english.get(englishStem(word)) ?? []) add(number, FORM);
    const related = [...found.keys()];
    for (const [table, quality] of [[index.wholes, WHOLE], [index.derived, DERIVED]]) {
      for (const one of related) for (const number of table.get(one) ?? []) add(number, quality);
    }
    return found;
  }

  function hasBeginning(beginning) {
    let [low, high] = [0, index.spellings.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (index.spellings[middle] < beginning) low = middle + 1;
      else high = middle;
    }
    return low < index.spellings.length && index.spellings[low].startsWith(beginning);
  }

  function editsOf(word) {
    const edits = new Set();
    for (let at = 0; at <= word.length; at++) {
      const [head, tail] = [word.slice(0, at), word.slice(at)];
      for (const letter of "abcdefghijklmnopqrstuvwxyz") {
        edits.add(head + letter + tail);
        if (tail) edits.add(head + letter + tail.slice(1));
      }
      if (tail) edits.add(head + tail.slice(1));
      if (tail.length > 1) edits.add(head + tail[1] + tail[0] + tail.slice(2));
    }
    edits.delete(word);
    return [...edits];
  }

  function corrections(word) {
    if (word.length < 5 || word.length > 24) return [];
    const edits = editsOf(word);
    const known = edits.filter((edit) => index.words.has(edit));
    if (known.length) return known;
    return edits.filter((edit) => hasBeginning(edit.slice(0, Math.max(PART, edit.length - PART))));
  }

  function read(word) {
    const matches = matchesOf(word);
    if (matches.size) return [{ word, matches }];
    for (const correction of corrections(word)) {
      for (const [number, quality] of matchesOf(correction)) {
        const before = matches.get(number) ?? 0;
        matches.set(number, Math.max(1, quality - CORRECTED, before));
      }
    }
    if (matches.size) {
      const rank = ([number, quality]) => [-quality, -postings(number).length, number];
      const [[, , best]] = [...matches].map(rank).sort(byNumbers);
      return [{ word: index.spellings[best], matches, isCorrected: true }];
    }
    const parts = cut(word).map((part) => ({ word: part, matches: matchesOf(part) }));
    return parts.length ? parts : [{ word, matches }];
  }

  function byNumbers(one, other) {
    const place = one.findIndex((number, at) => number !== other[at]);
    return place < 0 ? 0 : one[place] - other[place];
  }

  function queryWords(query) {
    const kept = [];
    for (const token of searchText.tokens(query)) {
      if (token.isWhole) {
        if (!matchesOf(token.word).size) continue;
        while (kept.length && kept.at(-1).start >= token.start) kept.pop();
      }
      kept.push(token);
    }
    const words = [...new Set(kept.map((token) => token.word))];
    const telling = words.filter((word) => !index.stop.has(word));
    return telling.length ? telling : words.filter((word) => index.words.has(word));
  }

  function termsOf(query) {
    const terms = queryWords(query).slice(0, MOST).flatMap(read).slice(0, MOST);
    terms.slice(1).forEach((other, place) => {
      const one = terms[place];
      for (const [number, quality] of matchesOf(one.word + other.word)) {
        for (const { matches } of [one, other]) {
          matches.set(number, Math.max(quality, matches.get(number) ?? 0));
        }
      }
    });
    return terms;
  }

  function scoresOf(matches) {
    const [best, total] = [new Map(), new Map()];
    for (const [number, quality] of matches) {
      for (const [issue, weight] of postings(number)) {
        best.set(issue, Math.max(best.get(issue) ?? 0, quality * weight));
        total.set(issue, (total.get(issue) ?? 0) + quality * weight);
      }
    }
    return new Map([...total].map(([issue, value]) => [issue, value + 3 * best.get(issue)]));
  }

  function search(text, limit) {
    const query = [...text].slice(0, LONGEST).join("");
    const terms = termsOf(query);
    const [matched, totals] = [new Map(), new Map()];
    for (const scores of terms.map((term) => scoresOf(term.matches))) {
      const all = index.entries.length;
      const factor = Math.max(1, Math.floor((10 * all) / (all + 9 * scores.size)));
      for (const [issue, score] of scores) {
        matched.set(issue, (matched.get(issue) ?? 0) + 1);
        totals.set(issue, (totals.get(issue) ?? 0) + score * factor);
      }
    }
    const most = Math.max(0, ...matched.values());
    const least = most === terms.length ? most : 1;
    const best = [...matched.keys()].filter((issue) => matched.get(issue) >= least)
      .map((issue) => [-matched.get(issue), -totals.get(issue), issue]).sort(byNumbers);
    const hits = best.slice(0, limit).map(([, , issue]) => index.entries[issue]);
    const isCorrected = terms.some((term) => term.isCorrected);
    return {
      hits: hits.map(([slug, day, title, preheader]) => ({ slug, day, title, preheader })),
      total: best.length,
      suggestions: best.length ? [] : suggestions(query),
      corrected: isCorrected ? terms.map((term) => term.word).join(" ") : "",
      words: foundWords(terms),
    };
  }

  function foundWords(terms) {
    const found = new Map();
    terms.forEach(({ matches }, place) => {
      for (const [number, quality] of matches) {
        const word = index.spellings[number];
        const before = found.get(word) ?? { queryWords: 0, quality: 0 };
        const queryWords = before.queryWords | (1 << place);
        found.set(word, { queryWords, quality: Math.max(before.quality, quality) });
      }
    });
    return found;
  }

  function pairsOf(text) {
    return searchText.tokens(text).map(({ word }) =>
      new Set([...word].slice(1).map((letter, at) => word[at] + letter)));
  }

  function likeness(one, other) {
    const shared = [...one].filter((pair) => other.has(pair)).length;
    return Math.floor((200 * shared) / (one.size + other.size));
  }

  function suggestions(query) {
    const asked = pairsOf(query);
    const near = index.themes.map(([theme], place) => {
      const alike = pairsOf(theme).flatMap((word) => asked.map((one) => likeness(one, word)));
      return [-Math.max(0, ...alike), place, theme];
    }).filter(([alike]) => alike <= -30).sort(byNumbers);
    const themes = near.length ? near.map(([, , theme]) => theme) : index.themes.map(([theme]) => theme);
    return themes.slice(0, 5);
  }

  return { open, search };
})();
