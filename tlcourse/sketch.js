// --- the drawing pad -----------------------------------------------------------------------------

// What the reader sees of sketch.py. It uses what widget.js has.

const SIDE = 560; // pixels of the square that is drawn on, shown at half the size
const PEN = 44; // pixels, of a line
const NEAR = 0.004; // of the side: a point nearer to the last one is left out
const SEEN = 28; // pixels of the image that the network gets

class SketchView {
  constructor(kernel, setup, el) {
    this.kernel = kernel;
    this.samples = setup.samples;
    this.names = setup.names;
    this.next = 3; // the sample that is shown first
    this.strokes = []; // of points [x, y] in 0 to 1
    this.frame = widgetFrame(el, "Drawing pad");
    this.canvas = make("canvas", { class: "tlc-pad", width: SIDE, height: SIDE, role: "img" });
    this.brush = this.canvas.getContext("2d");
    for (const [name, act] of Object.entries({
      pointerdown: (event) => this.begin(event),
      pointermove: (event) => this.go(event),
      pointerup: () => this.end(),
      pointercancel: () => this.end(),
    }))
      this.canvas.addEventListener(name, act);
    const button = (words, onclick) => make("button", { type: "button", onclick }, words);
    this.clearButton = button("Clear", () => this.draw([]));
    this.undoButton = button("Undo", () => this.draw(this.strokes.slice(0, -1)));
    this.sampleButton = button("", () => this.sample());
    this.seen = make("canvas", {
      class: "tlc-seen",
      width: SEEN,
      height: SEEN,
      role: "img",
      "aria-label": "The image that the network gets",
    });
    this.bars = new Bars();
    const left = make(
      "div",
      { class: "tlc-left" },
      this.canvas,
      make("div", { class: "tlc-row" }, this.clearButton, this.undoButton, this.sampleButton),
    );
    const figure = make(
      "figure",
      { class: "tlc-newest" },
      this.seen,
      make("figcaption", {}, "what the network gets"),
    );
    const right = make("div", { class: "tlc-right" }, this.bars.element, figure);
    this.frame.section.append(
      make("div", { class: "tlc-columns" }, left, right),
      this.frame.problem,
      this.frame.status,
    );
    kernel.views.add(this);
    this.draw([]);
  }

  // Drawing

  point(event) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    return [(event.clientX - left) / width, (event.clientY - top) / height];
  }

  begin(event) {
    if (event.button) return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    this.draw([...this.strokes, [this.point(event)]]);
  }

  go(event) {
    if (event.pointerId !== this.pointer) return;
    const stroke = this.strokes.at(-1);
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) {
      const [x, y] = this.point(one);
      const [lastX, lastY] = stroke.at(-1);
      if (Math.hypot(x - lastX, y - lastY) > NEAR) stroke.push([x, y]);
    }
    this.draw(this.strokes);
  }

  end() {
    this.pointer = null;
  }

  sample() {
    this.draw(this.samples[this.next]);
    this.next = (this.next + 1) % this.samples.length;
    this.nameSample();
  }

  nameSample() {
    this.sampleButton.textContent = `Draw me a ${this.names[this.next]}`;
  }

  /** Show these strokes, and have them read. */
  draw(strokes) {
    this.strokes = strokes;
    const { brush } = this;
    brush.fillStyle = "black";
    brush.fillRect(0, 0, SIDE, SIDE);
    Object.assign(brush, { lineWidth: PEN, lineCap: "round", lineJoin: "round" });
    brush.strokeStyle = "white";
    for (const [first, ...rest] of strokes) {
      brush.beginPath();
      brush.moveTo(first[0] * SIDE, first[1] * SIDE);
      for (const [x, y] of rest.length ? rest : [first]) brush.lineTo(x * SIDE, y * SIDE);
      brush.stroke();
    }
    const count = strokes.length === 1 ? "1 stroke" : `${strokes.length} strokes`;
    this.canvas.setAttribute("aria-label", `Draw a digit here; now it has ${count}`);
    this.clearButton.disabled = this.undoButton.disabled = !strokes.length;
    this.nameSample();
    this.changed = true;
    this.read();
  }

  // Reading

  /** Have the newest drawing read; while an answer is awaited, the next one waits. */
  async read() {
    if (this.reading) return;
    this.reading = true;
    try {
      while (this.changed) {
        this.changed = false;
        const { bars, buffers } = await this.kernel.ask({ do: "read", strokes: this.strokes });
        this.frame.complain("");
        this.show(bars, buffers);
      }
    } catch (error) {
      this.frame.complain(error.message);
      this.show([], []);
    } finally {
      this.reading = false;
    }
    if (this.changed) this.read();
  }

  show(bars, [image]) {
    const top = this.bars.show(bars);
    this.frame.say(top ? `It looks like: ${top}.` : "Draw a digit with the mouse, a pen or a finger.");
    const brush = this.seen.getContext("2d");
    const pixels = brush.createImageData(SEEN, SEEN);
    const ink = image ? new Uint8Array(image.buffer, image.byteOffset, image.byteLength) : [];
    for (let i = 0; i < SEEN * SEEN; i++) {
      pixels.data.fill(ink[i] ?? 0, 4 * i, 4 * i + 3);
      pixels.data[4 * i + 3] = 255;
    }
    brush.putImageData(pixels, 0, 0);
  }

  wait(late) {
    if (late) this.frame.say(BUSY);
    else if (this.frame.status.textContent === BUSY) this.frame.say("");
  }

  close() {
    this.kernel.views.delete(this);
  }
}

/** For each widget: its model first, then a view wherever it is shown. */
export default () => {
  let kernel;
  return {
    initialize({ model }) {
      kernel = new Kernel(model);
      kernel.views = new Set();
      kernel.onwait = (late) => kernel.views.forEach((view) => view.wait(late));
      return () => kernel.close();
    },
    render({ model, el }) {
      const view = new SketchView(kernel, model.get("_setup"), el);
      return () => view.close();
    },
  };
};
