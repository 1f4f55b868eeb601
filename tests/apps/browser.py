"""Drives a headless Chromium by its DevTools protocol: opens a page, evaluates JavaScript, collects errors, takes pictures."""
import base64
import json
import pathlib
import shutil
import subprocess
import tempfile
import time
import urllib.request

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One process with one page. `errors` are console errors, exceptions and blocked or failed loads since the page was opened."""

    def __init__(self):
        import websocket  # of scripts/requirements-test.txt

        self.profile = tempfile.mkdtemp(prefix="warmstart-browser-")
        self.process = subprocess.Popen(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
             "--disable-background-networking", "--remote-debugging-port=0", "--remote-allow-origins=*", f"--user-data-dir={self.profile}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        told = pathlib.Path(self.profile) / "DevToolsActivePort"
        end = time.monotonic() + 120
        while not (told.exists() and "\n" in told.read_text()):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("Chromium did not start")
            time.sleep(0.05)
        port = told.read_text().splitlines()[0]
        pages = [p for p in json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json")) if p["type"] == "page"]
        self.socket = websocket.create_connection(pages[0]["webSocketDebuggerUrl"], timeout=120)
        self.count, self.errors, self.loaded = 0, [], False
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.command(f"{domain}.enable")

    def close(self):
        self.socket.close()
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def take(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Page.loadEventFired":
            self.loaded = True
        elif method == "Runtime.exceptionThrown":
            self.errors.append(params["exceptionDetails"].get("exception", {}).get("description") or params["exceptionDetails"]["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert", "warning"):
            self.errors.append(" ".join(str(a.get("value", a.get("description"))) for a in params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.errors.append(params["entry"]["text"])

    def command(self, method, **params):
        self.count += 1
        self.socket.send(json.dumps({"id": self.count, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == self.count:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self.take(message)

    def size(self, width, height=900):
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def colours(self, scheme):
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def downloads_into(self, folder):
        self.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def open(self, address):
        self.errors, self.loaded = [], False
        self.command("Page.navigate", url=str(address))
        while not self.loaded:
            self.take(json.loads(self.socket.recv()))

    def value(self, script):
        """What the script's expression (or promise) comes to, as JSON would carry it."""
        result = self.command("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"].get("exception", {}).get("description", result["exceptionDetails"]["text"]))
        return result["result"].get("value")

    def choose(self, what, value):
        """Picks an entry of one of the page's choosers, as a click does."""
        self.value(f"{{ const s = document.getElementById('choose-{what}'); s.value = '{value}'; s.dispatchEvent(new Event('change')); }}")

    def wait(self, script, seconds=60):
        end = time.monotonic() + seconds
        while not self.value(script):
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True

    def picture(self, path, clip=None):
        """The whole page, or `clip` = (x, y, width, height) in CSS pixels, as a PNG file."""
        if clip is None:
            box = self.command("Page.getLayoutMetrics")["cssContentSize"]
            clip = (0, 0, box["width"], box["height"])
        x, y, width, height = clip
        shot = self.command("Page.captureScreenshot", captureBeyondViewport=True, clip={"x": x, "y": y, "width": width, "height": height, "scale": 1})
        pathlib.Path(path).write_bytes(base64.b64decode(shot["data"]))
