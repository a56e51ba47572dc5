// The window over the drawing: pan, zoom at a point, fit, follow; by mouse, touch and key alike.

const NEAREST = 4;
const READABLE = 0.65;
const READABLE_ON_PHONES = 0.8;
const NARROW = 600;
const LARGEST = 1.6;
const PER_UNIT = 560;  // pixels of a stage's width: on a projector letters are read from afar
const PADDING = 36;

class Camera {
  constructor(stage, paint) {
    this.stage = stage;
    this.paint = paint;
    this.pending = 0;
    this.pointers = new Map();
    Object.assign(this, { x: 0, y: 0, k: 1, moved: false });
  }

  get size() {
    return [this.stage.clientWidth, this.stage.clientHeight];
  }

  /** How small letters may become before fewer are shown instead. */
  get readable() {
    return this.size[0] < NARROW ? READABLE_ON_PHONES : READABLE;
  }

  /** How large a drawing is made by itself. */
  get largest() {
    return Math.max(LARGEST, this.size[0] / PER_UNIT);
  }

  /** The part of the drawing that is seen. */
  window() {
    const [width, height] = this.size;
    const [left, top] = this.toDrawing([0, 0]), [right, bottom] = this.toDrawing([width, height]);
    return { left, top, right, bottom };
  }

  toDrawing([x, y]) {
    return [(x - this.x) / this.k, (y - this.y) / this.k];
  }

  /** Draw once before the next picture, however often it moves until then. */
  changed() {
    this.pending ||= requestAnimationFrame(() => {
      this.pending = 0;
      this.paint();
    });
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.changed();
  }

  zoom(factor, at = this.size.map((length) => length / 2)) {
    const k = Math.min(NEAREST, Math.max(this.farthest, this.k * factor));
    const [x, y] = this.toDrawing(at);
    Object.assign(this, { k, x: at[0] - k * x, y: at[1] - k * y });
    this.changed();
  }

  /** All of a place. */
  fit(place) {
    const [width, height] = this.size, inner = [width - 2 * PADDING, height - 2 * PADDING];
    const across = place.right - place.left, down = place.bottom - place.top;
    const whole = Math.min(inner[0] / Math.max(across, 1), inner[1] / Math.max(down, 1));
    this.k = Math.min(whole, this.largest);
    this.farthest = Math.min(0.2, this.k);
    this.x = (width - this.k * (place.left + place.right)) / 2;
    this.y = (height - this.k * (place.top + place.bottom)) / 2;
    this.changed();
  }

  /** All of a place, or where that could not be read its upper end, around `middle`. */
  begin(place, middle) {
    this.fit(place);
    if (this.k >= this.readable) return;
    this.k = this.readable;
    this.y = PADDING - this.k * place.top;
    const [width] = this.size, free = width - this.k * (place.right - place.left);
    this.x = free >= 0 ? free / 2 - this.k * place.left : width / 2 - this.k * middle;
    this.changed();
  }

  /** Move no further than it takes to see a place well. */
  follow(place) {
    const seen = this.window();
    const edge = 24 / this.k, buttons = 40 / this.k;
    const past = (low, high, from, to) => {
      if (high - low > to - from - 2 * edge) return (low + high - from - to) / 2;
      return Math.min(0, low - from - edge) || Math.max(0, high - to + edge);
    };
    const dx = past(place.left, place.right, seen.left, seen.right - buttons);
    const dy = past(place.top, place.bottom, seen.top, seen.bottom);
    if (dx || dy) this.glide(-dx * this.k, -dy * this.k);
  }

  glide(dx, dy) {
    cancelAnimationFrame(this.gliding);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.pan(dx, dy);
      return;
    }
    const began = performance.now(), span = 180;
    let done = 0;
    const step = (now) => {
      const t = Math.min(1, Math.max(0, (now - began) / span)), eased = t * (2 - t);
      this.pan((eased - done) * dx, (eased - done) * dy);
      done = eased;
      if (t < 1) this.gliding = requestAnimationFrame(step);
    };
    this.gliding = requestAnimationFrame(step);
  }

  /** Listen to pointers and the wheel; `onTap` gets points of the drawing. */
  listen(onTap) {
    const { stage } = this;
    stage.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      cancelAnimationFrame(this.gliding);
      stage.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, this.pointOf(event));
      if (this.pointers.size === 1) this.moved = false;
    });
    stage.addEventListener("pointermove", (event) => this.onMove(event));
    for (const end of ["pointerup", "pointercancel"]) {
      stage.addEventListener(end, (event) => {
        if (!this.pointers.delete(event.pointerId)) return;
        stage.classList.remove("dragging");
        if (end === "pointerup" && !this.moved) onTap(this.toDrawing(this.pointOf(event)));
      });
    }
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      const unit = event.deltaMode === 1 ? 16 : 1;
      if (event.shiftKey) this.pan(-unit * (event.deltaX || event.deltaY), 0);
      else this.zoom(Math.exp(-0.0016 * unit * event.deltaY), this.pointOf(event));
    }, { passive: false });
    new ResizeObserver(() => this.changed()).observe(stage);
  }

  pointOf(event) {
    const { left, top } = this.stage.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  onMove(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.pointOf(event), dx = now[0] - before[0], dy = now[1] - before[1];
    if (!this.moved && Math.hypot(dx, dy) < 4) return;
    this.moved = true;
    this.stage.classList.add("dragging");
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, now);
    if (!other) {
      this.pan(dx, dy);
      return;
    }
    const apart = ([x, y]) => Math.max(1, Math.hypot(x - other[0], y - other[1]));
    this.zoom(apart(now) / apart(before), [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
    this.pan(dx / 2, dy / 2);
  }
}
