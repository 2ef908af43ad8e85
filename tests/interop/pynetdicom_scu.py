"""pynetdicom as a user: ``PORT CALLED_AE [FILE...]``, an echo and then a store of each file; prints the statuses."""

from __future__ import annotations

import sys

from pydicom import dcmread
from pynetdicom import AE
from pynetdicom.sop_class import Verification
from pynetdicom_hold import Hold

port, called = int(sys.argv[1]), sys.argv[2]
datasets = [dcmread(name) for name in sys.argv[3:]]
entity = AE(ae_title="PYNETDICOM")
entity.add_requested_context(Verification)
for sop_class, syntax in dict.fromkeys((one.SOPClassUID, one.file_meta.TransferSyntaxUID) for one in datasets):
    entity.add_requested_context(sop_class, syntax)
association = entity.associate("127.0.0.1", port, ae_title=called)
if not association.is_established:
    sys.exit("no association")
hold = Hold(association)
try:
    print(f"echo {association.send_c_echo().Status:04X}")
    for dataset in datasets:
        print(f"store {association.send_c_store(dataset).Status:04X}")
finally:
    association.release()
    hold.let_go()
