"""What can be said about a personality: where a BMC departs from the standard, and how.

One YAML file each. What a file does not say is as the standard personality does it. URIs are
written in the standard's spelling, without ``/redfish/v1/``; ``""`` is the service root.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from hwprofiles.sources import Strict

#: What a BIOS attribute can hold.
Scalar = bool | int | str

#: How a BMC spells ProcessorId; ``cpuid.py`` computes each from the processor's signature.
ProcessorIdFormat = Literal[
    "standard",
    "eax-decimal",
    "smbios-swapped",
    "eax-edx",
    "ascii-eax",
    "edx-eax-plain",
    "edx-eax",
    "family-model-step",
    "vendor-family",
    "arm-soc",
]


class Processor(Strict):
    """The processor of the machine; ``signature`` is CPUID leaf 1 EAX."""

    model: str
    vendor: Literal["GenuineIntel", "AuthenticAMD", "ARM"] = "GenuineIntel"
    signature: int
    cores: int = 16
    threads: int = 32
    mhz: int = 2600


class Spelling(Strict):
    """How URIs are spelt."""

    names: dict[str, str] = Field(
        default_factory=dict, description="URI in the standard's spelling -> its last segment here"
    )
    moved: dict[str, str] = Field(
        default_factory=dict, description="URI in the standard's spelling -> whole path here"
    )
    lower: tuple[str, ...] = Field(
        default=(), description="from here on in lower case and with a slash at the end"
    )


class Attribute(Strict):
    """A BIOS attribute.

    ``is`` are the simulator's own attributes that it stands for; without any it has no effect.
    ``words`` are its values by theirs; ``values`` those of one without effect, its default first.
    """

    name: str
    is_: tuple[str, ...] = Field(default=(), alias="is")
    title: str = ""
    help: str = ""
    words: dict[str, Scalar] = Field(default_factory=dict)
    values: tuple[Scalar, ...] = ()
    value_names: tuple[str, ...] = Field(
        default=(), description="ValueName in the registry, where it is not the value"
    )
    read_only: bool = False
    registered: bool = Field(
        default=True, description="no: taken, and refused as PropertyUnknown at the next POST"
    )


class Registry(Strict):
    """Where the BIOS attribute registry is; ``member`` empty: there is none."""

    named: str = Field(default="", description="what Bios.AttributeRegistry says; empty: nothing")
    member: str = ""
    at: str = Field(default="", description="URI of the body, in the standard's spelling")


class Bios(Strict):
    """BIOS settings."""

    attributes: tuple[Attribute, ...] = ()
    place: Literal["Settings", "Pending", "SD", ""] = Field(
        default="Settings", description="the settings resource; empty: Bios itself is written"
    )
    linked: bool = Field(default=True, description="whether SettingsObject names it")
    annotated: bool = Field(default=True, description="whether @Redfish.Settings is there at all")
    pending: Literal["all", "changed", "changed-or-none"] = "all"
    shows_pending: bool = Field(
        default=False, description="Bios shows what waits as if it were in force"
    )
    apply_time: Literal["optional", "required", "refused"] = "optional"
    jobs: bool = Field(default=False, description="a change with an apply time makes a job")
    late_jobs: int = Field(default=0, description="how often a new job is not found")
    form: Literal["plain", "described", "none"] = "plain"
    registry: Registry = Registry(
        named="BiosAttributeRegistry.1.0.0",
        member="BiosAttributeRegistry.1.0.0",
        at="Registries/BiosAttributeRegistry.1.0.0/en.json",
    )


class Boot(Strict):
    """Boot settings. ``targets``: the word here -> the one the firmware knows, or nothing."""

    targets: dict[str, str] = Field(
        default_factory=lambda: {
            word: word for word in ("None", "Pxe", "Hdd", "Cd", "Usb", "BiosSetup", "UefiTarget")
        }
    )
    override: bool = True
    targets_listed: Literal["system", "settings", "nowhere"] = "system"
    enabled: tuple[str, ...] = ("Disabled", "Once", "Continuous")
    enabled_listed: bool = True
    modes: tuple[str, ...] = Field(default=("UEFI", "Legacy"), description="empty: no mode at all")
    forgets: bool = Field(
        default=False, description="mode and enabled fall back unless they are sent each time"
    )
    place: str = Field(default="", description="name of a settings resource beside the system")
    writable: Literal["system", "settings", "both"] = "system"
    loses_once: bool = Field(
        default=False, description="Once, written to the settings resource, does not fire"
    )
    order: Literal["system", "settings", "none"] = "system"
    options: bool = True


class Power(Strict):
    """Resets. ``resets``: the word here -> what the machine does."""

    resets: dict[str, str] = Field(
        default_factory=lambda: {
            word: word
            for word in (
                "On",
                "ForceOff",
                "GracefulShutdown",
                "GracefulRestart",
                "ForceRestart",
                "PowerCycle",
            )
        }
    )
    offered: Literal["list", "action-info"] = "list"
    already: int = Field(default=0, description="status when On is asked while on, …; 0: success")
    settle: float = Field(default=0, description="seconds after off during which On is refused")


class Slot(Strict):
    """A virtual drive; ``drive`` is the one of the machine that it is."""

    id: str
    types: tuple[str, ...] = ("CD", "DVD")
    drive: Literal["cd", "usb", "none"] = "cd"
    at: Literal["manager", "system"] = "manager"
    by: Literal["action", "patch", "connect", "nothing"] = Field(
        default="action", description="connect: one OEM action that connects and disconnects"
    )
    oem: str = Field(default="", description="the vendor's name below Oem, and its action's")


class Media(Strict):
    """Virtual media."""

    slots: tuple[Slot, ...] = ()
    empty: tuple[Literal["manager", "system"], ...] = Field(
        default=(), description="where a collection without members is"
    )
    system_link: Literal["", "manager", "system"] = Field(
        default="", description="the collection that the system links to"
    )
    empty_image: Literal["null", "blank", "missing", "none-word"] = "null"
    keeps_image: bool = Field(default=False, description="Image stays after an eject")
    eject_offered: Literal["always", "inserted"] = "always"
    eject_lag: float = Field(default=0, description="seconds that an eject takes to be seen")


class Tags(Strict):
    """ETags."""

    style: Literal["strong", "weak", "double", "none"] = "strong"
    refuses_own: bool = Field(default=False, description="W/ and all, its own tag is stale")
    gzip: bool = Field(default=False, description="-gzip at the end where gzip was accepted")


class Sessions(Strict):
    """Sessions, and what a full table answers."""

    limit: int = 8
    timeout: int = Field(default=1800, description="seconds")
    full_status: int = 503
    full_id: str = ""


class When(Strict):
    """What a request has to be; everything that is said must hold."""

    method: str = "*"
    path: str = Field(default="*", description="pattern of the URI, in the standard's spelling")
    empty_body: bool | None = Field(default=None, description="no bytes at all")
    has: tuple[str, ...] = Field(default=(), description="one of these is in the body: a/b")
    lacks: tuple[str, ...] = Field(default=(), description="one of these is not in the body")
    if_match: Literal["present", "absent"] | None = None
    identity: bool | None = Field(default=None, description="gzip is not accepted")
    during_post: bool | None = None
    unlicensed: bool = False


class Refusal(Strict):
    """A kind of request that this BMC refuses, and how."""

    when: When
    status: int
    id: str
    text: str


#: Changes of a body, as JSON merge patches have them: null removes; "(null)" stands for null.
Change = dict[str, Any]


class Personality(Strict):
    """One kind of BMC."""

    schema_: Literal["bareiron.personality/1"] = Field(alias="schema")
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str
    platform: str = Field(description="the platform of hwprofiles that this is to be taken for")
    vendor: str
    model: str
    cpu: Processor
    sockets: int = 2
    systems: tuple[str, ...] = Field(default=(), description="ids of the machines on one BMC")
    spelling: Spelling = Spelling()
    bodies: dict[str, Change] = Field(default_factory=dict)
    while_off: dict[str, Change] = Field(
        default_factory=dict, description="more of them, as long as the machine is off"
    )
    adds: dict[str, Change | None] = Field(
        default_factory=dict,
        description="more resources, listed in their collection unless they say (unlisted); "
        "null: a link to what is not there",
    )
    removes: tuple[str, ...] = ()
    processor_id: ProcessorIdFormat = "standard"
    bios: Bios | None = Field(default=None, description="not said: as the standard's")
    boot: Boot = Boot()
    power: Power = Power()
    media: Media | None = Field(default=None, description="not said: as the standard's")
    tags: Tags = Tags()
    sessions: Sessions = Sessions()
    expand: Literal["done", "ignored"] = "done"
    extended_info: Literal["list", "dict"] = "list"
    refuses: tuple[Refusal, ...] = ()
