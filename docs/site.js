// What the theme leaves to be named: its copy buttons' landmarks, the links at lines of code, and wide tables, which
// scroll by the keyboard once they can be focused.
function completeNames() {
  for (const each of document.querySelectorAll(".md-code__nav")) each.setAttribute("role", "none");
  for (const each of document.querySelectorAll("a[id^=__codelineno]")) each.removeAttribute("href");
  for (const each of document.querySelectorAll(".md-typeset__scrollwrap, pre > code")) each.tabIndex = 0;
}
completeNames();
new MutationObserver(completeNames).observe(document.body, { childList: true, subtree: true });
