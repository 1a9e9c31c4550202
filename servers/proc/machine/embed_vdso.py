"""embed_vdso.py IMAGE OUTPUT.S: an assembler source that puts the vDSO's image between cella_vdso_start and cella_vdso_end."""
import os
import sys

with open(sys.argv[2], 'w') as output:
    output.write(f'''.section .rodata.vdso, "a"
.balign 4096
.global cella_vdso_start, cella_vdso_end
cella_vdso_start: .incbin "{os.path.abspath(sys.argv[1])}"
cella_vdso_end:
.section .note.GNU-stack, "", @progbits
''')
