"""Virtual machines behind simulated BMCs: QEMU without KVM, and OVMF as their firmware."""

from __future__ import annotations

from provision.sim.qemu.backend import Qemu

__all__ = ["Qemu"]
