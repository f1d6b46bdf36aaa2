#!/bin/sh
# Installs what the lab needs on Debian 12 or Ubuntu: virtual machines, their firmware, libvirt,
# the tools of the image build, and the Redfish emulator in the project's virtual environment.
# Run it as root (or with sudo at hand) from anywhere.
set -eu
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
"$(dirname "$0")/../../scripts/setup" lab
