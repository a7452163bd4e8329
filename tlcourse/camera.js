// What the reader sees of camera.py: `Camera`, photographs by class, and `Live`, a classifier at work.
// It uses what widget.js has. Nothing is loaded from anywhere, and pictures go to the kernel of the
// notebook and nowhere else.

const HOLD = 450; // milliseconds, from which on a press is a burst
const BURST = 250; // milliseconds between two photos of a burst
const LONGEST = 60; // photos of one burst, in case that a key is stuck
const PAUSE = 125; // milliseconds at least between two live pictures
const QUALITY = 0.92; // of JPEGs
const PANORAMA = 4; // the most that a picture may be longer than wide
const MEGABYTES = 7; // what Jupyter's connection takes in one message, and some room

// --- small tools ---------------------------------------------------------------------------------

const sleep = (time) => new Promise((done) => setTimeout(done, time));
const photos = (n) => (n === 1 ? "1 photo" : `${n} photos`);
const isHere = () =>
  ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname) ||
  location.hostname.endsWith(".localhost");

function whereItGoes(what) {
  return isHere()
    ? `No picture leaves your computer${what}.`
    : `Pictures go to the computer that runs this notebook (${location.hostname || "your Jupyter"})` +
        `${what}, and nowhere else.`;
}

// --- pictures ------------------------------------------------------------------------------------

/** A JPEG of a video's or an image's part, scaled and on white. */
function toJpeg(source, [x, y, w, h], [width, height]) {
  const canvas = make("canvas", { width, height });
  const brush = canvas.getContext("2d");
  brush.imageSmoothingQuality = "high";
  brush.fillStyle = "white"; // as `load_photo` does with what is transparent
  brush.fillRect(0, 0, width, height);
  brush.drawImage(source, x, y, w, h, 0, 0, width, height);
  return new Promise((done, fail) => {
    const toBuffer = (blob) => (blob ? done(blob.arrayBuffer()) : fail(new Error("no picture")));
    canvas.toBlob(toBuffer, "image/jpeg", QUALITY);
  });
}

/** What is sent of a file: a JPEG if the browser can read it, else the file as it is. */
async function readFile(file, side) {
  try {
    const image = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, side / Math.min(image.width, image.height));
    const size = [image.width, image.height].map((n) => Math.max(1, Math.round(n * scale)));
    const [width, height] = size.map((n) => Math.min(n, PANORAMA * side));
    const part = [(size[0] - width) / 2, (size[1] - height) / 2, width, height];
    const data = await toJpeg(
      image,
      part.map((n) => n / scale),
      [width, height],
    );
    image.close();
    return { data, raw: false };
  } catch {
    if (file.size > MEGABYTES * 1e6) {
      throw new Error(
        `${file.name} cannot be read by the browser, and is too large to be sent: save it as JPEG.`,
      );
    }
    const data = await file.arrayBuffer().catch(() => null);
    if (!data) throw new Error(`${file.name} cannot be read: give photos, not a folder.`);
    return { data, raw: true };
  }
}

/** Let files be dropped on an element; `take` gets them. */
function dropZone(element, take) {
  const over = (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    element.classList.toggle("tlc-over", event.type === "dragover" || event.type === "dragenter");
    if (event.type === "drop" && event.dataTransfer.files.length)
      take([...event.dataTransfer.files]);
  };
  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    element.addEventListener(name, over);
  }
}

/** A button that asks for files. */
function filePicker(label, words, many, take) {
  const input = make("input", { type: "file", accept: "image/*", multiple: many, hidden: true });
  input.addEventListener("change", () => {
    if (input.files.length) take([...input.files]);
    input.value = ""; // so that the same file can be chosen again
  });
  const button = make(
    "button",
    { type: "button", "aria-label": label, onclick: () => input.click() },
    words,
  );
  return make("span", {}, button, input);
}

// --- the live picture ----------------------------------------------------------------------------

const REFUSED =
  "The browser may not use the camera. Allow it with the symbol beside the page's address, " +
  "and turn the camera on again.";
const PROBLEMS = {
  NotAllowedError: REFUSED,
  SecurityError: REFUSED,
  NotFoundError: "There is no camera. Connect one and turn it on again.",
  NotReadableError: "Another program uses the camera. Close it, and turn the camera on again.",
  AbortError: "The camera did not start. Turn it on again.",
};

/** Why the browser offers no camera at all; "" if it does. */
function missing() {
  if (navigator.mediaDevices?.getUserMedia) return "";
  return window.isSecureContext
    ? "This browser gives no camera to notebooks. Open the notebook in Chrome, Edge, Firefox or Safari."
    : `This page came over plain http from ${location.hostname}, and browsers give a camera only to pages ` +
        "from the same computer or over https. Run JupyterLab on this computer and open its address with " +
        "localhost, or ask for an https address.";
}

/** The camera's picture, with the button that turns it on and off. */
class Webcam {
  constructor({ on, off, without, say, onchange }) {
    this.words = { on, off };
    this.without = without; // what to do if there is no camera
    this.say = say;
    this.onchange = onchange;
    this.video = make("video", {
      playsinline: true,
      muted: true,
      "aria-label": "The camera's picture",
    });
    this.video.muted = true; // the attribute alone does not count
    this.cover = make("p", { class: "tlc-cover" }, "The camera is off.");
    this.still = make("img", { alt: "The photo that you chose", hidden: true });
    this.picture = make("div", { class: "tlc-picture" }, this.video, this.still, this.cover);
    this.button = make(
      "button",
      { type: "button", class: "tlc-main", onclick: () => this.toggle() },
      on,
    );
    this.stream = null;
    this.asking = false;
    this.closed = false;
    // A video that was out of the page for a moment stands still.
    this.watch = new IntersectionObserver((seen) => {
      this.seen = seen.at(-1).isIntersecting;
      if (this.seen && this.stream) this.video.play().catch(() => {});
    });
    this.watch.observe(this.picture);
    if (missing()) this.say(`${missing()} ${this.without}`);
  }

  toggle() {
    return this.stream ? this.stop() : this.start();
  }

  async start() {
    if (this.asking) return;
    if (missing()) return this.say(`${missing()} ${this.without}`);
    this.asking = true;
    this.cover.textContent = "Your browser may ask whether it may use the camera: allow it.";
    try {
      const wanted = { width: { ideal: 640 }, height: { ideal: 480 } };
      const stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
      this.stream = stream;
      if (this.closed) return this.stop();
      const [track] = stream.getVideoTracks();
      track.addEventListener("ended", () => {
        this.stop();
        this.say(`The camera went away. Connect it and turn it on again. ${this.without}`);
      });
      this.video.classList.toggle("tlc-mirror", track.getSettings().facingMode !== "environment");
      this.video.srcObject = stream;
      this.show(null);
      await this.video.play();
      this.say("");
    } catch (error) {
      this.stop();
      const known = PROBLEMS[error.name] ?? `The camera cannot be used (${error.name}).`;
      this.say(`${known} ${this.without}`);
    } finally {
      this.asking = false;
      this.change();
    }
  }

  stop() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
    this.change();
  }

  change() {
    this.button.textContent = this.stream ? this.words.off : this.words.on;
    this.cover.textContent = "The camera is off.";
    this.cover.hidden = Boolean(this.stream) || !this.still.hidden;
    this.onchange(Boolean(this.stream));
  }

  /** Show a picture in place of the camera's, or that again. */
  show(jpeg) {
    URL.revokeObjectURL(this.still.src);
    this.still.hidden = !jpeg;
    if (jpeg) this.still.src = URL.createObjectURL(new Blob([jpeg], { type: "image/jpeg" }));
    this.cover.hidden = Boolean(this.stream) || Boolean(jpeg);
  }

  /** The middle square of the picture as a JPEG; null if there is none yet. */
  async frame(side) {
    const { videoWidth: w, videoHeight: h } = this.video;
    if (!this.stream || !w) return null;
    if (this.video.paused) await this.video.play();
    const edge = Math.min(w, h);
    return toJpeg(this.video, [(w - edge) / 2, (h - edge) / 2, edge, edge], [side, side]);
  }

  close() {
    this.closed = true;
    this.watch.disconnect();
    this.stop();
    this.show(null);
  }
}

// --- Camera --------------------------------------------------------------------------------------

/** The photos that the kernel has told of: by class, by name, the address of a thumbnail. */
class Album {
  constructor(kernel, classes) {
    this.kernel = kernel;
    this.photos = new Map(classes.map((name) => [name, new Map()]));
    this.others = [];
    this.unsaved = []; // messages with photos that the kernel could not keep
    this.newest = null; // a thumbnail of the picture that belongs to no class
    this.views = new Set();
    kernel.onmessage = (message, buffers) => this.receive(message, buffers);
    kernel.onwait = (late) => this.tell((view) => view.wait(late));
    kernel.ask({ do: "look" }).catch((error) => this.tell((view) => view.complain(error.message)));
  }

  tell(what) {
    for (const view of this.views) what(view);
  }

  receive({ photos: shown, gone = [], others, everything }, buffers) {
    if (everything) {
      for (const [kind, known] of this.photos)
        gone.push(...[...known.keys()].map((name) => [kind, name]));
    }
    for (const [kind, name] of gone) {
      URL.revokeObjectURL(this.photos.get(kind)?.get(name));
      this.photos.get(kind)?.delete(name);
    }
    shown.forEach(([kind, name], i) => {
      const address = buffers[i].byteLength
        ? URL.createObjectURL(new Blob([buffers[i]], { type: "image/jpeg" }))
        : "";
      this.photos.get(kind).set(name, address);
    });
    this.others = others ?? this.others;
    this.tell((view) => view.change(gone, shown));
  }

  async keep(kind, burst, data, more = {}) {
    const message = { do: "keep", class: kind, burst, ...more };
    try {
      await this.kernel.ask(message, data);
      this.tell((view) => view.kept(kind));
    } catch (error) {
      if (!more.file) this.unsaved.push([message, data]);
      this.tell((view) => view.refused(error.message));
    }
  }

  /** Offer the photos that could not be kept once more. */
  again() {
    const before = this.unsaved;
    this.unsaved = [];
    return Promise.all(
      before.map(([{ class: kind, burst }, data]) => this.keep(kind, burst, data)),
    );
  }

  async look(data, more = {}) {
    const { buffers } = await this.kernel.ask({ do: "new", ...more }, data);
    URL.revokeObjectURL(this.newest);
    this.newest = URL.createObjectURL(new Blob([buffers[0]], { type: "image/jpeg" }));
    this.tell((view) => view.showNewest());
  }

  remove(kind, names) {
    const failed = (error) => this.tell((view) => view.complain(error.message));
    return this.kernel.ask({ do: "delete", class: kind, names }).catch(failed);
  }
}

/** Tell presses of a button, with whatever device, from each other: one, or held. */
function holdable(button, begin, repeat) {
  let timer = null;
  let pressed = false;
  const press = () => {
    if (pressed) return;
    pressed = true;
    begin();
    const next = () => {
      timer = setTimeout(next, BURST);
      repeat();
    };
    timer = setTimeout(next, HOLD);
  };
  const release = () => {
    clearTimeout(timer);
    pressed = false;
  };
  const isPress = (event) => event.key === " " || event.key === "Enter";
  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    button.setPointerCapture(event.pointerId); // also if it is released elsewhere
    press();
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) {
    button.addEventListener(name, release);
  }
  button.addEventListener("keydown", (event) => {
    if (!isPress(event)) return;
    event.preventDefault(); // no click as well
    press();
  });
  button.addEventListener("keyup", (event) => {
    if (!isPress(event)) return;
    event.preventDefault();
    release();
  });
  button.addEventListener("click", (event) => {
    if (event.detail) return; // after a pointer, which is done already
    press(); // a screen reader's click
    release();
  });
  button.addEventListener("contextmenu", (event) => event.preventDefault()); // of a long touch
}

/** One class: its button, its count, its files, its thumbnails. */
class ClassCard {
  constructor(kind, view) {
    this.kind = kind;
    this.view = view;
    this.shutter = make(
      "button",
      {
        type: "button",
        class: "tlc-shutter",
        "aria-label": `Take a photo of ${kind}`,
        title: "Click for one photo, hold for a burst",
      },
      kind,
    );
    let burst = "";
    let taken = 0;
    const take = () => {
      taken += 1;
      if (taken <= LONGEST) view.take(kind, burst);
      else view.frame.say(`A burst ends after ${LONGEST} photos. Press again for more.`);
    };
    const begin = () => {
      burst = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
      taken = 0;
      take();
    };
    holdable(this.shutter, begin, take);
    this.count = make("span", { class: "tlc-count" });
    this.remove = make(
      "button",
      { type: "button", "aria-label": `Delete all photos of ${kind}`, onclick: () => this.ask() },
      "Delete all",
    );
    const picker = filePicker(`Add files to ${kind}`, "Add files…", true, (files) =>
      view.addFiles(kind, files),
    );
    this.question = make("p", { class: "tlc-question", hidden: true });
    this.list = make("ul", { class: "tlc-thumbnails", "aria-label": `Photos of ${kind}` });
    this.list.addEventListener("keydown", (event) => this.walk(event));
    const row = make("div", { class: "tlc-row" }, this.shutter, this.count, picker, this.remove);
    this.element = make(
      "div",
      { class: "tlc-class", role: "group", "aria-label": kind },
      row,
      this.question,
      this.list,
    );
    dropZone(this.element, (files) => view.addFiles(kind, files));
    this.refresh();
  }

  get known() {
    return this.view.album.photos.get(this.kind);
  }

  refresh() {
    const there = new Map([...this.list.children].map((item) => [item.dataset.name, item]));
    const hadFocus = this.list.contains(document.activeElement);
    const place = hadFocus ? this.buttons().indexOf(document.activeElement) : -1;
    for (const [name, item] of there) if (!this.known.has(name)) item.remove();
    const names = [...this.known.keys()].sort();
    names.forEach((name, i) => {
      const item = there.get(name) ?? this.thumbnail(name);
      if (this.list.children[i] !== item)
        this.list.insertBefore(item, this.list.children[i] ?? null);
      const number = `photo ${i + 1} of ${this.kind}`;
      const [button] = item.children;
      button.setAttribute(
        "aria-label",
        this.known.get(name) ? `Delete ${number}` : `Delete ${number}, which cannot be read`,
      );
    });
    const buttons = this.buttons();
    if (buttons.length && !buttons.some((button) => button.tabIndex === 0)) {
      buttons[Math.min(Math.max(place, 0), buttons.length - 1)].tabIndex = 0;
    }
    if (hadFocus && !this.list.contains(document.activeElement)) {
      (buttons.find((button) => button.tabIndex === 0) ?? this.shutter).focus();
    }
    this.count.textContent = photos(names.length);
    this.remove.hidden = !names.length;
    if (!names.length) this.question.hidden = true;
    this.list.hidden = !names.length;
  }

  buttons() {
    return [...this.list.querySelectorAll("button")];
  }

  thumbnail(name) {
    const address = this.known.get(name);
    const image = address
      ? make("img", { src: address, alt: "", width: 56, height: 56 })
      : make("span", { class: "tlc-unreadable", title: `${name} cannot be read` }, "?");
    const cross = make("span", { class: "tlc-cross", "aria-hidden": "true" }, "×");
    const button = make(
      "button",
      { type: "button", tabindex: -1, title: `Delete ${name}` },
      image,
      cross,
    );
    button.addEventListener("click", () => this.view.album.remove(this.kind, [name]));
    button.addEventListener("focus", () => this.settle(button));
    return make("li", { "data-name": name }, button);
  }

  /** Make a thumbnail the one that the key Tab reaches. */
  settle(button) {
    for (const other of this.buttons()) other.tabIndex = other === button ? 0 : -1;
  }

  walk(event) {
    const step = {
      ArrowRight: 1,
      ArrowDown: 1,
      ArrowLeft: -1,
      ArrowUp: -1,
      Home: -Infinity,
      End: Infinity,
    }[event.key];
    const buttons = this.buttons();
    const at = buttons.indexOf(document.activeElement);
    if (at < 0) return;
    if (event.key === "Delete") document.activeElement.click();
    else if (step) buttons[Math.min(Math.max(at + step, 0), buttons.length - 1)].focus();
    else return;
    event.preventDefault();
  }

  ask() {
    const names = [...this.known.keys()]; // those that the reader sees
    const close = () => {
      this.question.hidden = true;
      (this.remove.hidden ? this.shutter : this.remove).focus();
    };
    const yes = make("button", { type: "button", class: "tlc-danger" }, "Delete");
    yes.addEventListener("click", () => this.view.album.remove(this.kind, names).then(close));
    const no = make("button", { type: "button", onclick: close }, "Keep");
    this.question.replaceChildren(
      `Delete ${photos(names.length)} of ${this.kind} for good? `,
      yes,
      no,
    );
    this.question.hidden = false;
    no.focus();
  }
}

class CameraView {
  constructor(album, setup, el) {
    this.album = album;
    this.side = setup.side;
    this.frame = widgetFrame(el, "Camera");
    const { section, status, problem } = this.frame;
    const without = "Without a camera, drop photos on a class, or add files.";
    this.webcam = new Webcam({
      on: "Turn the camera on",
      off: "Turn the camera off",
      without,
      say: (text) => this.complain(text),
      onchange: (on) => section.classList.toggle("tlc-on", on),
    });
    this.newest = make("figure", { class: "tlc-newest", hidden: true });
    const shoot = make(
      "button",
      { type: "button", title: "It belongs to no class", onclick: () => this.takeNew() },
      "New photo",
    );
    const picker = filePicker("Choose a file as the new photo", "Choose a file…", false, (files) =>
      this.lookAt(files),
    );
    const left = make(
      "div",
      { class: "tlc-left" },
      this.webcam.picture,
      this.webcam.button,
      make("div", { class: "tlc-row" }, shoot, picker),
      this.newest,
    );
    dropZone(left, (files) => this.lookAt(files));
    this.cards = new Map(setup.classes.map((kind) => [kind, new ClassCard(kind, this)]));
    this.saveAgain = make("button", { type: "button", hidden: true, onclick: () => this.again() });
    this.note = make("p", { class: "tlc-note", hidden: true });
    const hint = make(
      "p",
      { class: "tlc-hint" },
      "Click on a class for one photo, hold it for a burst.",
    );
    const cards = make(
      "div",
      { class: "tlc-right" },
      hint,
      ...[...this.cards.values()].map((card) => card.element),
      this.note,
    );
    const kept = whereItGoes(`: photos are files in the folder ${setup.folder}`);
    section.append(
      make("div", { class: "tlc-columns" }, left, cards),
      problem,
      this.saveAgain,
      status,
      make("p", { class: "tlc-private" }, kept),
    );
    this.folder = setup.folder;
    this.touched = new Set(); // classes whose counts are to be announced
    album.views.add(this);
    this.change();
    this.showNewest();
  }

  async take(kind, burst) {
    const data = await this.picture();
    if (!data) return;
    this.webcam.picture.classList.remove("tlc-flash");
    void this.webcam.picture.offsetWidth; // begins the animation again
    this.webcam.picture.classList.add("tlc-flash");
    await this.album.keep(kind, burst, data);
  }

  async picture() {
    const data = await this.webcam.frame(this.side).catch(() => null);
    if (!data)
      this.complain(
        this.webcam.stream
          ? "The camera gives no picture yet: wait a moment."
          : "Turn the camera on first, or add files.",
      );
    return data;
  }

  async takeNew() {
    const data = await this.picture();
    if (data) await this.look(data);
  }

  async look(data, more) {
    try {
      await this.album.look(data, more);
      this.complain("");
      this.frame.say("The new photo is there, as camera.photo.");
    } catch (error) {
      this.complain(error.message);
    }
  }

  async lookAt([file]) {
    try {
      const { data, raw } = await readFile(file, this.side);
      await this.look(data, { raw, file: file.name });
    } catch (error) {
      this.complain(error.message);
    }
  }

  async addFiles(kind, files) {
    this.complain("");
    for (const file of files) {
      try {
        const { data, raw } = await readFile(file, this.side);
        const burst = `${file.name}-${Date.now()}-${Math.random()}`; // each is alone
        await this.album.keep(kind, burst, data, { raw, file: file.name });
      } catch (error) {
        this.complain(error.message);
      }
    }
  }

  async again() {
    this.complain("");
    await this.album.again();
    this.offerAgain();
  }

  offerAgain() {
    const { length } = this.album.unsaved;
    this.saveAgain.hidden = !length;
    this.saveAgain.textContent = `Keep ${photos(length)} that could not be saved`;
  }

  // What the album tells.

  kept(kind) {
    this.touched.add(kind);
    this.offerAgain();
    if (!this.album.unsaved.length && this.webcam.stream) this.complain("");
    clearTimeout(this.announcing);
    this.announcing = setTimeout(() => {
      const counts = [...this.touched].map(
        (name) => `${name}: ${photos(this.album.photos.get(name).size)}`,
      );
      this.touched.clear();
      this.frame.say(`${counts.join(", ")}.`);
    }, 2 * BURST);
  }

  refused(sentence) {
    this.complain(sentence);
    this.offerAgain();
  }

  complain(sentence) {
    this.frame.complain(sentence);
  }

  wait(late) {
    if (late) this.frame.say(BUSY);
    else if (this.frame.status.textContent === BUSY) this.frame.say("");
  }

  change(gone = [], shown = []) {
    const changed = new Set([...gone, ...shown].map(([kind]) => kind));
    for (const kind of changed) this.cards.get(kind)?.refresh();
    if (gone.length) for (const [kind] of gone) if (this.cards.has(kind)) this.kept(kind);
    const { others } = this.album;
    this.note.hidden = !others.length;
    this.note.textContent =
      `${this.folder} also holds ${others.join(", ")}: load_photo_folder reads ` +
      `${others.length > 1 ? "them" : "it"} too.`;
  }

  showNewest() {
    this.newest.hidden = !this.album.newest;
    if (!this.album.newest) return;
    const image = make("img", {
      src: this.album.newest,
      alt: "The new photo",
      width: 80,
      height: 80,
    });
    this.newest.replaceChildren(image, make("figcaption", {}, "camera.photo"));
  }

  close() {
    clearTimeout(this.announcing);
    this.album.views.delete(this);
    this.webcam.close();
  }
}

// --- Live ----------------------------------------------------------------------------------------

class LiveView {
  constructor(kernel, setup, el) {
    this.kernel = kernel;
    this.side = setup.side;
    this.frame = widgetFrame(el, "Live classifier");
    const { section, status, problem } = this.frame;
    this.webcam = new Webcam({
      on: "Start",
      off: "Stop",
      without: "Without a camera, drop a photo on the picture, or choose a file.",
      say: (text) => this.frame.complain(text),
      onchange: (on) => {
        section.classList.toggle("tlc-on", on);
        if (on) this.run();
      },
    });
    const picker = filePicker("Choose a photo to classify", "Choose a file…", false, (files) =>
      this.lookAt(files),
    );
    this.bars = new Bars();
    const left = make(
      "div",
      { class: "tlc-left" },
      this.webcam.picture,
      make("div", { class: "tlc-row" }, this.webcam.button, picker),
    );
    dropZone(left, (files) => this.lookAt(files));
    section.append(
      make(
        "div",
        { class: "tlc-columns" },
        left,
        make("div", { class: "tlc-right" }, this.bars.element),
      ),
      problem,
      status,
      make("p", { class: "tlc-private" }, whereItGoes("")),
    );
    this.running = false;
    this.announced = "";
    kernel.views.add(this);
  }

  /** One picture after the other, while the camera is on; the next when the answer is there. */
  async run() {
    if (this.running) return;
    this.running = true;
    try {
      while (this.webcam.stream) {
        const begin = Date.now();
        const data =
          document.hidden || this.webcam.seen === false ? null : await this.webcam.frame(this.side);
        if (data) {
          const { bars } = await this.kernel.ask({ do: "classify" }, data);
          if (this.webcam.stream) this.show(bars);
        }
        await sleep(Math.max(PAUSE - (Date.now() - begin), data ? 0 : PAUSE));
      }
    } catch (error) {
      this.webcam.stop();
      this.frame.complain(error.message);
    } finally {
      this.running = false;
    }
  }

  async lookAt([file]) {
    this.webcam.stop();
    this.frame.complain("");
    try {
      const { data, raw } = await readFile(file, this.side);
      this.webcam.show(raw ? null : data);
      const { bars } = await this.kernel.ask({ do: "classify", raw, file: file.name }, data);
      this.show(bars);
    } catch (error) {
      this.frame.complain(error.message);
    }
  }

  show(bars) {
    this.announce(this.bars.show(bars));
  }

  /** Say the name when it changes, and not too often. */
  announce(top) {
    const now = Date.now();
    if (top === this.announced || now - (this.at ?? 0) < 1500) return;
    this.announced = top;
    this.at = now;
    this.frame.say(`It looks like: ${top}.`);
  }

  wait(late) {
    if (late) this.frame.say(BUSY);
    else if (this.frame.status.textContent === BUSY) this.frame.say("");
  }

  close() {
    this.kernel.views.delete(this);
    this.webcam.close();
  }
}

// --- what anywidget calls ------------------------------------------------------------------------

/** For each widget: its model first, then a view wherever it is shown. */
export default () => {
  let kernel;
  let album;
  return {
    initialize({ model }) {
      const setup = model.get("_setup");
      kernel = new Kernel(model);
      if (setup.kind === "camera") {
        album = new Album(kernel, setup.classes);
      } else {
        kernel.views = new Set();
        kernel.onwait = (late) => kernel.views.forEach((view) => view.wait(late));
      }
      return () => kernel.close();
    },
    render({ model, el }) {
      const setup = model.get("_setup");
      const view = album ? new CameraView(album, setup, el) : new LiveView(kernel, setup, el);
      return () => view.close();
    },
  };
};
