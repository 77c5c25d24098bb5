// Before the first paint: the theme that the visitor chose here, if any.
try {
  const chosen = localStorage.getItem("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch { /* Storage may be forbidden: then the system's theme it is. */ }
