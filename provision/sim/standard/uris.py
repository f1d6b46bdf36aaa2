"""Where things are in the standard tree."""

from __future__ import annotations

from typing import Final

ROOT: Final = "/redfish/v1"
SESSION_SERVICE: Final = f"{ROOT}/SessionService"
SESSIONS: Final = f"{SESSION_SERVICE}/Sessions"
ACCOUNT_SERVICE: Final = f"{ROOT}/AccountService"
ACCOUNTS: Final = f"{ACCOUNT_SERVICE}/Accounts"
ROLES: Final = f"{ACCOUNT_SERVICE}/Roles"
SYSTEMS: Final = f"{ROOT}/Systems"
SYSTEM: Final = f"{SYSTEMS}/1"
BIOS: Final = f"{SYSTEM}/Bios"
MANAGERS: Final = f"{ROOT}/Managers"
MANAGER: Final = f"{MANAGERS}/BMC"
MEDIA: Final = f"{MANAGER}/VirtualMedia"
CHASSES: Final = f"{ROOT}/Chassis"
CHASSIS: Final = f"{CHASSES}/1"
REGISTRIES: Final = f"{ROOT}/Registries"
BIOS_REGISTRY: Final = "BiosAttributeRegistry.1.0.0"
TASK_SERVICE: Final = f"{ROOT}/TaskService"
TASKS: Final = f"{TASK_SERVICE}/Tasks"
UPDATE_SERVICE: Final = f"{ROOT}/UpdateService"
LOGS: Final = f"{MANAGER}/LogServices"
