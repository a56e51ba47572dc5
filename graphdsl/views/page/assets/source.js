// The text of the model beside the drawing: one listing for each file, the line at work marked.

const TOKENS = /(#.*$)|("[^"]*")|\b(\d[\d_.]*(?:e[+-]?\d+)?)\b|([\p{L}_][\p{L}\p{N}_]*)/gu;

class Listing {
  constructor(files, keywords) {
    this.files = files;
    this.keywords = new Set(keywords);
    this.lists = new Map();
    this.marked = [];
  }

  /** Show a file with lines marked: those at work first, and those selected. */
  show(file, line, selected) {
    if (!this.files.length) return;
    const at = file ?? this.shown ?? 0, list = this.listOf(at);
    if (this.shown !== at) {
      this.shown = at;
      byId("listing").replaceChildren(list);
      byId("file-name").textContent = this.files[at].name;
    }
    for (const item of this.marked) item.classList.remove("at-work", "selected");
    this.marked = [];
    this.mark(list, selected, "selected");
    const item = this.mark(list, line, "at-work");
    if (item) reveal(byId("listing"), item);
  }

  mark(list, line, name) {
    const item = list.children[(line ?? 0) - 1];
    if (!item) return null;
    item.classList.add(name);
    this.marked.push(item);
    return item;
  }

  listOf(at) {
    if (!this.lists.has(at)) {
      const { lines } = this.files[at];
      this.lists.set(at, make("ol", {}, ...lines.map((text) => this.setLine(text))));
    }
    return this.lists.get(at);
  }

  setLine(text) {
    const parts = [];
    let behind = 0;
    for (const found of text.matchAll(TOKENS)) {
      const [token, comment, string, number, word] = found;
      const kind = comment ? "comment" : string ? "string" : number ? "literal"
        : this.keywords.has(word) ? "keyword" : null;
      if (!kind) continue;
      parts.push(text.slice(behind, found.index), make("span", { class: kind }, token));
      behind = found.index + token.length;
    }
    return make("li", {}, make("code", {}, ...parts, text.slice(behind) || "\u200b"));
  }
}

/** Scroll a box as far as it takes, and nothing around it. */
function reveal(box, item) {
  const top = item.offsetTop - box.offsetTop, bottom = top + item.offsetHeight;
  const edge = Math.min(60, box.clientHeight / 4);
  if (top < box.scrollTop + edge) box.scrollTop = Math.max(0, top - edge);
  else if (bottom > box.scrollTop + box.clientHeight - edge) {
    box.scrollTop = bottom - box.clientHeight + edge;
  }
}
