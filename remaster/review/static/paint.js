// Painting of masks over a frame, and sending of pictures. What is painted is white on black, of the frame's size.
"use strict";

const remasterPaint = {
  sheet: null,

  open() {
    const root = document.querySelector(".paint");
    const image = root.querySelector("img"), canvas = root.querySelector("canvas");
    const ready = () => {
      canvas.width = image.naturalWidth;
      canvas.height = image.naturalHeight;
      this.sheet = { root, canvas, pen: canvas.getContext("2d"), last: null };
      this.load(root.dataset.url);
      root.classList.add("ready");
    };
    if (image.complete && image.naturalWidth) ready(); else image.onload = ready;
    canvas.onpointerdown = (event) => { canvas.setPointerCapture(event.pointerId); this.stroke(event, true); };
    canvas.onpointermove = (event) => { if (event.buttons) this.stroke(event, false); };
    canvas.onpointerup = () => { this.sheet.last = null; };
    canvas.oncontextmenu = (event) => event.preventDefault();
  },

  load(url) {
    // What was painted before: white becomes the brush's colour.
    fetch(url).then((answer) => (answer.status === 200 ? answer.blob() : null)).then((blob) => blob && createImageBitmap(blob))
      .then((bitmap) => {
        if (!bitmap) return;
        const { canvas, pen } = this.sheet;
        pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
        const data = pen.getImageData(0, 0, canvas.width, canvas.height);
        for (let i = 0; i < data.data.length; i += 4) {
          const on = data.data[i] > 127;
          data.data.set(on ? [255, 150, 40, 255] : [0, 0, 0, 0], i);
        }
        pen.putImageData(data, 0, 0);
      });
  },

  place(event) {
    const box = this.sheet.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * this.sheet.canvas.width / box.width,
      (event.clientY - box.top) * this.sheet.canvas.height / box.height];
  },

  stroke(event, first) {
    const { root, canvas, pen } = this.sheet;
    const here = this.place(event), from = first || !this.sheet.last ? here : this.sheet.last;
    const erases = root.querySelector(".eraser").checked || event.buttons === 2;
    const box = canvas.getBoundingClientRect();
    pen.globalCompositeOperation = erases ? "destination-out" : "source-over";
    pen.strokeStyle = "rgb(255, 150, 40)";
    pen.lineCap = pen.lineJoin = "round";
    pen.lineWidth = Number(root.querySelector(".size").value) * canvas.width / box.width;
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(here[0] + 0.01, here[1]);
    pen.stroke();
    this.sheet.last = here;
  },

  clear() {
    const { canvas, pen } = this.sheet;
    pen.clearRect(0, 0, canvas.width, canvas.height);
  },

  save() {
    const { root, canvas, pen } = this.sheet;
    const data = pen.getImageData(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < data.data.length; i += 4) {
      const level = data.data[i + 3] > 127 ? 255 : 0;
      data.data.set([level, level, level, 255], i);
    }
    const mask = document.createElement("canvas");
    mask.width = canvas.width;
    mask.height = canvas.height;
    mask.getContext("2d").putImageData(data, 0, 0);
    mask.toBlob((blob) => this.send(root, root.dataset.url, blob), "image/png");
  },

  upload(input) {
    if (input.files.length) this.send(input.closest(".line"), input.dataset.url, input.files[0]);
    input.value = "";
  },

  send(root, url, blob) {
    const said = root.querySelector(".result");
    said.textContent = "is being kept …";
    fetch(url, { method: "POST", headers: { "content-type": "image/png" }, body: blob })
      .then(async (answer) => {
        said.textContent = answer.ok ? "kept" : String((await answer.json()).detail);
        if (answer.ok) root.dispatchEvent(new CustomEvent("saved", { bubbles: true }));
      })
      .catch((error) => { said.textContent = `not kept: ${error.message}`; });
  },
};
