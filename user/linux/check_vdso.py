#!/usr/bin/env python3
"""Makes the vDSO image from the linked ELF file: check_vdso.py LINKED IMAGE.

The image is the one load segment, nothing else. Fails if there is anything a process-shared, read-only, never relocated
image must not have."""
import struct
import sys

BASE, LIMIT, HEADER, MAGIC = 0xBFFC0000, 0x3F000, 0x400, 0x5644534F
PT_LOAD, PT_DYNAMIC, PF_W, SHF_WRITE, SHF_ALLOC, SHT_REL, SHT_RELA, ET_DYN = 1, 2, 2, 1, 2, 9, 4, 3


def fail(message):
    sys.exit(f"vdso: {message}")


def main(linked, image):
    data = open(linked, "rb").read()
    (phoff, shoff) = struct.unpack_from("<II", data, 28)
    (phentsize, phnum, shentsize, shnum, _) = struct.unpack_from("<HHHHH", data, 42)
    headers = [struct.unpack_from("<8I", data, phoff + i * phentsize) for i in range(phnum)]
    loads = [h for h in headers if h[0] == PT_LOAD]
    if len(loads) != 1 or not any(h[0] == PT_DYNAMIC for h in headers):
        fail("wants one PT_LOAD and a PT_DYNAMIC")
    (_, offset, address, _, filesz, memsz, flags, _) = loads[0]
    if offset != 0 or address != BASE or filesz != memsz or flags & PF_W:
        fail(f"segment at {address:#x}, offset {offset:#x}, {filesz:#x} of {memsz:#x} bytes, flags {flags}")
    if filesz > LIMIT:
        fail(f"{filesz:#x} bytes, at most {LIMIT:#x} are allowed")
    sections = [struct.unpack_from("<10I", data, shoff + i * shentsize) for i in range(shnum)]
    for (_, kind, section_flags, _, _, size, *_) in sections:
        if size and section_flags & SHF_ALLOC and (section_flags & SHF_WRITE or kind in (SHT_REL, SHT_RELA)):
            fail("there is writable data or a relocation")
    if struct.unpack_from("<I", data, HEADER)[0] != MAGIC:
        fail("no header at 0x400")
    out = bytearray(data[:filesz])
    struct.pack_into("<H", out, 16, ET_DYN)
    struct.pack_into("<I", out, 32, 0)
    struct.pack_into("<HHH", out, 46, 0, 0, 0)
    open(image, "wb").write(out + bytes(-len(out) % 4096))


main(*sys.argv[1:3])
