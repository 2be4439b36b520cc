"""Logging in, one's own account and the administration of accounts, in a real browser."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
import uvicorn
from playwright.sync_api import Browser, Page

from api.app import create_app
from api.settings import settings_for
from geo.store import Store, audit, open_store
from tests.accounts import GOOD, OTHER, add_person, fast_hashes
from tests.e2e.test_report_page import browser, pytestmark

__all__ = ["browser", "fast_hashes"]
pytestmark = [*pytestmark, pytest.mark.usefixtures("fast_hashes")]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(str(tmp_path / "city.gpkg")) as opened:
        add_person(opened, "sys", "system_administrator")
        add_person(opened, "sec", "security_administrator")
        add_person(opened, "zhao", "planner", district="990104")
        yield opened


@pytest.fixture
def home(store: Store, tmp_path: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = create_app(settings_for(store.url, tmp_path / "cache"))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until = time.monotonic() + 20
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def page(browser: Browser, home: str) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 1024, "height": 768}, locale="zh-CN", base_url=home, reduced_motion="reduce"
    )
    made = context.new_page()
    foreign: list[str] = []
    made.on("request", lambda one: foreign.append(one.url) if not one.url.startswith((home, "data:")) else None)
    made.on("pageerror", lambda error: foreign.append(str(error)))
    made.on("dialog", lambda dialog: dialog.accept())
    yield made
    assert foreign == [], "nothing is asked of other hosts, and no script fails"
    context.close()


def enter(page: Page, login: str, password: str = GOOD, *, at: str = "/login") -> None:
    page.goto(at)
    page.fill("#login", login)
    page.fill("#password", password)
    page.click("form button")


def test_whoever_logs_in_comes_back_to_where_they_were(page: Page, home: str) -> None:
    page.goto("/ogc?f=html")
    page.click("text=登录")
    page.fill("#login", "zhao")
    page.click("form button")
    assert page.inner_text(".said") == "请填写：口令"
    page.fill("#password", "nothing-like-it")
    page.click("form button")
    page.wait_for_selector("text=账号、口令或验证码不正确")
    assert page.locator("#code").is_hidden()
    page.fill("#password", GOOD)
    page.click("form button")
    page.wait_for_url(f"{home}/ogc")
    assert page.inner_text(".own") == "zhao女士"
    page.goto("/account")
    assert "规划人员" in page.inner_text("main")
    page.click("text=退出登录")
    page.wait_for_url(f"{home}/")
    page.goto("/account")
    assert page.url == f"{home}/login?next=/account"


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example/", "https://evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_a_link_to_the_login_leads_nowhere_else(page: Page, home: str, elsewhere: str) -> None:
    enter(page, "zhao", at=f"/login?next={elsewhere}")
    page.wait_for_url(f"{home}/")


def test_a_second_factor_is_set_up_and_asked_for(page: Page, home: str) -> None:
    enter(page, "zhao", at="/login?next=/account")
    page.wait_for_url(f"{home}/account")
    page.fill("#proof-on", GOOD)
    page.click("text=设置动态验证码")
    page.wait_for_selector("#factor img", state="visible")
    assert page.evaluate("document.querySelector('#factor img').decode().then(() => true)")
    assert page.evaluate("document.querySelector('#factor img').naturalWidth") > 100
    secret = page.locator("#factor code").inner_text()
    page.fill("#first-code", pyotp.TOTP(secret).now())
    page.fill("#proof-done", GOOD)
    page.click("#factor button")
    page.wait_for_selector("text=动态验证码已启用")
    page.click("text=退出登录")
    page.wait_for_url(f"{home}/")
    enter(page, "zhao")
    page.wait_for_selector("#code", state="visible")
    assert page.inner_text(".said") == "请输入动态验证码"
    # The code that set it up is spent; the next one is not.
    page.fill("#code", pyotp.TOTP(secret).at(time.time() + 30))
    page.click("form button")
    page.wait_for_url(f"{home}/")


def test_a_key_is_shown_once_and_revoked(page: Page, home: str, store: Store) -> None:
    enter(page, "zhao", at="/login?next=/account")
    page.wait_for_url(f"{home}/account")
    page.fill("#title", "QGIS")
    page.fill("#proof-key", GOOD)
    page.click("form:has(#title) button")
    page.wait_for_selector("#made-key")
    key = page.inner_text("#made-key")
    headers = {"Authorization": f"Bearer {key}"}
    fresh = page.context.browser.new_context(base_url=home)  # type: ignore[union-attr]
    assert fresh.request.get("/ogc/collections/gaps", headers=headers).status == 200
    page.click("text=完成")
    page.wait_for_selector("text=我的密钥")
    assert key not in page.content()
    page.click("text=吊销")
    page.wait_for_selector("text=密钥已吊销")
    assert fresh.request.get("/ogc/collections/gaps", headers=headers).status == 401
    fresh.close()


def test_administrators_make_an_account_and_give_it_a_role(page: Page, home: str, store: Store) -> None:
    page.goto("/accounts")
    assert page.inner_text("h1") == "需要登录"
    page.click("main a:has-text('登录')")
    page.fill("#login", "sys")
    page.fill("#password", GOOD)
    page.click("form button")
    page.wait_for_url(f"{home}/accounts")
    page.click("summary")
    page.fill("#new-login", "qian")
    page.fill("#new-name", "钱敏")
    page.click("details button")
    page.wait_for_selector("#first", state="visible")
    first = page.inner_text("#first-password")
    page.context.clear_cookies()

    enter(page, "sec", at="/login?next=/accounts")
    page.wait_for_url(f"{home}/accounts")
    assert page.locator("button:has-text('重置口令')").count() == 0
    page.click("tr:has-text('qian') >> text=授权")
    page.check("input[value=place_name_clerk]")
    page.fill("#district", "990104")
    page.click("text=保存授权")
    page.wait_for_selector("text=授权已保存")
    page.context.clear_cookies()

    enter(page, "qian", first)
    page.wait_for_url("**/account?**")
    assert "修改口令之后" in page.inner_text("main")
    assert page.locator("text=新建密钥").count() == 0
    page.fill("#old", first)
    page.fill("#new", "short")
    page.fill("#again", "other")
    page.click("#password button")
    assert page.inner_text("#password .said") == "两次输入的新口令不一致"
    page.fill("#again", "short")
    page.click("#password button")
    page.wait_for_selector("#password .said li")
    assert len(page.locator("#password .said li").all()) == 2, "all faults at once"
    page.fill("#new", OTHER)
    page.fill("#again", OTHER)
    page.click("#password button")
    page.wait_for_url(f"{home}/")
    page.goto("/account")
    assert "地名经办人" in page.inner_text("main")
    with store.session(write=False) as session:
        assert audit.first_broken(session) is None


def test_a_closed_account_gets_in_no_more(page: Page, home: str) -> None:
    enter(page, "sys", at="/login?next=/accounts")
    page.wait_for_url(f"{home}/accounts")
    page.click("tr:has-text('zhao') >> text=停用")
    page.wait_for_selector("text=账户已停用")
    page.context.clear_cookies()
    enter(page, "zhao")
    page.wait_for_selector("text=账号、口令或验证码不正确")
