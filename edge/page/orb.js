/**
 * The calm picture of who is speaking: a disc that swells with the reply's voice, and around it a line that trembles
 * with the person's. It says nothing that the words below it do not.
 */

const POINTS = 96;

export class Orb {
  #canvas;
  #pen;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");
  #person = 0;
  #reply = 0;
  #heard = { person: 0, reply: 0 };
  #mood = "idle";
  #isDrawing = false;

  /** @param {HTMLCanvasElement} canvas its `color` and `outline-color` are the disc's and the line's */
  constructor(canvas) {
    this.#canvas = canvas;
    this.#pen = canvas.getContext("2d");
    for (const query of ["(prefers-color-scheme: dark)", "(prefers-reduced-motion: reduce)"]) {
      matchMedia(query).addEventListener("change", () => this.redraw());
    }
    new ResizeObserver(() => this.redraw()).observe(canvas);
  }

  /** RMS of what both sides sound like now. */
  hear(person, reply) {
    this.#heard = { person: loudness(person), reply: loudness(reply) };
    this.redraw();
  }

  /** @param {string} mood a stage, or who has the floor */
  feel(mood) {
    this.#mood = mood;
    this.redraw();
  }

  redraw() {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame((time) => this.#frame(time));
  }

  #frame(time) {
    this.#isDrawing = false;
    // Up at once, down gently: a voice seems to breathe instead of flicker.
    this.#person = Math.max(this.#heard.person, this.#person * 0.9);
    this.#reply = Math.max(this.#heard.reply, this.#reply * 0.9);
    this.#draw(time / 1000);
    const isMoving = this.#person + this.#reply > 0.01 || ["thinking", "connecting"].includes(this.#mood);
    if (isMoving && !this.#calm.matches) this.redraw();
  }

  #draw(time) {
    const scale = devicePixelRatio;
    const size = this.#canvas.clientWidth;
    if (this.#canvas.width !== Math.round(size * scale)) this.#canvas.width = this.#canvas.height = Math.round(size * scale);
    const style = getComputedStyle(this.#canvas);
    const pen = this.#pen;
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, size, size);
    pen.translate(size / 2, size / 2);
    const radius = size * 0.29;
    this.#drawDisc(pen, style.color, radius, time);
    this.#drawLine(pen, style.outlineColor, radius * 1.32, time);
  }

  #drawDisc(pen, color, radius, time) {
    const isQuiet = ["idle", "ended", "waiting", "connecting"].includes(this.#mood);
    const swell = this.#calm.matches ? 0 : this.#reply;
    for (const [reach, opacity] of [[1.22, 0.1], [1.1, 0.16], [1, isQuiet ? 0.8 : 1]]) {
      pen.globalAlpha = opacity;
      pen.fillStyle = reach > 1 ? color : lit(pen, color, radius);
      this.#blob(pen, radius * (1 + (reach - 1) * (0.4 + 1.6 * swell) + 0.07 * swell), swell * 0.035, time * 0.9 + reach);
      pen.fill();
    }
    pen.globalAlpha = 1;
    if (this.#mood === "held") {
      pen.globalCompositeOperation = "destination-out";
      for (const x of [-0.2, 0.2]) {
        pen.beginPath();
        pen.roundRect((x - 0.08) * radius, -0.32 * radius, 0.16 * radius, 0.64 * radius, 0.08 * radius);
        pen.fill();
      }
      pen.globalCompositeOperation = "source-over";
    }
  }

  #drawLine(pen, color, radius, time) {
    pen.strokeStyle = color;
    pen.lineWidth = 2;
    pen.globalAlpha = 0.35 + 0.65 * Math.min(1, this.#person * 2);
    if (this.#mood === "thinking" || this.#mood === "connecting") {
      const start = this.#calm.matches ? -Math.PI / 2 : time * 2.2;
      pen.globalAlpha = 1;
      pen.lineCap = "round";
      pen.beginPath();
      pen.arc(0, 0, radius, start, start + Math.PI * 0.5);
      pen.stroke();
      pen.globalAlpha = 0.25;
    }
    if (this.#calm.matches) {
      // A gauge instead of a tremble.
      pen.beginPath();
      pen.arc(0, 0, radius, 0, 2 * Math.PI);
      pen.stroke();
      pen.globalAlpha = 1;
      pen.lineWidth = 4;
      pen.beginPath();
      pen.arc(0, 0, radius, Math.PI / 2 - this.#person * Math.PI, Math.PI / 2 + this.#person * Math.PI);
      pen.stroke();
    } else {
      this.#blob(pen, radius * (1 + 0.06 * this.#person), 0.09 * this.#person, time * 2.4);
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }

  /** A circle with slow waves of this relative height on it. */
  #blob(pen, radius, height, time) {
    pen.beginPath();
    for (let point = 0; point <= POINTS; point++) {
      const angle = (point / POINTS) * 2 * Math.PI;
      const wave = Math.sin(3 * angle + time) + 0.6 * Math.sin(5 * angle - 1.7 * time) + 0.4 * Math.sin(2 * angle + 2.3 * time);
      const reach = radius * (1 + height * wave);
      pen.lineTo(reach * Math.cos(angle), reach * Math.sin(angle));
    }
    pen.closePath();
  }
}

/** A colour as if light fell on it from above. */
function lit(pen, color, radius) {
  const fill = pen.createRadialGradient(-0.3 * radius, -0.4 * radius, 0.1 * radius, 0, 0, 1.25 * radius);
  fill.addColorStop(0, `color-mix(in oklab, ${color} 78%, white)`);
  fill.addColorStop(0.55, color);
  fill.addColorStop(1, `color-mix(in oklab, ${color} 88%, black)`);
  return fill;
}

/** How loud an RMS sounds: 0 at -50 dB, 1 at -14 dB. */
export function loudness(rms) {
  return Math.max(0, Math.min(1, (20 * Math.log10(rms + 1e-9) + 50) / 36));
}
