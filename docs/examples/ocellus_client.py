"""A client for Ocellus' API: one file, with nothing but Python's standard library.

    OCELLUS_KEY=ocl_... python ocellus_client.py --url http://localhost:8000 PICTURE...

or in a program of your own:

    ocellus = Ocellus("http://localhost:8000", key)
    for answer in ocellus.recognize(["bee.jpg", "ant.jpg"], recognizer="insects"):
        print(answer["file_name"], answer["label"], answer["confidence"])
    for answer in ocellus.history(state="done", max="50"):
        ocellus.correct(answer, "wrong", true_label="wasp")
"""

import argparse
import json
import os
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

MAX_FILES, MAX_BYTES = 100, 200 * 1024 * 1024  # of one call; the server takes 512 MB
WAIT_SECONDS = 30  # the longest that the server holds a reply back
TRIES = 5
TRY_AGAIN = (429, 503)  # too many calls, and what is away for a moment

Answer = dict[str, Any]


class OcellusError(Exception):
    """What the API refuses. `code` is stable; the message is its sentence. `status` is 0, and `code`
    "unreachable", where no server answers."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        self.status, self.code = status, code
        super().__init__(sentence)


class NotAnswered(OcellusError):
    """The pictures are kept, and not answered in time: ask again at each one's `url`."""

    def __init__(self, predictions: list[Answer]) -> None:
        self.predictions = predictions
        super().__init__(202, "not_answered", f"{len(predictions)} pictures are not answered yet.")


class Ocellus:
    """An installation, asked with a key."""

    def __init__(self, url: str, key: str, *, timeout: float = 120) -> None:
        self._url, self._key, self._timeout = url.rstrip("/"), key, timeout

    def recognizers(self) -> list[dict[str, Any]]:
        """Those that can answer: slug, name, description, version."""
        return list(self._call("GET", "/api/v1/recognizers")["recognizers"])

    def recognize(
        self, paths: Iterable[str | Path], *, recognizer: str = "", timeout: float = 300
    ) -> Iterator[Answer]:
        """The answer to each picture, in their order. A file that is no picture has the state
        "failed" and says why in `failure`. Raises OcellusError, and NotAnswered after `timeout`
        seconds for one call's pictures."""
        for batch in _batches(Path(path) for path in paths):
            yield from self.wait(self.upload(batch, recognizer=recognizer), timeout=timeout)

    def upload(self, paths: Iterable[str | Path], *, recognizer: str = "") -> list[Answer]:
        """Send pictures in one call; those that are answered within it are."""
        files = [Path(path) for path in paths]
        boundary = uuid.uuid4().hex
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Prefer": f"wait={WAIT_SECONDS}",
            "Idempotency-Key": uuid.uuid4().hex,  # so that trying again makes no second record
        }
        body = _multipart(boundary, files, {"recognizer": recognizer} if recognizer else {})
        return list(self._call("POST", "/api/v1/predictions", headers, body)["predictions"])

    def wait(self, predictions: Iterable[Answer], *, timeout: float = 300) -> list[Answer]:
        """The same predictions, answered. Raises NotAnswered."""
        deadline = time.monotonic() + timeout
        found = list(predictions)
        for position, prediction in enumerate(found):
            while found[position]["state"] in ("queued", "running"):
                left = int(deadline - time.monotonic())
                if left <= 0:
                    raise NotAnswered(found)
                headers = {"Prefer": f"wait={min(WAIT_SECONDS, left)}"}
                found[position] = self._call("GET", prediction["url"], headers)
                if found[position]["state"] in ("queued", "running"):
                    time.sleep(0.5)  # as many wait at the server as may, so it answered at once
        return found

    def history(self, **filters: str) -> Iterator[Answer]:
        """All that was uploaded, newest first, page after page. `filters`: recognizer, version, label,
        state, min and max (confidence in percent), since and until (days), q (words). Raises
        OcellusError."""
        place = f"/api/v1/predictions?{urlencode({'limit': '100', **filters})}"
        while place:
            page = self._call("GET", place)
            yield from page["predictions"]
            place = page["older"]

    def correct(self, prediction: Answer, verdict: str, *, true_label: str = "") -> Answer:
        """Say that an answer is "right" or "wrong", and what it should have been; "" takes that back.
        Returns the prediction as it is now."""
        place = f"{prediction['url']}/correction"
        if not verdict:
            self._call("DELETE", place)
            return dict(self._call("GET", prediction["url"]))
        body = json.dumps({"verdict": verdict, "true_label": true_label}).encode()
        return dict(self._call("PUT", place, {"Content-Type": "application/json"}, body))

    def delete(self, prediction: Answer) -> None:
        """Delete a prediction with its picture, for ever. One that is gone already is no error: the
        call may have been tried twice."""
        try:
            self._call("DELETE", prediction["url"])
        except OcellusError as error:
            if error.status != 404:
                raise

    def _call(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> Any:
        headers = {"Authorization": f"Bearer {self._key}", **(headers or {})}
        for attempt in range(1, TRIES + 1):
            request = Request(self._url + path, data=body, headers=headers, method=method)  # noqa: S310
            try:
                with urlopen(request, timeout=self._timeout) as response:  # noqa: S310
                    return json.load(response) if response.status != 204 else None
            except HTTPError as error:
                refusal, seconds = _refusal(error), _seconds(error.headers)
                if error.code not in TRY_AGAIN or attempt == TRIES:
                    raise refusal from error
            except ValueError as error:  # something else answers at this address
                raise OcellusError(200, "no_json", f"{self._url} is not Ocellus.") from error
            except (URLError, ConnectionError, TimeoutError) as error:
                if attempt == TRIES:
                    raise OcellusError(0, "unreachable", f"{self._url}: {error}") from error
                seconds = float(attempt)
            time.sleep(seconds)
        raise AssertionError("The last try returns or raises.")


def _batches(paths: Iterable[Path]) -> Iterator[list[Path]]:
    """As many files at a time as one call may bring."""
    batch: list[Path] = []
    num_bytes = 0
    for path in paths:
        size = path.stat().st_size
        if batch and (len(batch) == MAX_FILES or num_bytes + size > MAX_BYTES):
            yield batch
            batch, num_bytes = [], 0
        batch.append(path)
        num_bytes += size
    if batch:
        yield batch


def _multipart(boundary: str, files: list[Path], fields: dict[str, str]) -> bytes:
    parts = []
    for name, value in fields.items():
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n')
        parts.append(f"{value}\r\n")
    encoded = ["".join(parts).encode()]
    for file in files:
        name = file.name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        head = f'Content-Disposition: form-data; name="pictures"; filename="{name}"'
        encoded.append(f"--{boundary}\r\n{head}\r\n\r\n".encode(errors="replace"))
        encoded += [file.read_bytes(), b"\r\n"]
    return b"".join([*encoded, f"--{boundary}--\r\n".encode()])


def _refusal(error: HTTPError) -> OcellusError:
    try:
        problem = json.load(error)
        return OcellusError(error.code, problem["code"], problem["detail"])
    except (ValueError, KeyError, TypeError):  # a web server in front, which speaks no problem JSON
        return OcellusError(error.code, "http_error", f"The server answered {error.code}.")


def _seconds(headers: Message) -> float:
    told = headers.get("Retry-After", "")
    return float(told) if told.isdecimal() else 1.0


def main() -> int:
    parser = argparse.ArgumentParser(description="Recognize pictures with Ocellus.")
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--url", default="http://localhost:8000")
    parser.add_argument("--recognizer", default="", help="slug; needed where there are several")
    arguments = parser.parse_args()
    key = os.environ.get("OCELLUS_KEY", "")
    num_failed = 0
    try:
        ocellus = Ocellus(arguments.url, key)
        for answer in ocellus.recognize(arguments.pictures, recognizer=arguments.recognizer):
            if answer["state"] == "failed":
                num_failed += 1
                print(f"{answer['file_name']}: {answer['failure']['sentence']}", file=sys.stderr)
            else:
                label = "none of these" if answer["none_of_these"] else answer["label"]
                print(label, f"{answer['confidence']:.1%}", answer["file_name"], sep="\t")
    except (OcellusError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 1 if num_failed else 0


if __name__ == "__main__":
    sys.exit(main())
