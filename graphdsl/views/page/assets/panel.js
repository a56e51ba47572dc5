// What is said beside the drawing: the step at work, and the box that is selected.

const MOST_CHIPS = 60;

class Panel {
  constructor(graph, page) {
    this.graph = graph;
    this.page = page;
  }

  /** The step's formula, with the numbers put in, and its value. */
  showStep(player) {
    const { step, position } = player, { graph } = this;
    byId("step").replaceChildren(...(step ? this.stepParts(step, position) : this.startParts()));
    byId("step").dataset.sweep = step?.sweep ?? "start";
    if (step) announce(this.sentence(step, position, graph.steps.length));
    else if (byId("voice").textContent) announce("Before the first step");  // not at the opening
  }

  startParts() {
    const { data, steps } = this.graph;
    const told = steps.length
      ? [make("kbd", {}, "→"), " takes the first of ", String(steps.length), " steps."]
      : ["Nothing here is computed step by step."];
    return [
      make("p", { class: "kicker" }, "Start"),
      ...data.notes.map((note) => make("p", { class: "note" }, note)),
      make("p", {}, ...told),
    ];
  }

  stepParts(step, position) {
    const node = this.graph.nodes.get(step.node), reverse = step.sweep === "reverse";
    const value = reverse ? node.cotangent : node.value;
    const line = (sign, text, name) => (text === null || text === undefined ? null
      : make("p", { class: `formula ${name}` }, make("span", { class: "equals" }, sign),
        make("span", {}, ...setFormula(text))));
    return [
      make("p", { class: "kicker" },
        `${reverse ? "Reverse" : "Forward"} sweep · ${position} of ${this.graph.steps.length}`),
      make("h2", { class: "formula" }, ...setFormula(step.name),
        step.formula ? " = " : "", ...setFormula(step.formula ?? "")),
      line("=", step.numbers, "numbers"),
      value ? make("p", { class: "formula result" },
        make("span", { class: "equals" }, this.graph.data.symbols ? ":" : "="),
        make("span", {}, value.full ?? value.short)) : null,
      step.terms?.length > 1 ? this.termList(step) : null,
    ].filter(Boolean);
  }

  /** The chain rule's terms, each with the reader that hands it down. */
  termList(step) {
    const items = step.terms.map((term) => {
      const through = this.graph.nodes.get(term.through);
      return make("li", {},
        this.nodeButton(through, "from "),
        make("span", { class: "formula" }, ...setFormula(term.formula)),
        term.value ? make("span", { class: "part" }, term.value) : null);
    });
    return make("ul", { class: "terms", "aria-label": "Terms of the chain rule" }, ...items);
  }

  sentence(step, position, count) {
    const node = this.graph.nodes.get(step.node);
    const value = step.sweep === "reverse" ? node.cotangent : node.value;
    const formula = step.formula ? ` = ${step.formula}` : "";
    const result = value ? `, which is ${value.full ?? value.short}` : "";
    return `Step ${position} of ${count}, ${step.sweep}: ${step.name}${formula}${result}`;
  }

  /** All that is known of the selected box; of the step's node where nothing is selected. */
  showDetails(key, position) {
    const parts = !key ? [make("p", { class: "note" }, "Click a box, or find one by name.")]
      : isNodeKey(key) ? this.nodeParts(this.graph.nodes.get(idOf(key)), position)
        : this.blockParts(this.graph.groups.get(idOf(key)));
    const details = byId("details"), held = details.contains(document.activeElement);
    details.replaceChildren(...parts);
    if (held) details.focus({ preventScroll: true });  // else the next Tab would begin anew
  }

  nodeParts(node, position) {
    const steps = this.graph.stepsOf.get(node.id) ?? {};
    return [
      make("h2", {}, titleOf(node), " ", setBadge(node.role, node.role)),
      node.doc ? make("p", { class: "doc" }, node.doc) : "",
      make("dl", { class: "facts" },
        ...fact("function", node.given ? "" : node.label),
        ...fact("shape", node.shape), ...fact("element", node.dtype),
        ...fact("line", this.place(node))),
      ...this.valueParts("Value", node.value, steps.forward, position),
      ...this.valueParts("Gradient", node.cotangent, steps.reverse, position),
      ...this.neighbours("Computed from", node.operands),
      ...this.neighbours("Used by", this.graph.readers.get(node.id)),
    ].filter(Boolean);
  }

  /** A value that has not appeared yet is not given away: a button leads to its step. */
  valueParts(title, value, at, position) {
    if (!value && !at) return [];
    const head = make("h3", {}, title);
    if (at > position) {
      const go = () => this.page.player.go(at);
      const button = make("button", { type: "button", onclick: go }, `Go to step ${at}`);
      return [head, make("p", {}, button)];
    }
    return value && (value.full ?? value.rows ?? value.facts) ? [head, setValue(value)] : [];
  }

  neighbours(title, ids) {
    const unique = [...new Set(ids)].map((id) => this.graph.nodes.get(id));
    if (!unique.length) return [];
    const shown = unique.slice(0, MOST_CHIPS);
    const items = shown.map((node) => make("li", {}, this.nodeButton(node)));
    const left = unique.length - shown.length;
    if (left) items.push(make("li", {}, `and ${left} more`));
    return [make("h3", {}, title), make("ul", { class: "chips" }, ...items)];
  }

  nodeButton(node, before = "") {
    const onclick = () => this.page.find(node);
    return make("button", { type: "button", class: "chip", onclick },
      before ? make("span", { class: "unseen" }, before) : null, titleOf(node));
  }

  place(node) {
    if (!node.line) return "";
    const { name } = this.graph.data.files[node.file];
    const from = node.via ? `, called from line ${node.via}` : "";
    return `${node.file ? `${name}:` : ""}${node.line}${from}`;
  }

  blockParts(group) {
    const closed = this.page.scene.closed.has(group.id);
    const toggle = () => this.page.toggle(group.id);
    return [
      make("h2", {}, group.label, " ", setBadge("block", group.kind)),
      make("p", {}, countText(group)),
      make("p", {}, make("button", { type: "button", onclick: toggle },
        closed ? "Open this block" : "Close this block")),
      ...this.neighbours("Results", group.exits.map((node) => node.id)),
    ];
  }
}

function setBadge(role, text) {
  return make("span", { class: `badge role-${role}` }, text);
}

function fact(name, text) {
  return text === "" || text === undefined || text === null ? []
    : [make("dt", {}, name), make("dd", {}, text)];
}
