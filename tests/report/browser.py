"""Chromium, told through a pipe what to do (Chrome DevTools Protocol), for pages that change while one looks."""
import base64
import fcntl
import itertools
import json
import os
import select
import subprocess
import tempfile
import time


class Browser:
    """One page. What it says on the console, or the browser about it, is in `said`."""

    def __init__(self, chromium, width, height, dark=False):
        self.folder = tempfile.TemporaryDirectory()
        self.said, self.count, self.left, self.session, self.loaded = [], itertools.count(1), b"", None, False
        theirs_in, self.out = os.pipe()
        self.back, theirs_out = os.pipe()
        high = [fcntl.fcntl(one, fcntl.F_DUPFD, 20) for one in (theirs_in, theirs_out)]  # 3 and 4 are where it reads and writes
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
                   "--remote-debugging-pipe", f"--user-data-dir={self.folder.name}", "about:blank"]
        self.process = subprocess.Popen(["bash", "-c", f'exec "$@" 3<&{high[0]} 4>&{high[1]}', "bash", *command], pass_fds=high,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env=os.environ | {"HOME": self.folder.name})
        for one in (theirs_in, theirs_out, *high):
            os.close(one)
        target = self.tell("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.tell("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.tell(domain + ".enable")
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        self.tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.out)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.back)
        time.sleep(0.2)  # its last processes still write there
        self.folder.cleanup()

    def tell(self, method, **parameters):
        number = next(self.count)
        order = {"id": number, "method": method, "params": parameters} | ({"sessionId": self.session} if self.session else {})
        os.write(self.out, json.dumps(order).encode() + b"\0")
        while True:
            answer = self.hear(time.monotonic() + 60)
            if answer.get("id") == number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]

    def hear(self, until):
        while b"\0" not in self.left:
            if not select.select([self.back], [], [], max(0, until - time.monotonic()))[0]:
                raise AssertionError("the browser says nothing")
            part = os.read(self.back, 1 << 20)
            if not part:
                raise AssertionError("the browser has gone")
            self.left += part
        first, self.left = self.left.split(b"\0", 1)
        answer = json.loads(first)
        if answer.get("method") in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            self.said.append(answer["params"])
        self.loaded |= answer.get("method") == "Page.loadEventFired"
        return answer

    def show(self, url):
        self.loaded = False
        self.tell("Page.navigate", url=url)
        while not self.loaded:
            self.hear(time.monotonic() + 60)

    def value(self, script):
        """Of an expression in the page, or of a promise."""
        result = self.tell("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise AssertionError(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait_for(self, script, seconds=60):
        until = time.monotonic() + seconds
        while not self.value(script):
            if time.monotonic() > until:
                raise AssertionError(f"never true: {script}; the page says {self.value('document.body.innerText')!r}")
            time.sleep(0.05)

    def picture(self, path):
        path.write_bytes(base64.b64decode(self.tell("Page.captureScreenshot", format="png")["data"]))
