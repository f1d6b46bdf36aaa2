"""Facts of the devices: network ports and disks."""

from __future__ import annotations

import re
from typing import Final

from provision.bmc.hardware import Book, Part, Row, in_order
from provision.bmc.replies import JsonObject
from provision.bmc.values import absent, number, objects, serial, text

#: The host's end of its private line to the BMC, as Lenovo and Supermicro call it: no port.
_TO_BMC: Final = "tomanager"


def network(book: Book, part: Part) -> None:
    """Tell the network ports of the host; the fastest only where every port tells its speed.

    A port without a link says nothing or zero, and what a slower neighbour says is no maximum.
    """
    ports = [
        body
        for body in part.bodies
        if not absent(body) and (text(body, "Id") or "").lower() != _TO_BMC
    ]
    if not (part.complete and ports):
        return
    book.tell("nics.count", len(ports), part.path)
    book.tell("nics.ports", in_order(map(_port, ports), "name"), part.path)
    speeds = [_speed(body) for body in ports]
    if all(speeds):
        book.tell("nics.fastest", max(filter(None, speeds)), f"{part.path}#SpeedMbps")


def _port(body: JsonObject) -> Row:
    name, number_ = text(body, "Name"), text(body, "Id")
    return {
        # Ids tell the place (NIC.Slot.2-1-1), while all ports may have one name; bare numbers do
        # not.
        "name": number_ if number_ and not (number_.isdigit() and name) else name,
        "mac": _mac(body),
        "speed": _speed(body),
    }


def _speed(body: JsonObject) -> int | None:
    return round((number(body, "SpeedMbps") or 0) * 10**6) or None


def _mac(body: JsonObject) -> str | None:
    for name in ("PermanentMACAddress", "MACAddress"):
        told = (text(body, name) or "").lower().replace("-", ":")
        if re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", told) and told.strip("0:"):
            return told
    return None


def storage(book: Book, drives: Part, simple: Part) -> None:
    """Tell the disks: those of the storage controllers, else the simpler list."""
    found = [body for body in drives.bodies if not absent(body)]
    rows = [_drive(body) for body in found]
    places = [str(body["@odata.id"]) for body in found]
    part = drives
    if not rows:
        part = simple
        for body in simple.bodies:
            devices = [each for each in objects(body, "Devices") if not absent(each)]
            rows += [_drive(each) for each in devices]
            places += [str(body["@odata.id"])] * len(devices)
    largest = max(zip((_size(row) for row in rows), places, strict=True), default=(0, ""))
    if largest[0]:
        book.tell("storage.largest", largest[0], f"{largest[1]}#CapacityBytes")
    if part.complete and rows:
        book.tell("storage.count", len(rows), part.path)
        book.tell("storage.drives", in_order(rows, "name"), part.path)


def _size(row: Row) -> int:
    size = row["size"]
    return size if isinstance(size, int) else 0


def _drive(body: JsonObject) -> Row:
    left = number(body, "PredictedMediaLifeLeftPercent")
    return {
        "name": text(body, "Name"),
        "model": text(body, "Model"),
        "serial": serial(body, "SerialNumber"),
        "size": round(number(body, "CapacityBytes") or 0) or None,
        "bus": _bus(body),
        "media": {"ssd": "ssd", "hdd": "hdd"}.get((text(body, "MediaType") or "").lower()),
        "life_left": int(left) if left is not None and left <= 100 else None,
    }


_BUSES: Final = {"nvme": "nvme", "sata": "sata", "sas": "sas", "usb": "usb"}


def _bus(body: JsonObject) -> str | None:
    """Return the bus; ``PCIe`` is what some call NVMe, if the disk's own name says that it is."""
    told = (text(body, "Protocol") or "").lower()
    names = f"{text(body, 'Model') or ''} {text(body, 'Name') or ''}".lower()
    if told == "pcie" and "nvme" in names:
        return "nvme"
    return _BUSES.get(told)
