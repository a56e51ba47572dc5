// Where in the schedule we are. Position 0 stands before everything; position p behind step p.

const BEAT_MS = 1100;

class Player {
  constructor(graph, keyOfStep, onMove) {
    this.steps = graph.steps;
    this.keyOfStep = keyOfStep;
    this.onMove = onMove;
    this.position = 0;
    this.beat = null;
    const firstReverse = this.steps.findIndex((step) => step.sweep === "reverse");
    this.turn = firstReverse < 0 ? this.steps.length : firstReverse;
    this.findStops();
  }

  get step() {
    return this.steps[this.position - 1] ?? null;
  }

  /** A closed block is one step: the last of those that run on in it. */
  findStops() {
    const keys = this.steps.map((step) => `${step.sweep} ${this.keyOfStep(step)}`);
    this.stops = [0];
    keys.forEach((key, at) => {
      if (!key.includes(" b") || key !== keys[at + 1]) this.stops.push(at + 1);
    });
  }

  go(position) {
    const bounded = Math.max(0, Math.min(this.steps.length, position));
    if (bounded === this.position) return;
    this.position = bounded;
    this.onMove();
  }

  next(into = false) {
    const stop = this.stops.find((each) => each > this.position) ?? this.steps.length;
    this.go(into ? this.position + 1 : stop);
  }

  previous(into = false) {
    const stop = this.stops.findLast((each) => each < this.position) ?? 0;
    this.go(into ? this.position - 1 : stop);
  }

  get playing() {
    return this.beat !== null;
  }

  play() {
    if (this.playing) {
      clearInterval(this.beat);
      this.beat = null;
    } else {
      if (this.position === this.steps.length) this.go(0);
      this.beat = setInterval(() => {
        this.next();
        if (this.position === this.steps.length) this.play();
      }, BEAT_MS);
    }
    this.onMove();
  }
}
