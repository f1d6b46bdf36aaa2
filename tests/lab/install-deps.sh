#!/bin/sh
# Installs what the lab needs on Debian 12 or Ubuntu: virtual machines, their firmware, libvirt,
# the tools of the image build, and the Redfish emulator in the project's virtual environment.
# Run it as root (or with sudo at hand) from anywhere: tests/lab/install-deps.sh [VENV]
set -eu
venv=${1:-$(cd "$(dirname "$0")/../.." && pwd)/.venv}
packages="
    qemu-system-x86 qemu-utils ovmf seabios
    libvirt-daemon-system libvirt-clients libvirt-dev pkg-config gcc python3-dev
    mtools dosfstools xorriso grub-common gdisk cpio
"
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
missing=
for package in $packages; do
    case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
    installed) ;;
    *) missing="$missing $package" ;;
    esac
done
if [ -n "$missing" ]; then
    $as_root apt-get update -q
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
fi
if ! "$venv/bin/python" -c 'import libvirt, sushy_tools' 2>/dev/null; then
    if [ -x "$venv/bin/uv" ]; then
        "$venv/bin/uv" pip install --python "$venv/bin/python" 'sushy-tools>=2.2' 'libvirt-python>=9'
    else
        "$venv/bin/python" -m pip install 'sushy-tools>=2.2' 'libvirt-python>=9'
    fi
fi
echo "The lab's dependencies are installed."
