"""The second factor against RFC 6238, and the vault its secrets lie in."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pyotp
import pytest

from geo.account.lockout import LockRule
from geo.account.second_factor import Vault, matching_step, new_secret, setup_address
from geo.account.secret import key_id_of, new_key, new_token, token_hash
from geo.errors import DataSourceError

RFC = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("now_s", "code"),
    # RFC 6238, appendix B, SHA-1; the last six of eight digits.
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_codes_are_those_of_the_rfc(now_s: int, code: str) -> None:
    assert matching_step(RFC, code, after=0, now_s=now_s) == now_s // 30
    assert matching_step(RFC, f"{code[:3]} {code[3:]}", after=0, now_s=now_s) == now_s // 30


def test_a_code_serves_once_and_only_around_its_time() -> None:
    secret = new_secret()
    now = 1_800_000_000
    code = pyotp.TOTP(secret).at(now)
    step = matching_step(secret, code, after=0, now_s=now)
    assert step == now // 30
    assert matching_step(secret, code, after=step, now_s=now) is None
    assert matching_step(secret, code, after=0, now_s=now + 29) == step
    assert matching_step(secret, code, after=0, now_s=now + 90) is None
    assert matching_step(secret, code, after=0, now_s=now - 90) is None
    assert matching_step(secret, "", after=0, now_s=now) is None
    assert matching_step(secret, "一二三四五六", after=0, now_s=now) is None


def test_an_authenticator_reads_login_and_issuer() -> None:
    address = setup_address(RFC, "wangfang")
    assert address.startswith("otpauth://totp/Fangyu:wangfang?secret=")


def test_a_vault_makes_its_key_once_for_its_owner_only(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "keys" / "fangyu.key")
    sealed = vault.seal(RFC)
    assert RFC not in sealed
    assert stat.S_IMODE(vault.path.stat().st_mode) == 0o600
    assert [one.name for one in vault.path.parent.iterdir()] == ["fangyu.key"]
    assert Vault(vault.path).unseal(sealed) == RFC


def test_a_vault_says_when_its_key_is_gone_or_another_one(tmp_path: Path) -> None:
    sealed = Vault(tmp_path / "one.key").seal(RFC)
    with pytest.raises(DataSourceError, match=r"two\.key"):
        Vault(tmp_path / "two.key").unseal(sealed)
    assert not (tmp_path / "two.key").exists()
    Vault(tmp_path / "two.key").seal(RFC)
    with pytest.raises(DataSourceError, match="does not belong"):
        Vault(tmp_path / "two.key").unseal(sealed)


def test_keys_name_their_id_and_tokens_are_kept_as_hashes() -> None:
    key_id, key = new_key()
    assert key_id_of(key) == key_id
    assert key_id_of("fy_short_x") is None
    assert key_id_of("Basic abc") is None
    assert key_id_of(f"fy_{key_id}_") is None
    assert new_token() != new_token()
    assert len(token_hash("x")) == 64


def test_locks_double_up_to_a_day() -> None:
    rule = LockRule()
    assert [rule.lock(n) for n in range(1, 5)] == [None] * 4
    minutes = [lock.total_seconds() / 60 for n in range(5, 16) if (lock := rule.lock(n)) is not None]
    assert minutes == [15, 30, 60, 120, 240, 480, 960, 1440, 1440, 1440, 1440]
    assert rule.lock(10**9) is not None
