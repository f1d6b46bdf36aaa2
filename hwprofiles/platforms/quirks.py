"""Named departures of BMC platforms from the standard; each is one field, and one question."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwprofiles.sources import Strict


class OemAction(Strict):
    """An action of a vendor's own: where a resource links to it, and what it is told.

    ``{image}`` in a value of ``body`` stands for the address of the image.
    """

    path: tuple[str, ...] = Field(min_length=1, description="names from the resource to its target")
    body: dict[str, str] = Field(default_factory=dict)


class Quirks(Strict):
    """Every one is off unless a platform's file says so."""

    boot_continuous_only: bool = Field(
        default=False, description="the boot override is always Continuous; Once is not kept"
    )
    boot_once_only: bool = Field(
        default=False, description="the override can be Once or Disabled; it cannot be Continuous"
    )
    boot_send_mode: bool = Field(
        default=False, description="BootSourceOverrideMode is forgotten unless sent each time"
    )
    boot_send_whole: bool = Field(
        default=False, description="target, enabled and mode are taken only together"
    )
    boot_no_override: bool = Field(
        default=False, description="there is no boot override; the boot order alone can be set"
    )
    boot_in_settings: bool = Field(
        default=False, description="Boot is read-only at the system, written at its settings"
    )
    boot_order_in_settings: bool = Field(
        default=False, description="BootOrder is written at the settings resource of the system"
    )
    boot_cd_by_option: bool = Field(
        default=False,
        description="the target Cd may boot a real drive: the virtual one is a boot option",
    )
    media_patch: bool = Field(
        default=False, description="virtual media has no actions: PATCH Image and Inserted"
    )
    media_slots: tuple[str, ...] = Field(
        default=(),
        description="patterns of the drives that take an image by URL, the best first; () is all",
    )
    media_send_protocol: bool = Field(
        default=False, description="InsertMedia wants TransferProtocolType"
    )
    media_send_user: bool = Field(
        default=False, description="InsertMedia wants UserName and Password, `none` where none are"
    )
    media_insert: OemAction | None = Field(
        default=None, description="what inserts an image where the standard action is missing"
    )
    media_eject: OemAction | None = Field(
        default=None, description="what ejects an image where the standard action is missing"
    )
    media_by_hand: str = Field(
        default="", description="why virtual media cannot be used here over Redfish, and what can"
    )
    etag_always: bool = Field(
        default=False,
        description="a change without If-Match is refused with another status than 428 or 412",
    )
    etag_never: bool = Field(
        default=False, description="a change with If-Match is refused, whatever the tag"
    )
    etag_in_body: bool = Field(
        default=False, description="the tag of a change is looked for in its body, too"
    )
    bios_apply_on_reset: bool = Field(
        default=False, description="staged settings need @Redfish.SettingsApplyTime OnReset"
    )
    bios_no_apply_time: bool = Field(
        default=False, description="@Redfish.SettingsApplyTime is refused, even OnReset"
    )
    bios_settings_sd: bool = Field(
        default=False, description="settings are staged at Bios/SD, to which no link leads"
    )
    bios_described: bool = Field(
        default=False, description="an attribute is an object; its value is in current_value"
    )
    power_on_settles: Literal[0, 60] = Field(
        default=0, description="seconds after Off in which On is refused as a conflict"
    )
    restart_is_hard: bool = Field(
        default=False, description="GracefulRestart resets without asking the operating system"
    )
    serial_in_sku: bool = Field(
        default=False,
        description="SKU is the serial number of the machine, SerialNumber that of its board",
    )
