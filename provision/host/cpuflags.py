"""The bits of CPUID and what Linux calls them in /proc/cpuinfo. Data only, stdlib only.

After ``arch/x86/include/asm/cpufeatures.h``; bits that Linux keeps to itself (OSXSAVE, which only
says that a kernel runs) are not here, so that a recorded CPU has the flags its kernel would show.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def _bits(text: str) -> Mapping[int, str]:
    """Read ``bit:name`` pairs."""
    pairs = (pair.split(":") for pair in text.split())
    return {int(bit): name for bit, name in pairs}


#: (leaf, subleaf, register) -> bit -> flag.
FLAGS: Final[Mapping[tuple[int, int, str], Mapping[int, str]]] = {
    (0x1, 0, "edx"): _bits(
        "0:fpu 1:vme 2:de 3:pse 4:tsc 5:msr 6:pae 7:mce 8:cx8 9:apic 11:sep 12:mtrr 13:pge 14:mca "
        "15:cmov 16:pat 17:pse36 18:pn 19:clflush 21:dts 22:acpi 23:mmx 24:fxsr 25:sse 26:sse2 "
        "27:ss 28:ht 29:tm 30:ia64 31:pbe"
    ),
    (0x1, 0, "ecx"): _bits(
        "0:pni 1:pclmulqdq 2:dtes64 3:monitor 4:ds_cpl 5:vmx 6:smx 7:est 8:tm2 9:ssse3 10:cid "
        "11:sdbg 12:fma 13:cx16 14:xtpr 15:pdcm 17:pcid 18:dca 19:sse4_1 20:sse4_2 21:x2apic "
        "22:movbe 23:popcnt 24:tsc_deadline_timer 25:aes 26:xsave 28:avx 29:f16c 30:rdrand "
        "31:hypervisor"
    ),
    (0x6, 0, "eax"): _bits("0:dtherm 1:ida 2:arat 4:pln 6:pts 7:hwp"),
    (0x7, 0, "ebx"): _bits(
        "0:fsgsbase 1:tsc_adjust 2:sgx 3:bmi1 4:hle 5:avx2 7:smep 8:bmi2 9:erms 10:invpcid 11:rtm "
        "12:cqm 14:mpx 15:rdt_a 16:avx512f 17:avx512dq 18:rdseed 19:adx 20:smap 21:avx512ifma "
        "23:clflushopt 24:clwb 25:intel_pt 26:avx512pf 27:avx512er 28:avx512cd 29:sha_ni "
        "30:avx512bw 31:avx512vl"
    ),
    (0x7, 0, "ecx"): _bits(
        "1:avx512vbmi 2:umip 3:pku 4:ospke 5:waitpkg 6:avx512_vbmi2 8:gfni 9:vaes 10:vpclmulqdq "
        "11:avx512_vnni 12:avx512_bitalg 13:tme 14:avx512_vpopcntdq 16:la57 22:rdpid 25:cldemote "
        "27:movdiri 28:movdir64b 29:enqcmd 30:sgx_lc"
    ),
    (0x7, 0, "edx"): _bits(
        "2:avx512_4vnniw 3:avx512_4fmaps 4:fsrm 8:avx512_vp2intersect 10:md_clear 14:serialize "
        "16:tsxldtrk 18:pconfig 19:arch_lbr 20:ibt 22:amx_bf16 23:avx512_fp16 24:amx_tile "
        "25:amx_int8 28:flush_l1d 29:arch_capabilities"
    ),
    (0x7, 1, "eax"): _bits("4:avx_vnni 5:avx512_bf16"),
    (0xD, 1, "eax"): _bits("0:xsaveopt 1:xsavec 2:xgetbv1 3:xsaves"),
    (0x8000_0001, 0, "edx"): _bits(
        "11:syscall 19:mp 20:nx 22:mmxext 25:fxsr_opt 26:pdpe1gb 27:rdtscp 29:lm 30:3dnowext "
        "31:3dnow"
    ),
    (0x8000_0001, 0, "ecx"): _bits(
        "0:lahf_lm 1:cmp_legacy 2:svm 3:extapic 4:cr8_legacy 5:abm 6:sse4a 7:misalignsse "
        "8:3dnowprefetch 9:osvw 10:ibs 11:xop 12:skinit 13:wdt 15:lwp 16:fma4 17:tce "
        "19:nodeid_msr 21:tbm 22:topoext 23:perfctr_core 24:perfctr_nb 26:bpext 27:ptsc "
        "28:perfctr_llc 29:mwaitx"
    ),
    (0x8000_0007, 0, "edx"): _bits("7:hw_pstate 8:nonstop_tsc 9:cpb"),
    (0x8000_0008, 0, "ebx"): _bits("0:clzero 1:irperf 2:xsaveerptr 4:rdpru 9:wbnoinvd"),
    (0x8000_000A, 0, "edx"): _bits(
        "0:npt 1:lbrv 2:svm_lock 3:nrip_save 4:tsc_scale 5:vmcb_clean 6:flushbyasid "
        "7:decodeassists 10:pausefilter 12:pfthreshold 13:avic 15:v_vmsave_vmload 16:vgif 25:vnmi"
    ),
    (0x8000_001F, 0, "eax"): _bits("0:sme 1:sev 3:sev_es 4:sev_snp"),
}

#: MSR -> bit of its allowed-1 half -> flag, as in the line "vmx flags" (since Linux 5.6).
#: 481h pin-based and 48Bh secondary controls have that half in bits 63 to 32.
VMX_FLAGS: Final[Mapping[int, Mapping[int, str]]] = {
    0x481: _bits("37:vnmi 39:posted_intr"),
    0x48B: _bits(
        "32:flexpriority 33:ept 37:vpid 39:unrestricted_guest 40:vapic_reg 41:vid 42:ple "
        "46:shadow_vmcs 49:pml 57:tsc_scaling"
    ),
    0x48C: _bits("0:ept_x_only 7:ept_5level 17:ept_1gb 21:ept_ad 32:invvpid"),
}
