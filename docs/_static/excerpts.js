// The search shows a piece of each page that it finds, and fetches the page for it. A browser fetches nothing
// from a disk: there the pages' words come from pages.js, which `docs/build.py` writes.
if (location.protocol === "file:") {
  const words = new Promise((resolve) => {
    const script = document.createElement("script");
    script.src = `${document.documentElement.dataset.content_root}_static/pages.js`;
    script.onload = () => resolve(window.PAGES);
    document.head.append(script);
  });
  window.fetch = async (address) => {
    const name = new URL(address, location.href).pathname.split("/");
    const pages = await words;
    const page = name.map((_, i) => name.slice(i).join("/")).find((end) => end in pages);
    return new Response(pages[page] ?? "");
  };
}
