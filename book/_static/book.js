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

// Sphinx hands on the words of the search; of Chinese, those are pairs of letters, and the phrase itself is needed.
addEventListener("click", () => {
  const query = (typeof Search !== "undefined" && new URLSearchParams(location.search).get("q")) || "";
  if (/\p{Script=Han}/u.test(query)) localStorage.setItem("sphinx_highlight_terms", query.trim());
}, true);

// What scrolls sideways must be reachable by keyboard, also when a solution was opened or the window became narrower.
function reachScrollers() {
  document.querySelectorAll(".bd-article :is(pre, figure, .cell_output, .pst-scrollable-table-container, div.math)").forEach((box) => {
    const scrolls = box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX !== "visible";
    if (scrolls) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
}

// A printed sentence wraps also on a phone. Where words stand in columns, lines stay as they are, and scroll.
function wrapSentences() {
  document.querySelectorAll(".cell_output .stream pre").forEach((box) => {
    if (!/\S {2,}\S/.test(box.textContent)) box.classList.add("sentences");
  });
  document.querySelectorAll(".bd-article p code .pre").forEach((word) => {
    if (word.textContent.length < 30) word.classList.add("short");
  });
}

// A browser may put the comma after a formula at the start of the next line. Keep them together.
function keepMarks() {
  document.querySelectorAll(".bd-article span.math").forEach((formula) => {
    const after = formula.nextSibling;
    const mark = after && after.nodeType === Node.TEXT_NODE && after.data.match(/^[.,;:!?)\]’”，。；：、！？）]+/);
    if (!mark) return;
    const both = document.createElement("span");
    both.className = "together";
    formula.before(both);
    both.append(formula, mark[0]);
    after.data = after.data.slice(mark[0].length);
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

// The other edition: to the same section, that of the address or the last one that has come into view.
function switchLanguage(link) {
  link.addEventListener("click", () => {
    const sections = JSON.parse(link.dataset.sections);
    const above = [...document.querySelectorAll("main section[id]")].filter((section) => section.getBoundingClientRect().top < 120);
    const named = decodeURIComponent(location.hash.slice(1));
    const here = named || (scrollY > 0 && above.length ? above[above.length - 1].id : "");
    link.hash = sections[here] || named;
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
  document.querySelectorAll(".language-switch").forEach(switchLanguage);
  wrapSentences();
  keepMarks();
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
