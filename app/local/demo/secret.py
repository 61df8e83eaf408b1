"""The tokens' secret where nobody gave one."""

import secrets
from pathlib import Path

from app.settings import Settings


def kept_secret(folder: Path) -> str:
    """The secret of this data folder, made once."""
    path = folder / "jwt.secret"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text()


def with_secret(settings: Settings) -> Settings:
    """The settings, with the secret of the embedded deployment where they name neither a database nor a secret."""
    folder = Path(settings.assay_data_dir).resolve()
    if settings.database_url or settings.jwt_secret or not (folder / "jwt.secret").exists():
        return settings
    return settings.with_values(jwt_secret=kept_secret(folder))
