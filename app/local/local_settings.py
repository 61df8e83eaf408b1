"""Settings of the deployment that `make run` has started, for commands without a DATABASE_URL of their own."""

import secrets
from pathlib import Path

from app.local.embedded import running_servers
from app.settings import Settings, WrongSetting


def with_running_servers(settings: Settings) -> Settings:
    """The settings as they are where DATABASE_URL is set; else with the servers that run in ASSAY_DATA_DIR and the
    secret that is kept there. Starts nothing.

    Raises:
        WrongSetting: DATABASE_URL is not set, and no servers run there.
    """
    if settings.database_url is not None:
        return settings
    folder = data_folder(settings)
    try:
        urls, secret = running_servers(folder), _read_secret(folder)
    except PermissionError as error:
        raise _unreadable(error) from error
    if urls is None:
        raise WrongSetting(
            f"DATABASE_URL is not set, and no embedded servers run in {folder}: start them with `make run`, or set "
            "DATABASE_URL"
        )
    return settings.with_values(
        database_url=urls.database_url,
        redis_url=settings.redis_url or urls.redis_url,
        jwt_secret=settings.jwt_secret or (None if settings.jwt_jwks_url else secret),
    )


def with_stored_secret(settings: Settings) -> Settings:
    """The settings with the secret that is kept in ASSAY_DATA_DIR, unless they name a secret, a provider's keys or a
    database: the secret of one deployment is never used with the database of another.

    Raises:
        WrongSetting: they name none of them, and no secret is kept there.
    """
    if settings.jwt_secret or settings.jwt_jwks_url or settings.database_url:
        return settings
    folder = data_folder(settings)
    try:
        secret = _read_secret(folder)
    except PermissionError as error:
        raise _unreadable(error) from error
    if secret is None:
        raise WrongSetting(f"JWT_SECRET is not set, and `make run` has left no secret in {folder}")
    return settings.with_values(jwt_secret=secret)


def get_or_create_secret(folder: Path) -> str:
    """The secret for tokens that is kept in this data folder; made at the first call."""
    secret = _read_secret(folder)
    if secret is None:
        path, secret = _secret_file(folder), secrets.token_urlsafe(48)
        path.touch(mode=0o600)
        path.write_text(secret)
    return secret


def data_folder(settings: Settings) -> Path:
    """The folder of the embedded servers."""
    return Path(settings.assay_data_dir).resolve()


def _read_secret(folder: Path) -> str | None:
    try:
        return _secret_file(folder).read_text()
    except FileNotFoundError:
        return None


def _secret_file(folder: Path) -> Path:
    return folder / "jwt.secret"


def _unreadable(error: PermissionError) -> WrongSetting:
    return WrongSetting(f"ASSAY_DATA_DIR: no permission to read {error.filename}")
