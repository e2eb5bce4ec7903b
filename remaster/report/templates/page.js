const gap = {{ preview_gap }};
function slide(image) {
  const half = (image.naturalWidth - gap) / 2, pair = image.parentElement;
  if (half < 1 || pair.classList.contains("slider")) return;
  const top = document.createElement("span"), after = image.cloneNode(), range = document.createElement("input");
  image.style.width = after.style.width = 100 * image.naturalWidth / half + "%";
  after.style.left = -100 * (half + gap) / half + "%";
  after.alt = "";
  top.className = "after";
  top.append(after);
  Object.assign(range, {type: "range", min: 0, max: 100, value: 50, ariaLabel: image.alt + ": from after to before"});
  range.oninput = () => pair.style.setProperty("--at", range.value + "%");
  pair.style.aspectRatio = half + "/" + image.naturalHeight;
  pair.style.maxWidth = "min(100%, " + 320 * half / image.naturalHeight + "px)";
  pair.style.setProperty("--half", half / image.naturalWidth);
  pair.classList.add("slider");
  pair.append(top, range);
}
function glimpse(link) {
  const image = document.querySelector(link.hash + " .pair img");
  if (!image) return;
  const after = new Image();
  after.onload = () => { after.style.aspectRatio = (after.naturalWidth - gap) / 2 + "/" + after.naturalHeight; };
  Object.assign(after, {alt: "", loading: "lazy", src: image.src});
  link.prepend(after);
}
function reveal(target) {
  const part = target.closest("details");
  if (target.hidden || part && part.hidden) { form.reset(); form.oninput(); }
  if (part) part.open = true;
}
for (const part of document.querySelectorAll(".set")) {
  const show = () => { part.ontoggle = null; part.querySelectorAll(".visits a").forEach(glimpse); };
  if (part.open) show(); else part.ontoggle = show;
}
document.addEventListener("click", event => {
  const link = event.target.closest('a[href^="#"]');
  if (link) reveal(document.querySelector(link.hash));
});
for (const image of document.querySelectorAll(".pair img")) {
  if (image.complete) slide(image); else image.onload = () => slide(image);
}
const form = document.querySelector(".filters");
if (form) form.oninput = () => {
  const method = form.elements.method.value, status = form.elements.status.value;
  let shown = 0;
  for (const part of document.querySelectorAll("details.video")) {
    let here = 0;
    for (const row of part.querySelectorAll("tbody tr")) {
      row.hidden = Boolean(method && row.dataset.method !== method || status && row.dataset.status !== status);
      here += row.hidden ? 0 : 1;
    }
    part.hidden = Boolean(!here && (method || status));
    if (here && (method || status)) part.open = true;
    shown += here;
  }
  form.elements.shown.value = shown.toLocaleString("en") + (shown === 1 ? " shot" : " shots");
};
