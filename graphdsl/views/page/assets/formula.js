// Formulas and numbers as elements: `g_b` gets its index, single letters are set as variables.

const PART = "(?!ᵀ)[\\p{L}_](?:(?!ᵀ)[\\p{L}\\p{Nd}_])*";
const WORD = `${PART}(?:\\.${PART}|\\[\\d+\\](?:_\\d+)?)*`;
const TERM = new RegExp(`\\^(−?(?:${WORD}|[\\d.]+)(?!\\())|(${WORD})`, "gu");

/** A formula's parts: words with their indices, exponents raised, everything else as it is. */
function setFormula(text) {
  const parts = [];
  let behind = 0;
  for (const found of text.matchAll(TERM)) {
    const [term, raised, plain] = found, end = found.index + term.length;
    parts.push(text.slice(behind, found.index));
    if (raised) parts.push(make("sup", {}, ...setFormula(raised)));
    else parts.push(text[end] === "(" ? plain : setWord(plain));  // the name of a function
    behind = end;
  }
  parts.push(text.slice(behind));
  return parts.filter((part) => part !== "");
}

function setWord(word) {
  const [base, ...rest] = word.split("_");
  const isLetter = [...base].length === 1;
  if (!base || !rest.length || !rest.join("")) return isLetter ? make("var", {}, word) : word;
  const index = make("sub", {}, rest.join("_"));
  return make("span", { class: "word" }, isLetter ? make("var", {}, base) : base, index);
}

/** All that is known of a value: the number, the rows of a small tensor, a large one's summary. */
function setValue(value) {
  const parts = [];
  if (value.full !== undefined) parts.push(make("p", { class: "number" }, value.full));
  if (value.rows) parts.push(setRows(value.rows));
  if (value.bins) parts.push(setHistogram(value));
  if (value.facts) {
    parts.push(make("dl", { class: "facts" }, ...Object.entries(value.facts).flatMap(
      ([name, fact]) => [make("dt", {}, name), make("dd", {}, fact)],
    )));
  }
  return make("div", { class: "value-box" }, ...parts);
}

/** A matrix; of a tensor of higher rank each row carries its index. */
function setRows({ cells, labels }) {
  const rows = cells.map((row, at) => make("tr", {},
    labels ? make("th", { scope: "row" }, labels[at]) : null,
    ...row.map((cell) => make("td", {}, cell))));
  return make("div", { class: "rows", tabindex: 0, role: "group", "aria-label": "Elements" },
    make("table", { class: labels ? "labelled" : "matrix" }, make("tbody", {}, ...rows)));
}

/** How the elements of a large tensor are spread between the smallest and the largest. */
function setHistogram({ bins, facts }) {
  const most = Math.max(...bins, 1), width = 8;
  const bars = bins.map((count, at) => draw("rect", {
    x: at * width, width: width - 1, y: 40 - (38 * count) / most, height: 2 + (38 * count) / most,
  }));
  return draw("svg", {
    class: "histogram", viewBox: `0 0 ${bins.length * width} 42`, role: "img",
    "aria-label": `Histogram from ${facts.smallest} to ${facts.largest}`,
  }, ...bars);
}
