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
        urls = running_servers(folder)
    except PermissionError as error:
        raise WrongSetting(f"ASSAY_DATA_DIR: no permission to read {error.filename}") from error
    if urls is None:
        raise WrongSetting(
            f"DATABASE_URL is not set, and no embedded servers run in {folder}: start them with `make run`, or set "
            "DATABASE_URL"
        )
    redis_url = settings.redis_url or urls.redis_url
    return with_kept_secret(settings).with_values(database_url=urls.database_url, redis_url=redis_url)


def with_kept_secret(settings: Settings) -> Settings:
    """The settings with the secret that is kept in ASSAY_DATA_DIR, unless they name a secret or a database: the secret
    of one deployment is never used with the database of another."""
    path = _secret_file(data_folder(settings))
    if settings.jwt_secret or settings.database_url or not path.exists():
        return settings
    return settings.with_values(jwt_secret=path.read_text())


def kept_secret(folder: Path) -> str:
    """The secret for tokens that is kept in this data folder; made at the first call."""
    path = _secret_file(folder)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text()


def data_folder(settings: Settings) -> Path:
    """The folder of the embedded servers."""
    return Path(settings.assay_data_dir).resolve()


def _secret_file(folder: Path) -> Path:
    return folder / "jwt.secret"
