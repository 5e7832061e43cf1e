// What the theme leaves to us. A classic script without fetch, so that it also works in a page opened as a file.

// Search: excerpts come from a script (search_texts.js), since a page that was opened as a file may not fetch another.
const fetchFromServer = window.fetch;
window.fetch = (address, ...options) => {
  const page = String(address).split("/").pop().replace(/\.html.*$/, "");
  const text = window.searchTexts && window.searchTexts[page];
  return text ? Promise.resolve(new Response(text)) : fetchFromServer(address, ...options);
};

// On the page that was found, mark the phrase that was searched, not each of its words wherever it stands.
const onSearchPage = typeof Search !== "undefined";
const phrase = onSearchPage ? "" : localStorage.getItem("sphinx_highlight_terms");
if (phrase) localStorage.removeItem("sphinx_highlight_terms");

// What scrolls sideways must be reachable by keyboard, also when a solution was opened or the window became narrower.
function reachScrollers() {
  document.querySelectorAll(".bd-article :is(pre, figure, .cell_output, .pst-scrollable-table-container, div.math)").forEach((box) => {
    const scrolls = box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX !== "visible";
    if (scrolls) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
}

// A notebook is saved, not shown as text. From a file, a browser does that only with what a script holds.
function download(link) {
  link.download = "";
  link.addEventListener("click", (event) => {
    if (location.protocol !== "file:") return;
    event.preventDefault();
    const script = document.createElement("script");
    script.src = `${link.href}.js`;
    script.onload = () => {
      const copy = document.createElement("a");
      copy.href = URL.createObjectURL(new Blob([window.notebook]));
      copy.download = link.href.split("/").pop();
      copy.click();
    };
    document.head.append(script);
  });
}

document.addEventListener("DOMContentLoaded", () => {
  const article = document.querySelector(".bd-article");
  if (phrase && article) {
    _highlightText(article, phrase.toLowerCase(), "highlighted");
    const first = article.querySelector(".highlighted");
    if (first && !location.hash) first.scrollIntoView({ block: "center" });
  }
  document.querySelectorAll(".btn-download-source-button").forEach(download);
  document.addEventListener("toggle", reachScrollers, true);
});
window.addEventListener("load", () => new ResizeObserver(reachScrollers).observe(document.querySelector("main")));

// Paper is white: print in the light colours, whatever the screen shows.
let themeOnScreen = null;
function forPaper(printing) {
  const theme = document.documentElement.dataset;
  if (printing && themeOnScreen === null) [themeOnScreen, theme.theme] = [theme.theme, "light"];
  else if (!printing && themeOnScreen !== null) [theme.theme, themeOnScreen] = [themeOnScreen, null];
}
window.addEventListener("beforeprint", () => forPaper(true));
window.addEventListener("afterprint", () => forPaper(false));
matchMedia("print").addEventListener("change", (event) => forPaper(event.matches));
