#!/bin/busybox sh
# What the control domain does once, after its kernel is up. busybox init runs it (etc/inittab).
/bin/busybox --install -s /bin
export PATH=/bin:/usr/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=0755 run /run
mkdir -p /run/xen /run/xenstored /run/lock
hostname bareiron

# Both consoles hear it: the serial line (hvc0, by Xen) and the screen.
tell() {
    while IFS= read -r line; do
        echo "$line" >/dev/hvc0
        [ -c /dev/tty0 ] && echo "$line" >/dev/tty0
    done
}
say() { echo "bareiron: $*" | tell; }

say "dom0 userland reached: Linux $(uname -r)"

# The power button (and the BMC's graceful shutdown, which presses it) shuts guests down, then us.
modprobe -a button evdev
mkdir -p /etc/acpi/PWRF
cat >/etc/acpi/PWRF/00000080 <<'END'
#!/bin/sh
echo "bareiron: power button pressed, shutting down" >/dev/console
timeout 120 /usr/sbin/xl shutdown -a -w >/dev/null 2>&1
sync
poweroff -f
END
chmod 0755 /etc/acpi/PWRF/00000080

modprobe -a xhci-pci ehci-pci uhci-hcd usbhid hid-generic usb-storage uas sd_mod sr_mod ahci nvme \
    sdhci-pci mmc_block 2>/dev/null

if ! [ -d /proc/xen ]; then
    say "no hypervisor: this kernel was not started by Xen"
    exit 1
fi
modprobe -a xenfs xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xen-acpi-processor 2>/dev/null
mount -t xenfs xenfs /proc/xen
mount -t tmpfs xenstored /var/lib/xenstored
xenstored --pid-file /run/xenstored.pid
tries=0
until xenstore-read -s / >/dev/null 2>&1 || [ $tries -ge 100 ]; do
    tries=$((tries + 1))
    usleep 100000
done
xen-init-dom0 >/run/xen-init-dom0.log 2>&1 || tell </run/xen-init-dom0.log
xenconsoled --pid-file=/run/xenconsoled.pid

if xl info >/run/xl-info 2>&1; then
    say "xl info"
    tell </run/xl-info
    xl list | tell
    version=/sys/hypervisor/version
    say "hypervisor up: xen-$(cat $version/major).$(cat $version/minor)$(cat $version/extra)"
else
    tell </run/xl-info
    say "hypervisor not usable: xl info failed"
fi

case " $(cat /proc/cmdline) " in
*" bareiron.shell "*) setsid cttyhack sh </dev/hvc0 >/dev/hvc0 2>&1 & ;;
esac
