"""The API's page for people, and the lines for a shell on it and on the answers' pages."""

import html
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from tests.pictures import picture_bytes
from tests.stack import Stack
from tests.webapp.programs import document
from webapp.predictions.answering import answer_all_queued
from webapp.predictions.models import Prediction
from webapp.recognizers.models import ModelVersion

DOCS = "/api/v1/docs"
Upload = Callable[..., list[Prediction]]


def text_of(client: Client, path: str = DOCS) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def code_lines(text: str) -> list[str]:
    found = re.findall(r'<pre class="code"><code>(.*?)</code></pre>', text, re.DOTALL)
    return [html.unescape(line) for line in found]


def test_anybody_may_read_it_and_it_asks_the_database_nothing(
    django_assert_num_queries: DjangoAssertNumQueries, db: None
) -> None:
    with django_assert_num_queries(0):
        text_of(Client())


def test_everybody_sees_the_same_but_for_the_masthead(
    owner_client: Client, other_client: Client, curator_client: Client, client: Client
) -> None:
    mains = {
        text_of(each).split("<main")[1].split("</main>")[0]
        for each in (owner_client, other_client, curator_client, client)
    }
    assert len(mains) == 1


def test_it_tells_of_every_operation_with_all_that_is_in_the_document(client: Client) -> None:
    page = text_of(client)
    content = document()
    assert len(content["paths"]) >= 5
    for path, operations in content["paths"].items():
        for method, operation in operations.items():
            section = page.split(f'id="{operation["operationId"]}"')[1].split("</section>")[0]
            section = html.unescape(section)
            assert f"<strong>{method.upper()}</strong> {path}" in section
            assert operation["summary"] in section
            assert operation["description"] in section
            for parameter in operation["parameters"]:
                assert f"<code>{parameter['name']}</code>" in section
            for status, response in operation["responses"].items():
                for content_type, body in response.get("content", {}).items():
                    if content_type != "application/problem+json":
                        assert f"{status} " in section
                        continue
                    for code in body["schema"]["allOf"][1]["properties"]["code"]["enum"]:
                        assert f"{status} {code}" in page
            assert "curl " in section
    for name, schema in content["components"]["schemas"].items():
        if "properties" in schema:
            assert f'id="shape-{name}"' in page
    form = page.split("Fields of the form")[1].split("</dl>")[0]
    correction = page.split('id="prediction_correction"')[1].split("</section>")[0]
    assert "Fields of the JSON object" in correction
    assert "-d" in correction
    assert re.findall(r"<code>(\w+)</code>", form) == ["pictures", "recognizer"]


def test_every_link_inside_of_it_leads_somewhere(client: Client) -> None:
    page = text_of(client)
    anchors = set(re.findall(r'href="#([^"]+)"', page))
    assert "shape-PredictionShape" in anchors
    assert anchors <= set(re.findall(r'id="([^"]+)"', page)) | {"content"}


def test_refusals_are_told_before_there_are_figures_in_them(client: Client) -> None:
    page = html.unescape(text_of(client))
    assert "Expected at most … calls in … seconds" in page
    assert "%(" not in page


def test_it_tells_the_limits_that_hold(client: Client, settings: Settings) -> None:
    assert "1200 calls in 60 seconds with one key" in text_of(client)
    settings.API_CALLS_PER_KEY = 7
    settings.API_CALLS_PER_ADDRESS = 0
    page = text_of(client)
    assert "7 calls in 60 seconds with one key" in page
    assert "from one address" not in page


def test_it_brings_no_script_of_its_own_and_names_no_other_host(client: Client) -> None:
    response = client.get(DOCS)
    page = response.content.decode()
    assert "script-src 'self';" in f"{response['Content-Security-Policy']};"
    assert re.findall(r'(?:src|href|action)="(?:https?:)?//[^"]*"', page) == []
    assert re.findall(r"<script(?![^>]* src=)", page) == []


def test_it_is_only_read(client: Client) -> None:
    assert client.post(DOCS).status_code == 405


# Lines for a shell


def test_an_answers_page_has_its_line(
    owner_client: Client, live_version: ModelVersion, upload_of: Upload
) -> None:
    rows = upload_of("red", "blue")
    answer_all_queued()
    send = (
        'curl -H "Authorization: Bearer $KEY" -H "Prefer: wait=10" -F pictures=@photo.jpg '
        "-F recognizer=colours http://testserver/api/v1/predictions"
    )
    assert code_lines(text_of(owner_client, f"/uploads/{rows[0].upload}/")) == [send]
    answer = f"/predictions/{rows[0].public_id}/"
    read = f'curl -H "Authorization: Bearer $KEY" http://testserver/api/v1{answer.rstrip("/")}'
    assert code_lines(text_of(owner_client, answer)) == [send, read]
    fragment = owner_client.get(answer, headers={"HX-Request": "true"}).content.decode()
    assert "curl" not in fragment  # what renews itself leaves it open


def test_behind_tls_the_line_says_so(
    owner_client: Client, live_version: ModelVersion, upload_of: Upload
) -> None:
    [row] = upload_of("red")
    page = owner_client.get(f"/predictions/{row.public_id}/", secure=True).content.decode()
    assert "https://testserver/api/v1/predictions" in page


@pytest.mark.slow
def test_the_pages_lines_work_in_a_shell(colours: Stack, tmp_path: Path) -> None:
    colours.start("redis", "web")
    (tmp_path / "photo.jpg").write_bytes(picture_bytes())
    environment = {"KEY": colours.create_api_key("ada"), "PATH": os.environ["PATH"]}
    page = httpx.get(f"{colours.url}{DOCS}").text
    for operation in ("recognizers_list", "predictions_upload"):
        section = page.split(f'id="{operation}"')[1].split("</section>")[0]
        [line] = code_lines(section)
        line = line.replace("RECOGNIZER", "colours").replace("wait=10", "wait=0")
        done = subprocess.run(
            ["sh", "-c", f"{line} --silent --show-error --fail-with-body"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done
        assert '"colours"' in done.stdout
