// The page: parts put together, and what they tell one another.

class GraphPage {
  constructor(data) {
    this.graph = buildGraph(data);
    this.stage = byId("stage");
    this.scene = new Scene(this.graph);
    this.camera = new Camera(this.stage, () => this.scene.paint(this.camera));
    this.player = new Player(this.graph, (step) => this.keyOfStep(step), () => this.moved());
    this.panel = new Panel(this.graph, this);
    this.listing = new Listing(data.files, data.keywords);
    this.selected = null;
    this.camera.listen((point) => this.tap(point));
    this.stage.addEventListener("dblclick", (event) => this.doubleTap(event));
    new Search(this.graph, (node) => this.find(node));
    this.startTransport();
    listenToKeys(this);
    startHelp();
    this.begin();
    this.moved();
  }

  keyOfStep(step) {
    return this.scene.keyOf(this.graph.nodes.get(step.node));
  }

  get whole() {
    const { width, height } = this.scene.drawing;
    return { left: 0, top: 0, right: width, bottom: height };
  }

  fit() {
    this.camera.fit(this.whole);
  }

  /** The first picture: as much as can be read, the first boxes in the middle. */
  begin() {
    const [first] = this.player.steps;
    const place = first ? this.scene.placeOf(this.keyOfStep(first)) : this.whole;
    this.camera.begin(this.whole, (place.left + place.right) / 2);
  }

  startTransport() {
    const { player } = this, slider = byId("slider");
    const on = (id, action) => byId(id).addEventListener("click", action);
    on("first", () => player.go(0));
    on("back", () => player.previous());
    on("play", () => player.play());
    on("next", () => player.next());
    on("last", () => player.go(player.steps.length));
    on("nearer", () => this.camera.zoom(1.25));
    on("farther", () => this.camera.zoom(0.8));
    on("fit", () => this.fit());
    slider.max = player.steps.length;
    slider.addEventListener("input", () => player.go(Number(slider.value)));
    const turn = player.steps.length ? player.turn / player.steps.length : 1;
    byId("sweeps").replaceChildren(
      draw("rect", { class: "forward", x: 0, width: 100 * turn, height: 4 }),
      draw("rect", { class: "reverse", x: 100 * turn, width: 100 * (1 - turn), height: 4 }),
    );
    byId("transport").hidden = !player.steps.length;
  }

  /** Show where the player is, everywhere. */
  moved() {
    const { player } = this, { step, position } = player, slider = byId("slider");
    slider.value = position;
    const sweep = step ? `${step.sweep} sweep, ${step.name}` : "start";
    slider.setAttribute("aria-valuetext", `${position} of ${player.steps.length}: ${sweep}`);
    byId("count").textContent = `${position} / ${player.steps.length}`;
    byId("play").dataset.playing = player.playing;
    byId("play").setAttribute("aria-label", player.playing ? "Pause" : "Play");
    byId("back").disabled = byId("first").disabled = position === 0;
    byId("next").disabled = byId("last").disabled = position === player.steps.length;
    this.panel.showStep(player);
    this.refresh();
    const place = step && this.scene.placeOf(this.keyOfStep(step));
    if (place) this.camera.follow(place);
  }

  refresh() {
    const { step, position } = this.player;
    const key = step ? this.keyOfStep(step) : null;
    this.scene.light({
      key, position, sweep: step?.sweep ?? "forward", selected: this.selected,
      arcs: step ? this.linksOf(step) : [],
    });
    this.panel.showDetails(this.selected ?? key, position);
    this.showLine(step);
  }

  /** The ways along which a step gets what it needs: operands, or its readers' cotangents. */
  linksOf(step) {
    const ids = [step.node, ...step.inner];
    return ids.flatMap((id) => {
      const node = this.graph.nodes.get(id);
      return step.sweep === "forward" ? this.scene.linksInto(node) : this.scene.linksOutOf(node);
    });
  }

  showLine(step) {
    const { selected: key, graph } = this, lit = step && graph.nodes.get(step.node);
    const node = isNodeKey(key) ? graph.nodes.get(idOf(key)) : null;
    const shown = lit ?? node;
    const selected = node && shown && node.file === shown.file ? node.line : null;
    this.listing.show(shown?.file, lit?.line, selected);
  }

  center() {
    const key = this.player.step ? this.keyOfStep(this.player.step) : this.selected;
    const place = key && this.scene.placeOf(key);
    if (!place) return;
    const [width, height] = this.camera.size;
    this.camera.k = Math.max(this.camera.k, 1);
    this.camera.x = width / 2 - this.camera.k * (place.left + place.right) / 2;
    this.camera.y = height / 2 - this.camera.k * (place.top + place.bottom) / 2;
    this.camera.changed();
  }

  tap(point) {
    const hit = this.scene.hit(point);
    if (hit?.toggles) this.toggle(idOf(hit.key));
    else this.select(hit?.key ?? null);
  }

  doubleTap(event) {
    const hit = this.scene.hit(this.camera.toDrawing(this.camera.pointOf(event)));
    if (isBlockKey(hit?.key) && !hit.toggles) this.toggle(idOf(hit.key));
  }

  select(key) {
    this.selected = key;
    this.refresh();
    const place = key && this.scene.placeOf(key);
    if (place) this.camera.follow(place);
    if (key) announce(`Selected ${this.nameOf(key)}`);
  }

  nameOf(key) {
    const id = idOf(key);
    if (isBlockKey(key)) return `block ${this.graph.groups.get(id).label}`;
    const node = this.graph.nodes.get(id), value = this.shownValue(node);
    return `${titleOf(node)}, ${node.role}, ${node.type}${value}`;
  }

  shownValue(node) {
    const at = this.graph.stepsOf.get(node.id)?.forward ?? 0;
    return node.value && at <= this.player.position ? `, ${node.value.short}` : "";
  }

  /** Open whatever hides a node, select it and bring it into view. */
  find(node) {
    const { scene, camera } = this, trail = this.graph.trails.get(node.group) ?? [];
    const hidden = trail.filter((id) => scene.closed.has(id));
    if (hidden.length) {
      for (const id of hidden) scene.closed.delete(id);
      this.rearrange();
    }
    if (camera.k < camera.readable) camera.zoom(camera.readable / camera.k);
    this.select(`n${node.id}`);
  }

  /** Open or close a block; what was clicked stays where it is. */
  toggle(id) {
    const { closed } = this.scene, before = this.scene.placeOf(`b${id}`);
    if (closed.has(id)) closed.delete(id);
    else closed.add(id);
    this.rearrange();
    const after = this.scene.placeOf(`b${id}`);
    if (before && after) {
      const middle = (place) => (place.left + place.right) / 2;
      this.camera.pan(
        (middle(before) - middle(after)) * this.camera.k, (before.top - after.top) * this.camera.k,
      );
    }
    this.select(`b${id}`);
    announce(`${this.graph.groups.get(id).label} ${closed.has(id) ? "closed" : "opened"}`);
  }

  toggleSelected() {
    const key = this.selected;
    if (isBlockKey(key)) this.toggle(idOf(key));
    else if (key) {
      const { group } = this.graph.nodes.get(idOf(key));
      if (group >= 0) this.toggle(group);
    }
  }

  toggleAll() {
    const { closed } = this.scene, all = [...this.graph.groups.keys()];
    if (closed.size) closed.clear();
    else for (const id of all) closed.add(id);
    this.rearrange();
    this.select(null);
    this.begin();
    announce(closed.size ? "All blocks closed" : "All blocks opened");
  }

  rearrange() {
    this.scene.near.clear();
    this.scene.layOut();
    this.player.findStops();
    this.scene.paint(this.camera);
    this.refresh();
  }

  /** Select along a link: the first operand, or the first reader. */
  walk(where) {
    const key = this.selected ?? (this.player.step ? this.keyOfStep(this.player.step) : null);
    if (!key) return this.walkOver(1);
    const node = this.scene.nodeShown(key);
    const ids = !node ? [] : where === "operands" ? node.operands : this.graph.readers.get(node.id);
    const keys = ids.map((id) => this.scene.keyOf(this.graph.nodes.get(id)));
    const next = keys.find((each) => each !== key);
    if (next) this.select(next);
    return undefined;
  }

  /** Select the next box in reading order: from top to bottom, from left to right. */
  walkOver(by) {
    const boxes = [...this.scene.drawing.boxes.entries()]
      .sort(([, a], [, b]) => a.top - b.top || a.x - b.x).map(([key]) => key);
    const at = boxes.indexOf(this.selected);
    this.select(boxes[at < 0 ? (by > 0 ? 0 : boxes.length - 1)
      : (at + by + boxes.length) % boxes.length]);
  }
}

startShell();
const page = new GraphPage(readData());
performance.mark("ready");
Object.defineProperty(window, "graphdsl", { value: page });
