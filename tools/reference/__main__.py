"""Write the generated pages of docs/."""

from tools.reference import PAGES, ROOT

for name, page in PAGES.items():
    (ROOT / name).write_text(page(), encoding="utf-8")
