"""The second factor: codes that change every half minute (RFC 6238), from secrets that are kept encrypted."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from pathlib import Path
from typing import Final

import pyotp
from cryptography.fernet import Fernet, InvalidToken

from geo.errors import DataSourceError

ISSUER: Final = "Fangyu"
_STEP_S: Final = 30
_DRIFT: Final = 1
"""Steps a clock may be wrong by."""


def new_secret() -> str:
    """Return a fresh secret for an authenticator.

    Returns
    -------
    str
        160 bits in base 32.
    """
    return pyotp.random_base32()


def setup_address(secret: str, login: str) -> str:
    """Return what an authenticator reads as a QR code.

    Parameters
    ----------
    secret : str
        From `new_secret`.
    login : str
        Whose it is.

    Returns
    -------
    str
        An ``otpauth:`` address.
    """
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)


def matching_step(secret: str, code: str, *, after: int, now_s: float | None = None) -> int | None:
    """Find the time step a code belongs to.

    Parameters
    ----------
    secret : str
        The secret.
    code : str
        Six digits.
    after : int
        Step of the code that was used last: codes of it and of earlier steps are spent.
    now_s : float, optional
        Seconds since 1970; now by default.

    Returns
    -------
    int or None
        The step, to be kept as the one used last; None where the code is wrong or spent.
    """
    present = int((time.time() if now_s is None else now_s) // _STEP_S)
    wanted = "".join(code.split())
    made = pyotp.TOTP(secret)
    for step in range(present - _DRIFT, present + _DRIFT + 1):
        if step > after and pyotp.utils.strings_equal(wanted, made.at(step * _STEP_S)):
            return step
    return None


class Vault:
    """Encrypts secrets with a key that lies outside the store, so that a copy of the store alone tells nothing.

    Parameters
    ----------
    path : pathlib.Path
        The key's file; made when it is first needed, readable by its owner only.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def seal(self, secret: str) -> str:
        """Encrypt a secret.

        Parameters
        ----------
        secret : str
            The secret.

        Returns
        -------
        str
            What the store keeps.
        """
        return Fernet(self._key(create=True)).encrypt(secret.encode()).decode()

    def unseal(self, sealed: str) -> str:
        """Decrypt a secret.

        Parameters
        ----------
        sealed : str
            What `seal` returned.

        Returns
        -------
        str
            The secret.

        Raises
        ------
        DataSourceError
            The key's file is gone or is another one.
        """
        try:
            return Fernet(self._key(create=False)).decrypt(sealed.encode()).decode()
        except (InvalidToken, ValueError) as error:
            raise DataSourceError(
                f"密钥文件 {self.path} 与数据存储不匹配；请放回原文件，或为有关账户重置第二因素",
                f"the key file {self.path} does not belong to this store; put the right one back, or reset the second "
                "factor of the accounts concerned",
            ) from error

    def _key(self, *, create: bool) -> bytes:
        """Read the key, making it where it may be made."""
        try:
            if create and not self.path.exists():
                self.path.parent.mkdir(parents=True, exist_ok=True)
                handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}-")
                with os.fdopen(handle, "wb") as file:
                    file.write(Fernet.generate_key())
                # A whole file appears at once; of two processes one makes it, and both read what is there.
                with contextlib.suppress(FileExistsError):
                    os.link(name, self.path)
                Path(name).unlink()
            return self.path.read_bytes().strip()
        except OSError as error:
            raise DataSourceError(
                f"无法读取密钥文件 {self.path}：{error.strerror}",
                f"the key file {self.path} cannot be read: {error.strerror}",
            ) from error
