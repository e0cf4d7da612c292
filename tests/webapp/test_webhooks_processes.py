"""Webhooks on a running installation, whose worker is killed while it sends."""

import json
import socket
import threading
from pathlib import Path

import httpx
import pytest

from tests.pictures import picture_bytes
from tests.stack import Stack
from tests.waiting import wait_for
from tests.webapp.foreign import ForeignServer, says

pytestmark = pytest.mark.slow


def test_a_program_is_told_and_told_again_where_the_worker_was_killed_over_it(
    colours: Stack, tmp_path: Path
) -> None:
    colours.environment["OCELLUS_PRIVATE_WEBHOOKS"] = "1"
    key = colours.create_api_key("ada")
    colours.start("redis", "web", "inference")
    api = httpx.Client(base_url=colours.url, headers={"Authorization": f"Bearer {key}"}, timeout=60)
    let_go = threading.Event()

    def hold(line: socket.socket) -> None:
        let_go.wait(60)

    with ForeignServer(says()) as receiver:
        assert api.post("/api/v1/webhooks", json={"url": receiver.url("/hook")}).status_code == 201

        def send(colour: str) -> dict[str, object]:
            files = {"pictures": (f"{colour}.jpg", picture_bytes(colour))}
            reply = api.post("/api/v1/predictions", files=files, headers={"Prefer": "wait=30"})
            [prediction] = reply.json()["predictions"]
            assert prediction["state"] == "done"
            return dict(prediction)

        red = send("red")
        wait_for(lambda: receiver.bodies, what="the first delivery")
        told = json.loads(receiver.bodies[0])
        assert told["event"] == "prediction.done"
        assert told["prediction"] == {k: v for k, v in red.items() if k != "why"}

        receiver.otherwise = hold
        send("green")
        wait_for(lambda: len(receiver.bodies) == 2, what="the second delivery")
        send("blue")  # answers go on meanwhile
        colours.kill("inference")
        let_go.set()
        receiver.otherwise = says()
        colours.start("inference")
        wait_for(lambda: len(receiver.bodies) == 4, seconds=90, what="both, again")
        numbers = [json.loads(body)["delivery"] for body in receiver.bodies]
        assert numbers[1] == numbers[2]
        assert len(set(numbers)) == 3
