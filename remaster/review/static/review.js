// The review page: the wipe, and keys as clicks on the page's own buttons.
"use strict";

const remasterReview = {
  // A letter or a named key, and the button (by data-key) that it presses.
  keys: {
    n: "next", arrowright: "next", p: "previous", arrowleft: "previous", a: "accept", r: "reject",
    1: "view-wipe", 2: "view-loop", 3: "view-background", o: "overlay", t: "takes", m: "make", "?": "help", h: "help",
  },

  button(name) {
    return document.querySelector(`[data-key="${name}"]`);
  },

  current() {
    // After the strip was drawn: bring the present shot into view without moving the page.
    setTimeout(() => {
      const cell = document.querySelector('.strip [aria-current="true"]');
      const strip = cell && cell.closest(".strip");
      if (!strip) return;
      const a = cell.getBoundingClientRect(), b = strip.getBoundingClientRect();
      if (a.top < b.top || a.bottom > b.bottom) strip.scrollTop += a.top - b.top - (b.height - a.height) / 2;
      if (a.left < b.left || a.right > b.right) strip.scrollLeft += a.left - b.left - (b.width - a.width) / 2;
    }, 60);
  },

  // Where the wipe stands, in percent: shots are compared at the same place, one after the other.
  at: 50,

  wipe(input) {
    this.at = Number(input.value);
    input.closest(".wipe").style.setProperty("--at", `${input.value}%`);
    input.setAttribute("aria-valuetext", `${input.value} % before`);
  },

  shaped(image) {
    // The pixels of a video need not be square: the picture's own shape counts.
    const wipe = image.closest(".wipe");
    wipe.style.setProperty("--shape", image.naturalWidth / image.naturalHeight);
    wipe.classList.remove("loading");
    const input = wipe.querySelector("input");
    input.value = this.at;
    this.wipe(input);
  },

  cycle() {
    const input = this.button("wipe");
    if (!input) return;
    const order = [0, 50, 100];
    input.value = order[(order.indexOf(Number(input.value)) + 1) % order.length];
    this.wipe(input);
    input.focus();
  },

  missing(image) {
    // The wipe has two pictures, a slider and tags: all of it makes room for the reason.
    const said = document.createElement("p");
    said.className = "none";
    said.textContent = "There is no such picture of this shot.";
    (image.closest(".wipe") || image).replaceWith(said);
    fetch(image.src).then((answer) => answer.json()).then((found) => { said.textContent = String(found.detail); })
      .catch(() => undefined);
  },

  unplayable(video) {
    if (video.dataset.other) {
      const other = video.dataset.other;
      video.dataset.other = "";
      video.src = other;
      return;
    }
    const said = document.createElement("p");
    said.className = "none";
    said.textContent = "This browser cannot play the segment. A run with preview=true makes a loop that it can.";
    video.replaceWith(said);
  },

  typing(target) {
    if (target.isContentEditable || target.tagName === "TEXTAREA" || target.tagName === "SELECT") return true;
    return target.tagName === "INPUT" && !["range", "checkbox", "button", "radio"].includes(target.type);
  },

  pressed(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || this.typing(event.target)) return;
    if (document.querySelector(".q-dialog")) return;
    const key = event.key.toLowerCase();
    const isSlider = event.target.type === "range" && key.startsWith("arrow");
    if (isSlider || event.target.closest("[role=listbox], [role=combobox]")) return;
    if (key === "w") { this.cycle(); event.preventDefault(); return; }
    if (key === "f") { document.querySelector(".search input").focus(); event.preventDefault(); return; }
    const button = this.keys[key] && this.button(this.keys[key]);
    if (button && !button.disabled) { button.click(); event.preventDefault(); }
  },
};

document.addEventListener("input", (event) => {
  if (event.target.dataset && event.target.dataset.key === "wipe") remasterReview.wipe(event.target);
});
document.addEventListener("keydown", (event) => remasterReview.pressed(event));
