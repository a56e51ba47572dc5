// Find a node by its name, by what it computes or by the text of its line.

const MOST_FOUND = 40;

class Search {
  constructor(graph, onFound) {
    this.graph = graph;
    this.onFound = onFound;
    this.input = byId("search");
    this.list = byId("found");
    this.found = [];
    this.at = -1;
    this.input.addEventListener("input", () => this.look());
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.input.addEventListener("blur", () => setTimeout(() => this.hide(), 150));
    this.input.addEventListener("focus", () => this.look());
  }

  look() {
    const wanted = this.input.value.trim().toLowerCase();
    this.found = wanted ? this.matches(wanted) : [];
    this.at = this.found.length ? 0 : -1;
    this.list.replaceChildren(...this.found.map((node, at) => this.option(node, at)));
    if (wanted && !this.found.length) {
      const none = { class: "none", role: "option", "aria-disabled": "true" };
      this.list.append(make("li", none, "nothing found"));
    }
    this.open(Boolean(wanted));
    this.paint();
  }

  /** Names that begin so, names that hold it, functions, lines: in this order. */
  matches(wanted) {
    const ranked = [];
    for (const node of this.graph.nodes.values()) {
      const name = (node.name ?? node.alias ?? "").toLowerCase();
      const rank = name === wanted ? 0 : name.startsWith(wanted) ? 1 : name.includes(wanted) ? 2
        : node.label.toLowerCase().includes(wanted) ? 3
          : node.text.toLowerCase().includes(wanted) ? 4 : 9;
      if (rank < 9) ranked.push([rank, node]);
    }
    return ranked.sort((a, b) => a[0] - b[0] || a[1].id - b[1].id)
      .slice(0, MOST_FOUND).map(([, node]) => node);
  }

  option(node, at) {
    const item = make("li", { role: "option", id: `found-${at}` },
      make("b", {}, titleOf(node)), " ", make("span", {}, node.text || node.label));
    item.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      this.choose(at);
    });
    return item;
  }

  onKey(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && this.found.length) {
      this.at = (this.at + by + this.found.length) % this.found.length;
      this.paint();
      event.preventDefault();
    } else if (event.key === "Enter" && this.at >= 0) this.choose(this.at);
    else if (event.key === "Escape") {
      this.input.value = "";
      this.hide();
      byId("stage").focus();
      event.preventDefault();
    }
  }

  choose(at) {
    this.hide();
    byId("stage").focus();
    this.onFound(this.found[at]);
  }

  open(isOpen) {
    this.list.hidden = !isOpen;
    this.input.setAttribute("aria-expanded", String(isOpen));
  }

  hide() {
    this.open(false);
  }

  paint() {
    [...this.list.children].forEach((item, at) => {
      item.setAttribute("aria-selected", String(at === this.at));
      if (at === this.at) item.scrollIntoView({ block: "nearest" });
    });
    if (this.at >= 0) this.input.setAttribute("aria-activedescendant", `found-${this.at}`);
    else this.input.removeAttribute("aria-activedescendant");
  }
}
