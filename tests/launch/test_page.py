"""The report's page in headless Chromium, at the widths of a laptop and of a phone, in light and in dark."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from made_up import FolderTest, write_comparison

try:
    from experiment.report import write_report
    MISSING = ""
except ImportError as error:
    MISSING = f"{error}; launch/install.sh report installs it"

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDTHS = {"laptop": 1280, "phone": 390}
SCHEMES = {"light": 1, "dark": 0}  # as Chromium numbers them
# Where to keep the pictures for people to look at; by default they go with the test's folder.
PICTURES = os.environ.get("PICTURES_OF_PAGE")

# Shows the page in a frame: a window of Chromium cannot be as narrow as a phone's. Then says what it measured.
FRAME = """<!DOCTYPE html><html><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<style>body {{ margin: 0 }} iframe {{ border: 0; width: {width}px; height: 2000px }}</style></head><body>
<script>
const faults = [];
function measure(frame) {{
  const view = frame.contentWindow, page = frame.contentDocument, root = page.documentElement;
  frame.style.height = root.scrollHeight + "px";
  const luminance = colour => colour.match(/[\\d.]+/g).slice(0, 3)
    .map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (a, b) => {{
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  }};
  const ground = view.getComputedStyle(page.body).backgroundColor;
  const all = selector => [...page.querySelectorAll(selector)];
  const result = {{
    faults, ground, height: root.scrollHeight,
    inner: view.innerWidth, scroll: root.scrollWidth,
    resources: view.performance.getEntriesByType("resource").map(entry => entry.name),
    figures: all("figure svg").map(svg => svg.getBoundingClientRect()).map(r => [r.width, r.height]),
    tables: all("table").length,
    overflowing: all("body *").filter(e => !e.closest("figure, .box, details:not([open])") || e.matches(".box"))
      .filter(e => e.getBoundingClientRect().right > view.innerWidth + 1).map(e => e.outerHTML.slice(0, 80)),
    text: contrast(view.getComputedStyle(page.body).color, ground),
    quiet: contrast(view.getComputedStyle(page.querySelector(".quiet")).color, ground),
    ticks: all("figure svg text").slice(0, 3).map(e => contrast(view.getComputedStyle(e).fill, ground)),
    lines: all(".legend line").map(e => contrast(view.getComputedStyle(e).stroke, ground)),
  }};
  const output = document.createElement("pre");
  output.id = "measured";
  output.hidden = true;
  output.textContent = JSON.stringify(result);
  document.body.append(output);
}}
</script>
<iframe srcdoc="{page}" onload="try {{ measure(this) }} catch (error) {{ document.title = 'failed: ' + error }}"></iframe>
</body></html>"""


def chromium(page, scheme, *options):
    """Runs Chromium on a page without a network and returns its two streams.

    Chromium itself crashes now and then: where a signal ended it, it starts again, three times in all.
    """
    for attempt in range(3):
        result = chromium_once(page, scheme, *options)
        if result.returncode >= 0:  # not ended by a signal
            break
        print(f"Chromium ended by signal {-result.returncode}, attempt {attempt + 1} of 3", file=sys.stderr)
    result.check_returncode()
    return result.stdout, result.stderr


def chromium_once(page, scheme, *options):
    with tempfile.TemporaryDirectory(prefix="chromium-") as profile:
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                   f"--user-data-dir={profile}", "--no-first-run", "--disable-extensions", "--disable-background-networking",
                   "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--virtual-time-budget=3000",
                   f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}", *options, page.as_uri()]
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=120, check=False, universal_newlines=True)


@unittest.skipIf(MISSING, MISSING)
@unittest.skipUnless(CHROMIUM, "no Chromium (package chromium)")
class PageTest(FolderTest):
    def setUp(self):
        super().setUp()
        for hidden in ("500", "300,300,300,300,300,300,300,300,300,300,300,300"):
            write_comparison(self.folder / "runs", hidden)
        self.page = write_report([self.folder / "runs"], self.folder / "out", "launch/report.sh " + "runs/a-long-name/" * 9)
        self.pictures = Path(PICTURES) if PICTURES else self.folder

    def look(self, device, scheme):
        """What was measured of the page, and its picture."""
        name, width = f"{device}-{scheme}", WIDTHS[device]
        frame = self.folder / f"{name}.html"
        frame.write_text(FRAME.format(width=width, page=html.escape(self.page.read_text(encoding="utf-8"))),
                         encoding="utf-8")
        dom, messages = chromium(frame, scheme, "--dump-dom", f"--window-size={max(width, 600)},900")
        self.assertNotIn("CONSOLE", messages, "errors on the console")
        found = re.search(r'<pre id="measured"[^>]*>(.*?)</pre>', dom, flags=re.DOTALL)
        self.assertTrue(found, f"nothing measured: {re.search('<title>.*</title>', dom)}")
        measured = json.loads(html.unescape(found[1]))
        picture = self.pictures / f"{name}.png"
        chromium(frame, scheme, f"--screenshot={picture}", f"--window-size={max(width, 600)},{measured['height']}")
        self.assertEqual(picture.read_bytes()[:4], b"\x89PNG")
        return measured

    def test_at_both_widths_in_light_and_dark(self):
        grounds = {}
        for device, width in WIDTHS.items():
            for scheme in SCHEMES:
                with self.subTest(device=device, scheme=scheme):
                    measured = self.look(device, scheme)
                    self.assertEqual((measured["faults"], measured["resources"]), ([], []))
                    self.assertEqual(measured["inner"], width)
                    self.assertLessEqual(measured["scroll"], width, "the page scrolls sideways")
                    self.assertEqual(measured["overflowing"], [])
                    self.assertEqual(measured["tables"], 2 * 3 + 1 + 1)
                    self.assertEqual(len(measured["figures"]), 2 * 9)
                    for figure in measured["figures"]:
                        self.assertGreater(min(figure), 180)
                        self.assertLessEqual(figure[0], width)
                    self.assertGreaterEqual(min(measured["text"], measured["quiet"], *measured["ticks"]), 4.5)
                    self.assertGreaterEqual(min(measured["lines"]), 3)
                    grounds[scheme] = measured["ground"]
        self.assertNotEqual(grounds["light"], grounds["dark"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
